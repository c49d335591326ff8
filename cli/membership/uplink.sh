# What follows is the same on every node. Both may run again at any time.

link4=${range4:+$kernel4}
link6=
if [ -n "$range6" ] && [ -e /proc/net/if_inet6 ]; then link6=$kernel6; fi
conf=/proc/sys/net

# change FILE VALUE sets a kernel parameter, and notes what it was for "stop".
change() {
    was=$(cat "$1")
    [ "$was" = "$2" ] && return
    grep -qs "^$1 " "$state" || echo "$1 $was" >>"$state"
    echo "$2" >"$1"
}

# guarded FAMILY prints the set of interfaces between which this machine forwarded nothing
# before, so that it goes on to forward nothing that is not of sdnd's networks. Interfaces
# that come later, such as Docker's bridges, are not among them.
guarded() {
    if ! grep -qs "^guard$1 " "$state"; then
        if [ "$(cat $conf/$1/conf/all/forwarding)" = 1 ]; then return; fi
        names=
        for i in $(ip -o link show | sed 's/^[0-9]*: *\([^:@]*\).*/\1/'); do
            if [ "$i" != lo ] && [ "$i" != $dev ]; then names="$names \"$i\","; fi
        done
        echo "guard$1 $names" >>"$state"
    fi
    sed -n "s/^guard$1 //p" "$state"
}

# own prints, as PROTOCOL/PORT, the node ports at which programs of this machine listen, other than
# at loopback addresses. They stay the machine's own.
own() {
    for protocol in tcp udp; do
        ss -Hln --$protocol 2>/dev/null | while read -r _ _ _ local _; do
            port=${local##*:}
            case $local in 127.* | "[::1]"* | "[::ffff:127."*) continue ;; esac
            case $port in *[!0-9]* | "") continue ;; esac
            if [ "$port" -ge "$first_port" ] && [ "$port" -le "$last_port" ]; then echo "$protocol/$port"; fi
        done
    done | sort -u
}

# unreserved prints where the ports begin that the kernel gives to programs which ask for any, if
# node ports are among them.
unreserved() {
    if grep -qs "\b$first_port-$last_port\b" $conf/ipv4/ip_local_reserved_ports; then return; fi
    # Not by "read", which asks the kernel for single bytes, and gets one.
    range=$(cat $conf/ipv4/ip_local_port_range)
    from=${range%%[!0-9]*} to=${range##*[!0-9]}
    if [ "$from" -le "$last_port" ] && [ "$to" -ge "$first_port" ]; then echo "$from-$to"; fi
}

# tell lets sdnd know what of the node ports is not its to use.
tell() {
    ovs-vsctl --timeout=5 --no-wait --if-exists set interface $dev \
        external_ids:sdnctl-node-ports="$first_port-$last_port" \
        external_ids:sdnctl-node-ports-taken="\"$(own | tr '\n' ' ' | sed 's/ $//')\"" \
        external_ids:sdnctl-node-ports-local="\"$(unreserved)\"" >/dev/null || true
}

start() {
    ip link set dev $dev address $kernel_mac
    if [ -e $conf/ipv6/conf/$dev ]; then
        for off in accept_ra autoconf accept_redirects; do echo 0 >$conf/ipv6/conf/$dev/$off; done
        echo 1 >$conf/ipv6/conf/$dev/addr_gen_mode
    fi
    ip link set dev $dev mtu $mtu up
    if [ -n "$link4" ]; then
        ip addr replace $kernel4/32 dev $dev
        ip neigh replace $switch4 lladdr $switch_mac dev $dev nud permanent
        ip route replace $range4 via $switch4 dev $dev onlink src $kernel4 mtu $inner_mtu
    fi
    if [ -n "$link6" ]; then
        ip -6 addr replace $kernel6/128 dev $dev nodad
        ip -6 neigh replace $switch6 lladdr $switch_mac dev $dev nud permanent
        ip -6 route replace $switch6/128 dev $dev
        ip -6 route replace $range6 via $switch6 dev $dev mtu $inner_mtu
    fi
    touch "$state"
    guard4=$(guarded ipv4)
    guard6=
    if [ -n "$link6" ]; then guard6=$(guarded ipv6); fi
    # The rules stand before anything is forwarded. An older nft may know no limits of connections.
    if ! rules limits | nft -f -; then
        echo "nft takes no limits of connections: a router may fill this machine's table of connections" >&2
        rules | nft -f -
    fi
    for tables in iptables ip6tables; do
        command -v $tables >/dev/null || continue
        for way in -i -o; do
            $tables -w -C FORWARD $way $dev -m comment --comment sdnctl -j ACCEPT 2>/dev/null ||
                $tables -w -I FORWARD $way $dev -m comment --comment sdnctl -j ACCEPT || true
        done
    done
    if [ -n "$link4" ]; then change $conf/ipv4/conf/all/forwarding 1; fi
    if [ -n "$link6" ]; then
        # A kernel that forwards takes no default route from routers any more, but for 2.
        for ra in $conf/ipv6/conf/*/accept_ra; do
            case $ra in */$dev/*) continue ;; esac
            if [ "$(cat $ra)" = 1 ]; then change $ra 2; fi
        done
        change $conf/ipv6/conf/all/forwarding 1
    fi
    tell
}

# What begins is counted in buckets, by the lowest bits of its source port or of a ping's number, as the kernel looks at
# all connections that it counts together.
buckets=1024
ping_buckets=64

# limits prints rules that keep routers from filling this machine's table of connections: each router may have a
# quarter of it by each family, and all of them half.
limits() {
    most=65536
    if [ -e $conf/netfilter/nf_conntrack_max ]; then most=$(cat $conf/netfilter/nf_conntrack_max); fi
    limit "{ tcp, udp }" ports th sport $((buckets - 1))
    [ -z "$link4" ] || limit icmp pings icmp id $((ping_buckets - 1))
    [ -z "$link6" ] || limit icmpv6 pings6 icmpv6 id $((ping_buckets - 1))
}

# limit PROTOCOL SET FIELD FIELD MASK prints the rules for what begins by a protocol.
limit() {
    begins="iifname $dev meta l4proto $1 ct state new ct status & confirmed == 0"
    by="$3 $4 & $5 ct count over"
    refuse="counter reject with icmpx admin-prohibited comment"
    for family in ${link4:+ip} ${link6:+ip6}; do
        case $1:$family in icmp:ip6 | icmpv6:ip) continue ;; esac
        echo "$begins add @$2_$family { $family saddr . $by $((most / 4 / buckets)) } $refuse \"a quarter of this machine's table of connections\""
    done
    echo "$begins add @$2 { $by $((most / 2 / buckets)) } $refuse \"half of this machine's table of connections\""
}

# counted prints the sets of limits, with room for 64 routers that have something in each bucket.
counted() {
    counts ports "th sport" $((2 * buckets))
    counts ports_ip "ip saddr . th sport" $((64 * buckets))
    counts ports_ip6 "ip6 saddr . th sport" $((64 * buckets))
    counts pings "icmp id" $((2 * ping_buckets))
    counts pings_ip "ip saddr . icmp id" $((64 * ping_buckets))
    counts pings6 "icmpv6 id" $((2 * ping_buckets))
    counts pings6_ip6 "ip6 saddr . icmpv6 id" $((64 * ping_buckets))
}

counts() { echo "set $1 { typeof $2; flags dynamic; size $3; }"; }

# rules [limits] prints all rules, those of limits among them.
rules() {
    limited=${1:-}
    echo "add table inet $table"
    echo "delete table inet $table"
    echo "table inet $table {"
    echo "set own { type inet_proto . inet_service;"
    taken=$(own | sed 's|/| . |' | paste -sd, -)
    [ -z "$taken" ] || echo "elements = { $taken }"
    echo "}"
    [ -z "$limited" ] || counted
    # What comes from outside for a node port goes to the switch, which knows the services.
    echo "chain prerouting { type nat hook prerouting priority dstnat;"
    outside="iifname != { lo, host-sdn } fib daddr type local meta l4proto { tcp, udp } th dport $first_port-$last_port meta l4proto . th dport != @own"
    [ -z "$link4" ] || echo "meta nfproto ipv4 $outside dnat ip to $switch4"
    [ -z "$link6" ] || echo "meta nfproto ipv6 $outside dnat ip6 to $switch6"
    echo "}"
    # Each flow in a tunnel has a UDP source port of its own, and would have an entry in this machine's
    # table of connections.
    for hook in "prerouting fib daddr type local" "output"; do
        set -- $hook
        name=$1
        shift
        echo "chain tunnel_$name { type filter hook $name priority raw;"
        echo "$* udp dport $vxlan_port notrack"
        echo "}"
    done
    echo "chain postrouting { type nat hook postrouting priority srcnat;"
    [ -z "$link4" ] || masquerades ip "$range4" 0.0.0.2 0.0.0.0
    [ -z "$link6" ] || masquerades ip6 "$range6" ::2 ::
    echo "}"
    echo "chain input { type filter hook input priority filter - 1;"
    echo "iifname $dev counter drop comment \"nothing of this machine is open to sdnd's networks\""
    echo "}"
    echo "chain forward { type filter hook forward priority filter - 1;"
    [ -z "$link4" ] || echo "oifname $dev ip daddr $switch4 ct status dnat accept"
    [ -z "$link6" ] || echo "oifname $dev ip6 daddr $switch6 ct status dnat accept"
    echo "iifname $dev ct state invalid counter drop comment \"not translated, it would leave with an address of this link\""
    echo "iifname $dev oifname $dev ct status dnat accept"
    echo "iifname $dev oifname $dev counter drop comment \"routers do not reach each other by the kernel\""
    echo "iifname $dev ip saddr != ${range4:-0.0.0.0} drop"
    echo "iifname $dev ip6 saddr != ${range6:-::} drop"
    echo "iifname $dev ip daddr { 169.254.0.0/16, 224.0.0.0/3 } counter drop"
    echo "iifname $dev ip6 daddr { fe80::/10, ff00::/8 } counter drop"
    echo "iifname $dev udp dport $vxlan_port counter drop comment \"translated, it could be taken for the node's own\""
    for at in ${controller4:+"ip daddr { $controller4 }"} ${controller6:+"ip6 daddr { $controller6 }"}; do
        echo "iifname $dev $at tcp dport { $controller_ports } counter drop comment \"sdnd\""
    done
    [ -z "$limited" ] || limits
    echo "oifname $dev ct state established,related accept"
    echo "oifname $dev counter drop comment \"nothing begins outside\""
    [ -z "$guard4" ] || echo "meta nfproto ipv4 iifname { $guard4 } oifname != $dev ct state new ct status & dnat == 0 counter drop"
    [ -z "$guard6" ] || echo "meta nfproto ipv6 iifname { $guard6 } oifname != $dev ct state new ct status & dnat == 0 counter drop"
    echo "}"
    echo "}"
}

# masquerades FAMILY RANGE BIT NONE prints rules that translate what routers send. Routers share the source
# ports: BIT of a router's address chooses one of two halves, as on an uplink of the type bridge.
masquerades() {
    all="$1 saddr $2 oifname != $dev"
    echo "meta l4proto { tcp, udp } $all $1 saddr & $3 == $4 masquerade to :1024-33279"
    echo "meta l4proto { tcp, udp } $all $1 saddr & $3 == $3 masquerade to :33280-65535"
    echo "$all masquerade"
}

stop() {
    # Forwarding ends before the rules do.
    if [ -e "$state" ]; then
        tac "$state" | while read -r file was; do
            case $file in $conf/*) if [ -e "$file" ]; then echo "$was" >"$file"; fi ;; esac
        done
        rm -f "$state"
    fi
    nft delete table inet $table 2>/dev/null || true
    for tables in iptables ip6tables; do
        command -v $tables >/dev/null || continue
        for way in -i -o; do
            $tables -w -D FORWARD $way $dev -m comment --comment sdnctl -j ACCEPT 2>/dev/null || true
        done
    done
    ip addr flush dev $dev 2>/dev/null || true
    ip link set dev $dev down 2>/dev/null || true
}

case ${1:-} in
start | stop) "$1" ;;
*) echo "usage: $0 start|stop" >&2; exit 2 ;;
esac
