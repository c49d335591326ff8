#!/bin/sh
# After installing or upgrading: systemd-networkd, if it runs, reads which links
# are not its own. It leaves others as they are.
set -e
if [ -d /run/systemd/system ] && systemctl -q is-active systemd-networkd.service; then
    networkctl reload || true
fi
