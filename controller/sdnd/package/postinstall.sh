#!/bin/sh
# After installing or upgrading: systemd reads the unit again. A daemon that
# runs is restarted, which sends nothing to the switches and interrupts no
# traffic. The first start is the administrator's: systemctl enable --now sdnd
set -e
if [ -d /run/systemd/system ]; then
    systemctl daemon-reload
    systemctl try-restart sdnd.service
fi
