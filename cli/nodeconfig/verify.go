package nodeconfig

import (
	"errors"
	"fmt"
	"strings"
)

// Verify returns why Open vSwitch could not apply what joining set, although ovs-vsctl
// succeeded. The state must have been read after ovs-vswitchd processed the change.
func Verify(s State, bridge string) error {
	b := s.Bridge
	if b == nil {
		return fmt.Errorf("the bridge %s is gone: somebody else changes this Open vSwitch", bridge)
	}
	if b.DatapathID == "" {
		if b.DatapathType == "netdev" {
			return fmt.Errorf("ovs-vswitchd could not make the bridge %s; its log says why", bridge)
		}
		return fmt.Errorf("ovs-vswitchd could not make the bridge %s with the kernel's datapath: is the kernel's module there? load it with 'modprobe openvswitch', or use the userspace datapath with --datapath-type netdev; ovs-vswitchd's log says more", bridge)
	}
	t := b.Tunnel
	switch {
	case t == nil:
		return fmt.Errorf("the port %s of bridge %s is gone: somebody else changes this Open vSwitch", TunnelPort, bridge)
	case t.Error == "" && t.OFPort > 0:
		return nil
	case t.Error == "":
		return fmt.Errorf("ovs-vswitchd made no port %s on bridge %s and does not say why; its log may", TunnelPort, bridge)
	}
	return errors.New(explainTunnel(t.Error))
}

// explainTunnel adds to an error of the VXLAN port what to do about it.
func explainTunnel(text string) string {
	cure := "ovs-vswitchd's log may say more"
	switch {
	case strings.Contains(text, "File exists"):
		cure = "another VXLAN port of this Open vSwitch receives the same packets: find it with 'ovs-vsctl find interface type=vxlan', and remove it or use another UDP port on all nodes with --dst-port"
	case strings.Contains(text, "Address already in use"):
		cure = "the UDP port belongs to something outside of Open vSwitch: find it with 'ip -d link show type vxlan' or 'ss -lnup', and remove it or use another UDP port on all nodes with --dst-port"
	case strings.Contains(text, "not supported"), strings.Contains(text, "No such"), strings.Contains(text, "Unknown device type"):
		cure = "the kernel cannot do VXLAN: load its modules with 'modprobe openvswitch vxlan', or use the userspace datapath with --datapath-type netdev"
	}
	return fmt.Sprintf("Open vSwitch cannot make the VXLAN port %s: %s\n%s", TunnelPort, text, cure)
}
