#!/bin/bash
# One layer-2 domain over three nodes, and a container that moves.
. "$(dirname "$0")/../lib.sh"
folder=$(cd "$(dirname "$0")" && pwd)

title "Three nodes, and sdnd"
nodes 3
join node1
join_quietly node2
join_quietly node3

title "One network over all of them"
apply "$folder/topology.yaml"
attach node1 web1 --ip 10.0.0.11/24 --mac 02:00:00:00:00:11
attach node2 web2 --ip 10.0.0.12/24 --mac 02:00:00:00:00:12
attach node3 web3 --ip 10.0.0.13/24 --mac 02:00:00:00:00:13
attach node1 roamer --ip 10.0.0.20/24 --mac 02:00:00:00:00:20
bound web1 web2 web3 roamer
show sdnctl port list

title "Every container reaches every other: one hop, so no time to live is lost"
show container exec web1 ping -c2 -i0.2 -W2 10.0.0.12
show container exec web2 ping -c2 -i0.2 -W2 10.0.0.13
show container exec web3 ping -c2 -i0.2 -W2 10.0.0.20

title "The roamer moves to node3 and keeps its addresses"
container move roamer node3
bound roamer
show sdnctl port show roamer
show container exec web1 ping -c2 -i0.2 -W2 10.0.0.20

title "What it costs"
for node in node1 node2 node3; do
    say "  $node: $(flows $node) lines of ovs-ofctl dump-flows"
done

title "IPv6 beside IPv4: a second subnet, and an address of it for each port"
show sdnctl network set blue --subnet 10.0.0.0/24 --subnet fd00:a::/64
ipv6 web1 web2 web3 roamer
show container exec web1 ping -c2 -i0.2 -W2 "$(six web2)"
show container exec web2 ping -c2 -i0.2 -W2 "$(six roamer)"
