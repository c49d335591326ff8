#!/bin/sh
# Before removing, but not before upgrading, the daemon is stopped. Debian says
# "remove" then, RPM the number of packages of this name that stay.
set -e
case "$1" in remove | 0) ;; *) exit 0 ;; esac
if [ -d /run/systemd/system ]; then
    systemctl disable --now sdnd.service
fi
