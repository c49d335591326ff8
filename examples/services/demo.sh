#!/bin/bash
# One address for several servers: spread over two nodes, grown by a label, drained, healed by
# the switch.
. "$(dirname "$0")/../lib.sh"
folder=$(cd "$(dirname "$0")" && pwd)

# plug NODE PORT IP GATEWAY adds a container with the addresses of its port, of both families.
plug() {
    attach "$1" "$2" --ip "$3/24" --mac "$(field "$2" mac)" --gw "$4"
    container address "$2" "$(six "$2")/64" "$(six "$2" gateway)"
}

# serve has a container say its name to whoever connects to port 8080.
serve() { container exec "$1" sh -c "nohup busybox nc -ll -p 8080 -e echo 'hello from $1' > /dev/null 2>&1 &"; }

# ask prints who answers at an address, and how often of 12 times.
ask() {
    prompt 'client$' "for i in \$(seq 12); do busybox nc $1 80 < /dev/null; done | sort | uniq -c"
    for _ in $(seq 12); do container exec client busybox nc "$1" 80 < /dev/null || true; done | sort | uniq -c | sed 's/^ *[0-9]* /  /'
}

title "Two nodes, and sdnd"
nodes 2
join node1
join_quietly node2

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
