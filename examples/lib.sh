# The words in which the demos are written, for two worlds. Sourced, not run.
#
#   BACKEND=namespaces   everything on this machine, in network namespaces, with
#                        Open vSwitch processes of its own (the default; root)
#   BACKEND=vagrant      the virtual machines of examples/vagrant, from outside
#
# In both, the same demo runs the same commands:
#
#   nodes 2                        bring nodes up, and sdnd
#   on node1 ovs-vsctl show        run a command on a node, as root
#   sdnctl status                  run sdnctl where sdnd runs
#   join node1                     make the node one of sdnd's
#   container add node1 web1 --ip 10.0.0.2/24 --mac 02:… --gw 10.0.0.1
#   container exec web1 ping -c1 10.0.0.3
#   container move web1 node2      container rm web1
#   container address web1 fd00::2/64 fd00::1   add an address, and a gateway
#
#   title "what comes next"        say "a remark"
#   show on node1 ovs-vsctl show   print the command as a person types it; run it
#   within 10 COMMAND…             try for 10 seconds until it succeeds
#   refused COMMAND…               succeed if it fails; works below show, too
#
# KEEP=1 leaves everything up at the end and says how to look around.

set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
BACKEND=${BACKEND:-namespaces}
KEEP=${KEEP:-}

case $BACKEND in
namespaces) . "$here/backend-namespaces.sh" ;;
vagrant) . "$here/backend-vagrant.sh" ;;
*) echo "BACKEND is namespaces or vagrant, not $BACKEND" >&2; exit 2 ;;
esac

bold= blue= plain=
if [ -t 1 ]; then
    bold=$'\033[1m' blue=$'\033[36m' plain=$'\033[0m'
fi

title() { printf '\n%s== %s%s\n' "$bold" "$*" "$plain"; }
say() { printf '%s\n' "$*"; }
prompt() { printf '%s%s%s %s\n' "$blue" "$1" "$plain" "$2"; }

# show prints a command the way a person would type it there, and runs it.
show() {
    local words=("$@")
    if [ "$1" = refused ]; then words=("${@:2}"); fi
    case ${words[0]} in
    on) prompt "${words[1]}#" "${words[*]:2}" ;;
    container) prompt "${words[2]}\$" "${words[*]:3}" ;;
    *) prompt '$' "${words[*]}" ;;
    esac
    "$@"
}

sdnctl() { controller sdnctl "$@"; }

# apply applies a file of this machine.
apply() {
    prompt '$' "sdnctl apply -f $(basename "$1")"
    sdnctl apply -f - < "$1"
}

# attach adds a container and says so.
attach() {
    say "  $1: $2 ${*:3}"
    container add "$@"
}

# why shows what every flow of a node is there for, without its actions.
why() {
    prompt '$' "sdnctl flows $1"
    sdnctl flows "$1" 2> /dev/null | awk 'NR == 1 { from = index($0, "ACTIONS"); to = index($0, "OBJECT") }
        from && to && length($0) >= to { $0 = substr($0, 1, from - 1) substr($0, to) } { print }'
}

# join makes a node one of sdnd's. It is run on the node itself and prints what
# it does there. It does not wait for sdnd, for the demos declare the nodes later.
join() { show on "$1" sdnctl node join "$1" --controller "$CONTROLLER" --tunnel-ip "$(address "$1")" --no-wait; }

# join_quietly does the same without the words.
join_quietly() {
    local out
    out=$(join "$1" 2>&1) || { say "$out"; return 1; }
    say "${out%%$'\n'*}"
}

# address is a node's on the underlay: node1 has 172.16.56.2.
address() { echo "172.16.56.$((${1#node} + 1))"; }

within() {
    local end=$((SECONDS + $1))
    shift
    until "$@" > /dev/null 2>&1; do
        if [ $SECONDS -ge $end ]; then
            "$@" # once more, for what it says
            return
        fi
        sleep 0.1
    done
}

refused() { ! "$@"; }

# bound waits until the ports of these names are bound to their interfaces, and
# every switch has confirmed its flows.
bound() {
    local port
    for port in "$@"; do
        within 15 is_bound "$port"
    done
    sdnctl wait --timeout 15s
}

is_bound() { sdnctl port show "$1" -o json | grep -q '"bound": *true'; }

# flows is the number of lines of ovs-ofctl dump-flows, without the flows that only versions of
# Open vSwitch with a certain fault get (docs/decisions/0036-cached-flows.md).
flows() { on "$1" ovs-ofctl -O OpenFlow13 dump-flows br-int | grep -vc pkt_mark; }

# field is what sdnd says of a port: field web1 ip
field() {
    sdnctl port show "$1" -o json | sed -n "s/^ *\"$2\": *\"\{0,1\}\([^\",]*\)\"\{0,1\},\{0,1\}$/\1/p" | tail -n1
}

# six prints the IPv6 address that a port has got: six web1; its prefix length and gateway:
# six web1 prefixLength, six web1 gateway.
six() {
    sdnctl port show "$1" -o json | tr -d ' \n' | grep -o '"ip":"[0-9a-f]*:[^}]*' | head -n1 |
        grep -o "\"${2:-ip}\":\"\{0,1\}[^\",]*" | sed 's/^[^:]*:"\{0,1\}//'
}

# ipv6 gives ports whose networks have got an IPv6 subnet an address of it, and configures
# their containers. A port gets the address when it is declared again.
ipv6() {
    local port file
    file=$(mktemp)
    prompt '$' "sdnctl export port | sdnctl apply -f -"
    sdnctl export port > "$file"
    sdnctl apply -f - < "$file"
    rm -f "$file"
    sdnctl wait --timeout 15s
    for port in "$@"; do
        say "  $port: ip addr add $(six "$port")/$(six "$port" prefixLength) dev eth0"
        container address "$port" "$(six "$port")/$(six "$port" prefixLength)" "$(six "$port" gateway || true)"
    done
}

# docker_address NODE NAME CIDR [GATEWAY] adds an IPv6 address to a Docker container, in which
# Docker has turned IPv6 off.
docker_address() {
    on "$1" sh -c 'inside="nsenter --net --target $(docker inspect --format {{.State.Pid}} $0)"
        $inside sysctl --quiet --write net.ipv6.conf.all.disable_ipv6=0 net.ipv6.conf.eth0.disable_ipv6=0
        $inside ip addr add $1 dev eth0 nodad
        [ -z "$2" ] || $inside ip -6 route add default via $2' "$2" "$3" "${4:-}"
}

# cleanup is for a demo to define, when it makes what the backend does not know.
cleanup() { :; }

finish() {
    local code=$?
    trap - EXIT
    trap '' INT TERM # cleaning up is not to be interrupted
    case $code in
    0) ;;
    130 | 143) say "interrupted; cleaning up" >&2 ;;
    *) say "the demo failed (exit $code)" >&2 ;;
    esac
    if [ -n "$KEEP" ] && [ $code -eq 0 ]; then
        keep_hint
    else
        cleanup || true
        backend_down
    fi
    exit $code
}

# nodes brings up node1 to nodeN and sdnd, and makes sure that they are gone at
# the end, however it comes.
nodes() {
    trap finish EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM
    backend_up "$1"
}
