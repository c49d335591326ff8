#!/bin/bash
# Out by the node's own kernel, out by a bridge, in by floating addresses, and out with one address by
# the first of two nodes that is alive. A network namespace plays the internet.
. "$(dirname "$0")/../lib.sh"
folder=$(cd "$(dirname "$0")" && pwd)
processes=()

# inside runs a command on the machine that plays the internet.
inside() { on node1 nsenter --net --target "${processes[0]}" "$@"; }
outside() {
    prompt 'internet$' "$*"
    inside "$@"
}

# background leaves a command running on the node.
background() {
    local command
    printf -v command '%q ' "$@"
    processes+=("$(on node1 bash -c "nohup $command < /dev/null > /dev/null 2>&1 & echo \$!")")
}

# internet makes it: 203.0.113.10 on the node's own network, and 192.0.2.1 on that of the bridge br-ex. On
# port 80 it says to whoever connects which address that is.
internet() {
    local datapath=system
    if [ "$BACKEND" = namespaces ]; then datapath=netdev; fi
    background unshare --net sleep infinity
    local ns=${processes[0]}
    within 5 on node1 bash -c "[ \$(readlink /proc/self/ns/net) != \$(readlink /proc/$ns/ns/net) ]"
    on node1 ip link add lan-demo type veth peer name eth0 netns "$ns"
    on node1 ip addr add 203.0.113.1/24 dev lan-demo
    on node1 ip link set lan-demo up
    on node1 ip link add ext-demo type veth peer name eth1 netns "$ns"
    on node1 ip link set ext-demo up
    on node1 ovs-vsctl add-br br-ex -- set bridge br-ex datapath_type=$datapath -- add-port br-ex ext-demo
    inside ip link set lo up
    inside ip addr add 203.0.113.10/24 dev eth0
    inside ip addr add 192.0.2.1/24 dev eth1
    inside ip addr add 2001:db8:0:2::1/64 dev eth1 nodad
    inside ip link set eth0 up
    inside ip link set eth1 up
    inside ethtool -K eth1 tx off > /dev/null # Open vSwitch's own datapath computes no checksums
    on node1 ethtool -K ext-demo tx off > /dev/null
    background nsenter --net --target "$ns" python3 -c "$server"
}

# extend makes the network of br-ex reach two more nodes: by tunnels here, by cables elsewhere.
extend() {
    local datapath=system n
    if [ "$BACKEND" = namespaces ]; then datapath=netdev; fi
    for n in node2 node3; do
        on "$n" ovs-vsctl add-br br-ex -- set bridge br-ex datapath_type=$datapath
        cable node1 "$n"
        cable "$n" node1
    done
}

# cable adds the end at the first node.
cable() {
    on "$1" ovs-vsctl add-port br-ex "ext-$2" -- \
        set interface "ext-$2" type=vxlan "options:remote_ip=$(address "$2")" options:key=99 options:dst_port=4790
}

# switch sends a signal to a node's Open vSwitch.
switch() { on "$1" bash -c "kill -$2 \$(cat \${OVS_RUNDIR:-/var/run/openvswitch}/ovs-vswitchd.pid)"; }

server='import socket, socketserver
class Client(socketserver.BaseRequestHandler):
    def handle(self): self.request.sendall(b"  you are %s\n" % self.client_address[0].removeprefix("::ffff:").encode())
class Server(socketserver.ThreadingTCPServer): address_family = socket.AF_INET6
Server(("::", 80), Client).serve_forever()'

cleanup() {
    on node1 kill "${processes[@]}" || true
    switch node2 CONT || true
    for n in node1 node2 node3; do on "$n" ovs-vsctl --if-exists del-br br-ex || true; done
}

# is_node succeeds if a node has the egress address; leaves, by IPv6 leaves6, if web1 leaves
# with an address.
leaves6() { container exec web1 busybox nc -w 1 2001:db8:0:2::1 80 | grep -qF "$1"; }
is_node() { sdnctl egressip list | grep -q " $1 "; }
leaves() { container exec web1 busybox nc -w 1 192.0.2.1 80 | grep -qF "$1"; }

# serve has a container say its name to whoever connects to port 8080.
serve() { container exec "$1" sh -c "nohup busybox nc -ll -p 8080 -e echo 'hello from $1' > /dev/null 2>&1 &"; }

title "A node with two ways out, and sdnd"
nodes 3
internet
extend
show on node1 sdnctl node join node1 --controller "$CONTROLLER" --tunnel-ip "$(address node1)" --uplink host --uplink bridge:br-ex --no-wait
apply "$folder/topology.yaml"
attach node1 desk --ip 10.50.0.10/24 --mac "$(field desk mac)" --gw 10.50.0.1
attach node1 web1 --ip 10.51.0.11/24 --mac "$(field web1 mac)" --gw 10.51.0.1
attach node1 web2 --ip 10.51.0.12/24 --mac "$(field web2 mac)" --gw 10.51.0.1
bound desk web1 web2
serve web1
serve web2

title "Out: by the node's own kernel, and by the bridge with the node's address there"
within 10 container exec desk busybox nc 203.0.113.10 80
show container exec desk busybox nc 203.0.113.10 80
within 10 container exec web1 busybox nc 192.0.2.1 80
show container exec web1 busybox nc 192.0.2.1 80

title "In: a floating address of web1, which leaves with it, too"
show sdnctl floatingip create web --uplink ext --address 192.0.2.70 --port web1 --wait
show sdnctl floatingip list
within 10 inside busybox nc 192.0.2.70 8080
outside busybox nc 192.0.2.70 8080
show container exec web1 busybox nc 192.0.2.1 80
show container exec web2 busybox nc 192.0.2.70 8080

title "Ports of one address, forwarded to both"
show sdnctl floatingip create shared --uplink ext --address 192.0.2.71 --forward tcp/80:web1:8080,tcp/81:web2:8080 --wait
outside busybox nc 192.0.2.71 80
outside busybox nc 192.0.2.71 81

title "Policies judge what comes in"
show sdnctl policy create web --subject app=web --allow-from 198.51.100.0/24 --ports tcp/8080 --wait
prompt 'internet$' "busybox nc -w 1 192.0.2.70 8080"
refused inside busybox nc -w 1 192.0.2.70 8080
show sdnctl policy delete web --wait
outside busybox nc 192.0.2.70 8080

title "The address goes to another port"
show sdnctl floatingip set web --port web2 --wait
outside busybox nc 192.0.2.70 8080

title "Out with one address, wherever the ports are: by node2, and by node3 when node2 fails"
for n in node2 node3; do
    show on "$n" sdnctl node join "$n" --controller "$CONTROLLER" --tunnel-ip "$(address "$n")" --uplink bridge:br-ex --no-wait
done
apply "$folder/gateways.yaml"
show sdnctl egressip create shops --uplink ext --address 192.0.2.80 --ports app=web --node node2,node3 --wait
within 20 is_node node2
within 20 sdnctl wait --for ready egressip/shops
show sdnctl egressip list
within 20 leaves 192.0.2.80
show container exec web1 busybox nc 192.0.2.1 80
show container exec web2 busybox nc 192.0.2.1 80
say "node2's switch stops:"
switch node2 STOP
within 20 container exec web1 busybox nc -w 1 192.0.2.1 80
show container exec web1 busybox nc 192.0.2.1 80
within 20 is_node node3
show sdnctl egressip list
say "and goes on:"
switch node2 CONT
within 20 is_node node2
show sdnctl egressip list

title "The same by IPv6"
container address web1 "$(six web1)/64" "$(six web1 gateway)"
show sdnctl egressip set shops --address 192.0.2.80,2001:db8:0:2::50 --wait
within 20 leaves6 2001:db8:0:2::50
show container exec web1 busybox nc 2001:db8:0:2::1 80
show container exec web1 busybox nc 192.0.2.1 80
