#!/bin/bash
# Installs the Debian packages that a demo or the tests need and this machine
# lacks, without starting the services they bring: the labs use Open vSwitch
# and Docker processes of their own.
#
#   deps.sh demo     what "make demo" needs
#   deps.sh test     what every test needs
#   deps.sh ci       that, what only .ci/run looks at, and a kernel for virtual machines
#   deps.sh bench    what "make bench" measures with, OVN to compare with included
set -euo pipefail

case "${1:-}" in
demo | test | ci | bench) ;;
*) echo "usage: $0 demo|test|ci|bench" >&2; exit 2 ;;
esac

# program:package
need="ip:iproute2 ping:iputils-ping ethtool:ethtool tcpdump:tcpdump nft:nftables nsenter:util-linux
      ovs-vsctl:openvswitch-switch ovs-vswitchd:openvswitch-switch"
if [ "$1" = bench ]; then
    need="$need iperf3:iperf3 dnsperf:dnsperf ovn-northd:ovn-central ovn-nbctl:ovn-common ovn-controller:ovn-host"
elif [ "$1" != demo ]; then
    need="$need dockerd:docker.io docker:docker.io containerd:containerd busybox:busybox-static
          uuidgen:uuid-runtime tshark:tshark strace:strace
          dhclient:isc-dhcp-client dhcpcd:dhcpcd-base rdisc6:ndisc6 dig:bind9-dnsutils named-checkzone:bind9-utils named:bind9
          gcc:gcc musl-gcc:musl-tools dnsperf:dnsperf qemu-system-x86_64:qemu-system-x86"
fi
if [ "$1" = ci ]; then
    need="$need ruby:ruby ansible-playbook:ansible-core file:file rpm:rpm"
fi

PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
packages=
for pair in $need; do
    command -v "${pair%%:*}" > /dev/null || packages="$packages ${pair##*:}"
done
packages=$(echo "$packages" | tr ' ' '\n' | sort -u | xargs)
# Debian's kernel and the modules of a virtual machine's interface, only unpacked: the machine keeps its own.
kernel=/var/cache/sdnctl/kernel
needkernel=
if [ "$1" = ci ] && [ ! -e $kernel/vmlinuz ] && [ "$(uname -m)" = x86_64 ]; then
    needkernel=linux-image-cloud-amd64
fi
[ -n "$packages$needkernel" ] || exit 0

if ! command -v apt-get > /dev/null; then
    echo "missing: $packages $needkernel (Debian's names); install them with this machine's package manager" >&2
    exit 1
fi
if [ "$(id -u)" != 0 ]; then
    echo "missing: $packages $needkernel; as root: $0 $1" >&2
    exit 1
fi

echo "installing $packages $needkernel"
# invoke-rc.d(8) asks this program before it starts a service.
policy=/usr/sbin/policy-rc.d
if [ ! -e $policy ]; then
    trap 'rm -f $policy' EXIT
    printf '#!/bin/sh\nexit 101\n' > $policy
    chmod 755 $policy
fi
export DEBIAN_FRONTEND=noninteractive
log=$(mktemp)
# The functions are conditions below, where "set -e" has no effect.
unpackkernel() {
    local package dir
    dir=$(mktemp -d) && package=$(apt-cache depends "$1" | awk '/Depends: linux-image/ {print $2; exit}') &&
        (cd "$dir" && apt-get download "$package") &&
        dpkg-deb --fsys-tarfile "$dir"/*.deb | tar -x -C "$dir" --wildcards './boot/vmlinuz-*' '*/virtio.ko' '*/virtio_ring.ko' '*/virtio_pci*.ko' '*/virtio_net.ko' '*failover.ko' &&
        mkdir -p $kernel && find "$dir" -name '*.ko' -exec mv {} $kernel/ \; &&
        mv "$dir"/boot/vmlinuz-* $kernel/vmlinuz && # last: it says that all is there
        rm -rf "$dir"
}
install() {
    # shellcheck disable=SC2086 # a list of words
    apt-get update &&
        { [ -z "$packages" ] || apt-get install -y --no-install-recommends $packages; } &&
        { [ -z "$needkernel" ] || unpackkernel "$needkernel"; }
}
if ! install > "$log" 2>&1; then
    cat "$log" >&2
    rm -f "$log"
    exit 1
fi
rm -f "$log"
