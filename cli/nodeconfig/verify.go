package nodeconfig

import (
	"errors"
	"fmt"
	"strings"
)

// Verify returns why Open vSwitch could not apply the changes of joining although ovs-vsctl
// succeeded; nil if it could. The state must have been read after ovs-vswitchd processed them.
func Verify(s State, bridge string) error {
	b := s.Bridge
	if b == nil {
		return fmt.Errorf("the bridge %s is gone: another program changes this Open vSwitch", bridge)
	}
	if b.DatapathID == "" {
		if b.DatapathType == "netdev" {
			return fmt.Errorf("ovs-vswitchd could not create the bridge %s; its log says why", bridge)
		}
		return fmt.Errorf("ovs-vswitchd could not create the bridge %s with the kernel datapath: is the kernel module loaded? load it with 'modprobe openvswitch', or use the userspace datapath with --datapath-type netdev; ovs-vswitchd's log says more", bridge)
	}
	t := b.Tunnel
	switch {
	case t == nil:
		return fmt.Errorf("the port %s of bridge %s is gone: another program changes this Open vSwitch", TunnelPort, bridge)
	case t.Error == "" && t.OFPort > 0:
		return nil
	case t.Error == "":
		return fmt.Errorf("ovs-vswitchd did not create the port %s on bridge %s and reports no error; see its log", TunnelPort, bridge)
	}
	return errors.New(explainTunnel(t.Error))
}

// explainTunnel returns an error of the VXLAN port with a remedy.
func explainTunnel(text string) string {
	fix := "ovs-vswitchd's log may say more"
	switch {
	case strings.Contains(text, "File exists"):
		fix = "another VXLAN port of this Open vSwitch receives the same packets: find it with 'ovs-vsctl find interface type=vxlan', and remove it or use another UDP port on all nodes with --dst-port"
	case strings.Contains(text, "Address already in use"):
		fix = "the UDP port is in use outside of Open vSwitch: find it with 'ip -d link show type vxlan' or 'ss -lnup', and remove it or use another UDP port on all nodes with --dst-port"
	case strings.Contains(text, "not supported"), strings.Contains(text, "No such"), strings.Contains(text, "Unknown device type"):
		fix = "the kernel does not support VXLAN: load its modules with 'modprobe openvswitch vxlan', or use the userspace datapath with --datapath-type netdev"
	}
	return fmt.Sprintf("Open vSwitch cannot create the VXLAN port %s: %s\n%s", TunnelPort, text, fix)
}
