# The Vagrant backend of lib.sh: every node is one of the virtual machines of
# examples/vagrant, sdnd runs on node1, and containers are Docker's.

CONTROLLER=${CONTROLLER:-172.16.56.2}
IMAGE=${IMAGE:-nicolaka/netshoot}
export VAGRANT_CWD=$here/vagrant
containers=$(mktemp) # lines "NAME NODE"

backend_up() {
    local n want=()
    for n in $(seq 1 "$1"); do want+=("node$n"); done
    vagrant up "${want[@]}"
    # What an earlier demo declared is not this one's.
    forget
}

forget() { controller sdnctl apply -f - --prune --all <<< '[]' > /dev/null 2>&1; }

# backend_down removes the demo's containers and what it declared. The machines
# stay up for the next demo: vagrant destroy removes them.
backend_down() {
    local name node
    while read -r name node; do
        container rm "$name" < /dev/null || true
    done < "$containers"
    rm -f "$containers"
    forget || true
}

keep_hint() {
    cat <<EOF

Left as it is. Look around, in examples/vagrant:
  vagrant ssh node1 -c 'sudo sdnctl status'
  vagrant ssh node1 -c 'sudo ovs-ofctl -O OpenFlow13 dump-flows br-int'
Remove the machines:
  vagrant destroy -f
EOF
}

# on quotes twice: once for the remote shell, as ssh joins words by blanks.
on() {
    local node=$1 words
    shift
    printf -v words '%q ' sudo "$@"
    vagrant ssh --no-tty -c "$words" "$node" -- -q
}

controller() { on node1 "$@"; }

docker_up() { :; }

container() {
    local verb=$1 name=${2:-} node ip='' mac='' gw='' args=()
    case $verb in
    add)
        node=$2 name=$3
        shift 3
        while [ $# -gt 0 ]; do
            case $1 in
            --ip) ip=$2 args+=("--ipaddress=$2") ;;
            --mac) mac=$2 args+=("--macaddress=$2") ;;
            --gw) gw=$2 args+=("--gateway=$2") ;;
            *) echo "container add: what is $1?" >&2; return 2 ;;
            esac
            shift 2
        done
        on "$node" docker run --detach --network none --name "$name" "$IMAGE" sleep infinity > /dev/null
        on "$node" ovs-docker add-port br-int eth0 "$name" "${args[@]}" --mtu=1450
        echo "$name $node $ip $mac $gw" >> "$containers"
        ;;
    exec)
        on "$(container_node "$name")" docker exec "$name" "${@:3}"
        ;;
    address)
        docker_address "$(container_node "$name")" "$name" "${@:3}"
        ;;
    rm)
        node=$(container_node "$name")
        on "$node" ovs-docker del-port br-int eth0 "$name"
        on "$node" docker rm --force "$name" > /dev/null
        sed -i "/^$name /d" "$containers"
        ;;
    move)
        read -r _ _ ip mac gw < <(grep "^$name " "$containers")
        container rm "$name"
        container add "$3" "$name" --ip "$ip" ${mac:+--mac "$mac"} ${gw:+--gw "$gw"}
        ;;
    *) echo "container $verb: add, address, exec, rm or move" >&2; return 2 ;;
    esac
}

container_node() { awk -v name="$1" '$1 == name {print $2}' "$containers"; }
