# What follows is the same on every node. Both may run again at any time.

link6=
if [ -n "$ranges6" ] && [ -e /proc/net/if_inet6 ]; then link6=$address6; fi
conf=/proc/sys/net
# The routes are in a table of their own that is only for packets of this machine itself, and
# what arrives by the port can only be for this machine: whatever the rules of nftables are,
# the kernel forwards nothing to the port or from it. Where the port is not there, packets
# for its ranges go nowhere else.
routes=11500
last="metric 32767"

# route FAMILY RULE... adds a rule of routing, unless it is there.
route() {
    family=$1
    shift
    [ -n "$(ip $family rule show "$1" "$2")" ] || ip $family rule add "$@"
}

start() {
    # The rules stand before a packet can arrive.
    rules | nft -f -
    for family in -4 ${link6:+-6}; do
        route $family pref $routes iif lo lookup $routes
        route $family pref $((routes + 1)) iif $dev type unreachable
    done
    ip link set dev $dev address $kernel_mac
    if [ -e $conf/ipv6/conf/$dev ]; then
        for off in accept_ra autoconf accept_redirects; do echo 0 >$conf/ipv6/conf/$dev/$off; done
        echo 1 >$conf/ipv6/conf/$dev/addr_gen_mode
    fi
    ip link set dev $dev mtu $mtu up
    for off in forwarding accept_redirects send_redirects; do echo 0 >$conf/ipv4/conf/$dev/$off; done
    clear
    if [ -n "$ranges4" ]; then ip neigh replace $switch4 lladdr $switch_mac dev $dev nud permanent; fi
    for range in $ranges4; do
        ip route replace $range via $switch4 dev $dev onlink src $address4 mtu $mtu table $routes
        ip route replace unreachable $range $last table $routes
    done
    [ -n "$link6" ] || return 0
    ip -6 neigh replace $switch6 lladdr $switch_mac dev $dev nud permanent
    for range in $ranges6; do
        ip -6 route replace $range via $switch6 dev $dev src $address6 mtu $mtu table $routes
        ip -6 route replace unreachable $range $last table $routes
    done
}

# clear removes the routes.
clear() {
    ip route flush table $routes 2>/dev/null || true
    ip -6 route flush table $routes 2>/dev/null || true
}

rules() {
    echo "add table inet $table"
    echo "delete table inet $table"
    echo "table inet $table {"
    echo "chain input { type filter hook input priority filter - 1;"
    echo "iifname $dev udp dport $vxlan_port counter drop comment \"could be taken for a node's own\""
    echo "iifname $dev tcp dport { $controller_ports } counter drop comment \"sdnd\""
    echo "}"
    echo "chain forward { type filter hook forward priority filter - 1;"
    echo "iifname $dev counter drop comment \"ports reach this machine only\""
    echo "oifname $dev counter drop comment \"this machine only reaches ports\""
    echo "}"
    echo "}"
}

stop() {
    ip link set dev $dev down 2>/dev/null || true
    clear
    for family in -4 -6; do
        for pref in $routes $((routes + 1)); do ip $family rule del pref $pref 2>/dev/null || true; done
    done
    nft delete table inet $table 2>/dev/null || true
}

case ${1:-} in
start | stop) "$1" ;;
*) echo "usage: $0 start|stop" >&2; exit 2 ;;
esac
