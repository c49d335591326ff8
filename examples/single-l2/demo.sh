#!/bin/bash
# One layer-2 domain on one node, with Docker and ovs-docker.
. "$(dirname "$0")/../lib.sh"
folder=$(cd "$(dirname "$0")" && pwd)

cleanup() {
    local name
    for name in netsho1 netsho2; do
        on node1 ovs-docker del-ports br-int $name
        on node1 docker rm --force $name
    done > /dev/null 2>&1
}

title "A node, and sdnd"
nodes 1
join node1
docker_up

title "Containers, plugged in by ovs-docker"
show on node1 docker run --detach --network none --name netsho1 $IMAGE sleep infinity
show on node1 docker run --detach --network none --name netsho2 $IMAGE sleep infinity
show on node1 ovs-docker add-port br-int eth0 netsho1 --ipaddress=10.244.1.3/16 --macaddress=02:00:00:00:01:03
show on node1 ovs-docker add-port br-int eth0 netsho2 --ipaddress=10.244.1.4/16 --macaddress=02:00:00:00:01:04

title "Nothing is declared yet, so nothing passes"
show refused on node1 docker exec netsho1 ping -c1 -W1 10.244.1.4

title "The topology; ovs-docker's external_ids:container_id binds the ports"
apply "$folder/topology.yaml"
bound netsho1 netsho2
show sdnctl port list
show on node1 docker exec netsho1 ping -c3 10.244.1.4

title "No MAC address was learned: the flows know them"
show on node1 ovs-appctl fdb/show br-int
show on node1 ovs-appctl dpctl/dump-flows
why node1

title "IPv6 beside IPv4: a second subnet, and an address of it for each port"
show sdnctl network set containers --subnet 10.244.0.0/16 --subnet fd00:f4::/64
ipv6
for name in netsho1 netsho2; do
    docker_address node1 $name "$(six $name)/64"
done
show on node1 docker exec netsho1 ping -c3 "$(six netsho2)"
