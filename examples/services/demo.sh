#!/bin/bash
# One address for several servers: spread over two nodes, grown by a label, reached from outside,
# drained, healed by the switch.
. "$(dirname "$0")/../lib.sh"
folder=$(cd "$(dirname "$0")" && pwd)

# plug NODE PORT IP GATEWAY adds a container with the addresses of its port, of both families.
plug() {
    attach "$1" "$2" --ip "$3/24" --mac "$(field "$2" mac)" --gw "$4"
    container address "$2" "$(six "$2")/64" "$(six "$2" gateway)"
}

# enter makes a node one of sdnd's, and lets machines outside reach services at its addresses.
enter() { show on "$1" sdnctl node join "$1" --controller "$CONTROLLER" --tunnel-ip "$(address "$1")" --uplink host --no-wait; }

# serve has a container say its name to whoever connects to port 8080, and what it hears to whoever
# connects to port 8081.
serve() {
    container exec "$1" sh -c "nohup busybox nc -ll -p 8080 -e echo 'hello from $1' > /dev/null 2>&1 &"
    container exec "$1" sh -c "nohup busybox nc -ll -p 8081 -e cat > /dev/null 2>&1 &"
}

# talk talks to the port 7 of the service until the connection ends.
talk() { container exec client sh -c 'while echo still here; do sleep 0.2; done | busybox nc 10.96.0.10 7 > /dev/null 2>&1; echo "  the connection has ended"'; }

talks() { container exec client busybox netstat -tn | grep -q ':7 .*ESTABLISHED'; }

# ask prints who answers at an address, and how often of 12 times.
ask() {
    prompt 'client$' "for i in \$(seq 12); do busybox nc $1 80 < /dev/null; done | sort | uniq -c"
    for _ in $(seq 12); do container exec client busybox nc "$1" 80 < /dev/null || true; done | sort | uniq -c | sed 's/^ *[0-9]* /  /'
}

title "Two nodes, and sdnd"
nodes 2
enter node1
enter node2 > /dev/null 2>&1

title "A client, and servers: two have the label app=web"
apply "$folder/topology.yaml"
plug node1 client 10.30.0.10 10.30.0.1
plug node1 web1 10.31.0.11 10.31.0.1
plug node2 web2 10.31.0.12 10.31.0.1
plug node2 web3 10.31.0.13 10.31.0.1
bound client web1 web2 web3
for name in web1 web2 web3; do serve "$name"; done
show sdnctl service show web

title "Connections to the service go to both"
ask 10.96.0.10
ask fd00:60::10

title "A third server needs the label only"
show sdnctl port set web3 --label app=web --wait
ask 10.96.0.10

title "Machines outside reach it at the addresses of nodes: here node1 asks node2, as any machine can"
show sdnctl wait --for ready service/web
ask_outside() { on node1 busybox nc -w 5 172.16.56.3 30080 < /dev/null; }
within 20 ask_outside
prompt 'node1#' "for i in \$(seq 12); do busybox nc 172.16.56.3 30080 < /dev/null; done | sort | uniq -c"
for _ in $(seq 12); do ask_outside || true; done | sort | uniq -c | sed 's/^ *[0-9]* /  /'

title "Each client reaches servers on its own node only"
show sdnctl service set web --internal-traffic-policy Local --wait
ask 10.96.0.10
show sdnctl service set web --internal-traffic-policy Cluster --wait

title "Servers that leave have two seconds for their connections"
show sdnctl service set web --draining-time 2s --wait
prompt 'client$' "while echo still here; do sleep 0.2; done | busybox nc 10.96.0.10 7"
talk &
talking=$!
within 10 talks
show sdnctl service set web --backends app=wob --wait
wait $talking
show sdnctl service set web --backends app=web --wait
ask 10.96.0.10

title "Without backends the service refuses at once, and status says why"
show sdnctl service set web --backends app=wob --wait
show refused container exec client busybox nc 10.96.0.10 80 < /dev/null
show sdnctl status
show sdnctl service set web --backends app=web --wait
show sdnctl wait --for ready service/web
ask 10.96.0.10

title "The switch notices a dead interface, without sdnd"
show container exec web1 ip link set eth0 down
ask 10.96.0.10
