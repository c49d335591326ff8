#!/bin/bash
# Two tenants with the same addresses; nodes that have only the flows that
# they need.
. "$(dirname "$0")/../lib.sh"
folder=$(cd "$(dirname "$0")" && pwd)

# plug adds a container with what sdnd chose for the port.
plug() {
    attach "$1" "$2" --ip "$(field "$2" ip)/24" --mac "$(field "$2" mac)"
}

# mentions counts a node's flows that are there for a network or its ports.
mentions() { sdnctl flows "$1" 2> /dev/null | grep -c "$2" || true; }

title "Two nodes, and sdnd"
nodes 2
join node1
join_quietly node2

title "Two tenants that use the same addresses"
apply "$folder/topology.yaml"
plug node1 red1
plug node2 red2
plug node1 green1
plug node1 green2
bound red1 red2 green1 green2
show sdnctl port list

title "Each tenant reaches its own"
show container exec red1 ping -c2 -i0.2 -W2 "$(field red2 ip)"
show container exec green1 ping -c2 -i0.2 -W2 192.168.10.201

title "… and not the other"
show refused container exec red1 ping -c1 -W1 192.168.10.200

title "node2 has no port of green, and no flow of it"
say "node2's flows for green: $(mentions node2 green)"
[ "$(mentions node2 green)" = 0 ]

title "It gets all flows of green with its first port"
show sdnctl port create green3 --network green --node node2 --ip 192.168.10.202 --wait
plug node2 green3
bound green3
say "node2's flows for green: $(mentions node2 green)"
show container exec green3 ping -c2 -i0.2 -W2 192.168.10.200

title "… and loses it when the last leaves"
container rm green3
show sdnctl port delete green3 --wait
say "node2's flows for green: $(mentions node2 green)"
[ "$(mentions node2 green)" = 0 ]

title "An address is held by one port"
show refused sdnctl port create thief --network red --node node2 --ip "$(field red1 ip)"

title "IPv6 beside IPv4: both tenants may use the same range here, too"
show sdnctl network set red --subnet 192.168.10.0/24 --subnet 192.168.11.0/24 --subnet fd00:b::/64
show sdnctl network set green --subnet 192.168.10.0/24,reserve=192.168.10.2-192.168.10.99 --subnet fd00:b::/64
ipv6 red1 red2 green1 green2
show container exec red1 ping -c2 -i0.2 -W2 "$(six red2)"
show container exec green1 ping -c2 -i0.2 -W2 "$(six green2)"
