#!/bin/bash
# Installs, starts, upgrades and removes the packages of dist/ in an empty root
# with a network of its own, and looks at what they leave. "make dist" first.
set -euo pipefail
cd "$(dirname "$0")/.."

arch=$(dpkg --print-architecture)
root=$(mktemp -d)
trap 'kill "${daemon:-}" 2> /dev/null || true; rm -rf "$root"' EXIT
ok() { echo "ok    $*"; }
fail() { echo "FAIL  $*"; exit 1; }

for file in dist/bin/*/*; do
    file -b "$file" | grep -q 'statically linked' || fail "$file is not static: $(file -b "$file")"
done
ok "programs are static: $(ls dist/bin/*/* | xargs)"

# A root with nothing but a shell: what a package needs beyond that it has to
# bring.
mkdir -p "$root"/{bin,tmp,var/lib/dpkg/{info,updates,triggers},proc}
cp "$(command -v busybox)" "$root/bin/"
for applet in sh cat rm ls; do ln -s busybox "$root/bin/$applet"; done
touch "$root/var/lib/dpkg/status" "$root/var/lib/dpkg/available"
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin

debs=(dist/sdnd_*_"$arch".deb dist/sdnctl_*_"$arch".deb)
[ ${#debs[@]} = 2 ] || fail "want one sdnd and one sdnctl package: ${debs[*]}"
dpkg --root="$root" --log=/dev/null -i "${debs[@]}" > "$root/tmp/log" 2>&1 || { cat "$root/tmp/log"; fail "dpkg -i"; }
for file in usr/bin/sdnd usr/bin/sdnctl usr/lib/systemd/system/sdnd.service etc/sdnctl/sdnd.yaml \
    usr/lib/systemd/network/10-sdnctl.network usr/lib/udev/rules.d/84-sdnctl.rules \
    usr/share/man/man8/sdnd.8 usr/share/man/man1/sdnctl-apply.1 usr/share/bash-completion/completions/sdnctl; do
    [ -s "$root/$file" ] || fail "/$file is not installed"
done
grep -q '^ExecStart=/usr/bin/sdnd$' "$root/usr/lib/systemd/system/sdnd.service" || fail "the unit starts another program"
grep -qv '^#' "$root/etc/sdnctl/sdnd.yaml" && [ "$(grep -cv '^\(#\|$\)' "$root/etc/sdnctl/sdnd.yaml")" -gt 0 ] && fail "the default configuration says something"
ok "deb: installed"

# The daemon as the unit starts it, in a network namespace of its own.
unshare --net -- sh -c "ip link set lo up; exec chroot $root /usr/bin/sdnd" > "$root/tmp/sdnd.log" 2>&1 &
daemon=$!
for _ in $(seq 100); do
    chroot "$root" /usr/bin/sdnctl status > "$root/tmp/status" 2>&1 && break
    sleep 0.1
done
chroot "$root" /usr/bin/sdnctl status || { cat "$root/tmp/sdnd.log"; fail "sdnd does not answer"; }
chroot "$root" /usr/bin/sdnctl network create blue --cidr 10.0.0.0/24 || fail "sdnctl cannot make a network"
[ "$(chroot "$root" /usr/bin/sdnctl version | sort -u | wc -l)" = 2 ] || fail "versions: $(chroot "$root" /usr/bin/sdnctl version)"
ok "deb: started, $(head -1 "$root/tmp/status")"

echo "# mine" >> "$root/etc/sdnctl/sdnd.yaml"
dpkg --root="$root" --log=/dev/null -i "${debs[@]}" > "$root/tmp/log" 2>&1 || { cat "$root/tmp/log"; fail "dpkg -i again"; }
tail -1 "$root/etc/sdnctl/sdnd.yaml" | grep -q mine || fail "an upgrade overwrote the configuration"
chroot "$root" /usr/bin/sdnctl network show blue > /dev/null || fail "the topology did not survive an upgrade"
ok "deb: upgraded, configuration and topology kept"

kill "$daemon"
wait "$daemon" || fail "sdnd ended with $?"
dpkg --root="$root" --log=/dev/null --purge sdnd sdnctl > "$root/tmp/log" 2>&1 || { cat "$root/tmp/log"; fail "dpkg --purge"; }
[ -s "$root/var/lib/sdnctl/sdnd.db" ] || fail "removing the package deleted the topology"
rm -r "$root/var/lib/sdnctl"
left=$(cd "$root" && find . -xdev \( -path ./bin -o -path ./tmp -o -path ./proc -o -path ./var/lib/dpkg -o -path ./run \) -prune -o -type f -print)
[ -z "$left" ] || fail "removed packages left $left"
ok "deb: removed, the topology stays"

rpmarch=x86_64
[ "$arch" = amd64 ] || rpmarch=aarch64
rpms=(dist/sdnd-*."$rpmarch".rpm dist/sdnctl-*."$rpmarch".rpm)
rpm --root "$root" --dbpath /var/lib/rpm -i --nodeps --nosignature "${rpms[@]}" || fail "rpm -i"
chroot "$root" /usr/bin/sdnctl version --client || fail "the program of the rpm does not run"
rpm --root "$root" --dbpath /var/lib/rpm -e --nodeps sdnd sdnctl || fail "rpm -e"
[ ! -e "$root/usr/bin/sdnd" ] || fail "rpm -e left /usr/bin/sdnd"
ok "rpm: installed and removed"
