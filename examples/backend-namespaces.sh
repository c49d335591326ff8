# The namespaces backend of lib.sh: every node is a network namespace with an
# Open vSwitch of its own, made by sdnlab (integration/sdnlab).

CONTROLLER=172.16.56.1
IMAGE=sdnlab/busybox
PATH=${BIN_DIR:-$here/../bin}:$PATH
SDNLAB=

if [ "$(id -u)" != 0 ]; then
    echo "network namespaces need root: sudo $0" >&2
    exit 1
fi
if ! command -v sdnlab > /dev/null; then
    echo "no sdnlab: run \"make build\" first" >&2
    exit 1
fi

backend_up() {
    SDNLAB=$(sdnlab up --nodes "$1")
    export SDNLAB
}

backend_down() {
    if [ -n "$SDNLAB" ]; then
        sdnlab down
    fi
}

keep_hint() {
    cat <<EOF

Left up, as lab $SDNLAB. Look around (as root; export SDNLAB=$SDNLAB):
  bin/sdnlab exec controller -- sdnctl status
  bin/sdnlab exec node1 -- ovs-ofctl -O OpenFlow13 dump-flows br-int
  bin/sdnlab exec node1 -- bash          a shell where ovs-vsctl means node1's
  bin/sdnlab container list
  bin/sdnlab container exec NAME -- ping ADDRESS
Remove it:
  bin/sdnlab down $SDNLAB
EOF
}

on() { sdnlab exec "$1" -- "${@:2}"; }
controller() { sdnlab exec controller -- "$@"; }

container() {
    case $1 in
    exec) sdnlab container exec "$2" -- "${@:3}" ;;
    address)
        sdnlab container exec "$2" -- ip addr add "$3" dev eth0 nodad
        [ -z "${4:-}" ] || sdnlab container exec "$2" -- ip -6 route add default via "$4"
        ;;
    *) sdnlab container "$@" ;;
    esac
}

# docker_up makes docker, ovs-docker and $IMAGE work on the nodes.
docker_up() { sdnlab docker up; }
