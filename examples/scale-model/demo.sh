#!/bin/bash
# The scale model on two nodes: a layer-2 domain per node, routing between them.
. "$(dirname "$0")/../lib.sh"
folder=$(cd "$(dirname "$0")" && pwd)

title "Two nodes with Open vSwitch, and sdnd"
nodes 2
show on node1 ovs-vsctl show

title "Each node joins: a command run on the node, which says what it does"
join node1
join_quietly node2

title "The topology, from a file"
grep -v '^#' "$folder/topology.yaml" | sed -n '/^kind: Network/,/^---/p' | grep -v '^---'
say '  … and six ports, such as'
grep -A2 'name: netsho1' "$folder/topology.yaml"
apply "$folder/topology.yaml"

title "Containers, with the addresses that were declared"
attach node1 netsho1 --ip 10.244.1.3/24 --gw 10.244.1.1 --mac 02:00:00:00:01:03
attach node1 netsho2 --ip 10.244.1.4/24 --gw 10.244.1.1 --mac 02:00:00:00:01:04
attach node1 netsho3 --ip 10.244.1.5/24 --gw 10.244.1.1 --mac 02:00:00:00:01:05
attach node1 nginx1 --ip 10.244.1.6/24 --gw 10.244.1.1 --mac 02:00:00:00:01:06
attach node2 netsho4 --ip 10.244.2.3/24 --gw 10.244.2.1 --mac 02:00:00:00:02:03
attach node2 nginx2 --ip 10.244.2.4/24 --gw 10.244.2.1 --mac 02:00:00:00:02:04
bound netsho1 netsho2 netsho3 nginx1 netsho4 nginx2
show sdnctl node list
show sdnctl port list

title "Inside a node"
show container exec netsho1 ping -c2 -i0.2 -W2 10.244.1.4

title "To the gateway, which is a handful of flows on the node itself"
show container exec netsho1 ping -c2 -i0.2 -W2 10.244.1.1

title "Across nodes: routed, so the time to live is one less"
show container exec netsho1 ping -c2 -i0.2 -W2 10.244.2.3
show container exec nginx2 ping -c2 -i0.2 -W2 10.244.1.6

title "What it costs"
one=$(flows node1)
two=$(flows node2)
say "ovs-ofctl dump-flows br-int | grep -vc pkt_mark"
printf '  %-8s %4s   OVN with 2 of these containers: 412\n' node1 "$one" node2 "$two"
why node1

title "IPv6 beside IPv4: a second subnet, of which each node gets a /64"
show sdnctl network set containers --subnet 10.244.0.0/16 --subnet fd00:f4::/48
ipv6 netsho1 netsho2 netsho4
show container exec netsho1 ping -c2 -i0.2 -W2 "$(six netsho2)"
show container exec netsho1 ping -c2 -i0.2 -W2 "$(six netsho1 gateway)"
show container exec netsho1 ping -c2 -i0.2 -W2 "$(six netsho4)"

title "The same on your own machines"
cat <<EOF
  controller$  sdnd &
  controller$  sdnctl node invite node1     # prints the line to run on node1
  controller$  sdnctl node invite node2     # and the one for node2
  controller$  sdnctl apply -f examples/scale-model/topology.yaml --wait
  node1#       ovs-docker add-port br-int eth0 netsho1 --ipaddress=10.244.1.3/24 \\
                 --gateway=10.244.1.1 --macaddress=02:00:00:00:01:03
  node1#       docker exec netsho1 ping 10.244.2.3
EOF
