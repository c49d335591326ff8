#!/bin/bash
# Containers without an address: they get it by DHCP, with the name server, and find each other
# by name.
. "$(dirname "$0")/../lib.sh"
folder=$(cd "$(dirname "$0")" && pwd)

# dhcp has a container get its address, and prints what it learned.
dhcp() {
    prompt "$1\$" "udhcpc -i eth0"
    container exec "$1" sh -c 'lease=$(mktemp) && cat > $lease && chmod +x $lease &&
        busybox udhcpc -i eth0 -n -q -t 10 -T 1 -s $lease 2> /dev/null; rm $lease' <<'LEASE'
#!/bin/sh
[ "$1" = bound ] || exit 0
ip addr replace "$ip/$mask" dev eth0
ip route replace default via "$router"
ip link set eth0 mtu "${mtu:-1450}"
echo "  address $ip, gateway $router, name server $dns, domain $domain"
LEASE
}

# lookup asks the gateway of the client for a name.
lookup() { show container exec client busybox nslookup "$@" 10.40.0.1; }

title "Two nodes, and sdnd"
nodes 2
join node1
join_quietly node2

title "Two containers, with the MACs of their ports and no address"
apply "$folder/topology.yaml"
attach node1 client --mac "$(field client mac)"
attach node2 db1 --mac "$(field db1 mac)"
bound client db1

title "They get what they need by DHCP"
dhcp client
dhcp db1

title "The client finds the other network's port, and the service, by name"
lookup db1.back.example
lookup db.front.example
show container exec client ping -c 1 -W 2 "$(container exec client busybox nslookup db1.back.example 10.40.0.1 | sed -n 's/^Address[^:]*: *\(10\.41\..*\)/\1/p' | tail -n1)"

title "A name is known with the commit that declares it, and gone with it"
show refused container exec client busybox nslookup new.back.example 10.40.0.1
show sdnctl port create new --network back --wait
lookup new.back.example
show sdnctl port delete new

title "What was asked, and what sdnd answered"
show sdnctl answers client --cause dns
show sdnctl answers --cause dhcp
