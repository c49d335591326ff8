#!/bin/bash
# Installs the Debian packages that a demo or the tests need and this machine
# lacks, without starting the services they bring: the labs use Open vSwitch
# and Docker processes of their own.
#
#   deps.sh demo     what "make demo" needs
#   deps.sh test     what every test needs
#   deps.sh ci       that, and what only .ci/run looks at
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
    need="$need iperf3:iperf3 ovn-northd:ovn-central ovn-nbctl:ovn-common ovn-controller:ovn-host"
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
[ -n "$packages" ] || exit 0

if ! command -v apt-get > /dev/null; then
    echo "missing: $packages (Debian's names); install them with this machine's package manager" >&2
    exit 1
fi
if [ "$(id -u)" != 0 ]; then
    echo "missing: $packages; as root: apt-get install $packages" >&2
    exit 1
fi

echo "installing $packages"
# invoke-rc.d(8) asks this program before it starts a service.
policy=/usr/sbin/policy-rc.d
if [ ! -e $policy ]; then
    trap 'rm -f $policy' EXIT
    printf '#!/bin/sh\nexit 101\n' > $policy
    chmod 755 $policy
fi
export DEBIAN_FRONTEND=noninteractive
log=$(mktemp)
# shellcheck disable=SC2086 # a list of words
if ! { apt-get update && apt-get install -y --no-install-recommends $packages; } > "$log" 2>&1; then
    cat "$log" >&2
    rm -f "$log"
    exit 1
fi
rm -f "$log"
