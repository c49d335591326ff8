package lab

import (
	"context"
	"fmt"
	"net/netip"
	"path/filepath"
	"strings"
)

// netnsDir is the folder of named namespaces (ip-netns(8)).
const netnsDir = "/run/netns"

// netns returns the full name of one of the lab's network namespaces.
func (l *Lab) netns(short string) string { return prefix + l.ID + "-" + short }

// netnsPath returns the path of a named namespace.
func netnsPath(name string) string { return filepath.Join(netnsDir, name) }

// addNetns creates a namespace, and sets its loopback interface up.
func (l *Lab) addNetns(ctx context.Context, name string) error {
	if _, err := l.run(ctx, "ip", "netns", "add", name); err != nil {
		return err
	}
	return l.ip(ctx, name, "link set lo up")
}

// ip runs "ip -n NAMESPACE ARGS" with args split at blanks.
func (l *Lab) ip(ctx context.Context, netns, format string, args ...any) error {
	words := append([]string{"ip", "-n", netns}, strings.Fields(fmt.Sprintf(format, args...))...)
	_, err := l.run(ctx, words...)
	return err
}

// noChecksumOffload turns TX checksum offload of an interface off, so that the kernel fills in
// the checksums. The userspace datapath would forward packets from a veth without checksums.
func (l *Lab) noChecksumOffload(ctx context.Context, netns, iface string) error {
	_, err := l.run(ctx, "nsenter", "--net="+netnsPath(netns), "ethtool", "-K", iface, "tx", "off")
	return err
}

// startHub makes the hub: a bridge that joins the nodes' underlay interfaces
// and has the controller's address.
func (l *Lab) startHub(ctx context.Context) error {
	hub := l.netns("hub")
	if err := l.addNetns(ctx, hub); err != nil {
		return err
	}
	commands := []string{
		// Without a MAC of its own, the bridge would use the lowest MAC of its ports, which
		// changes when a node reboots. The other nodes would need up to half a minute to
		// notice.
		fmt.Sprintf("link add underlay address %s type bridge", hwaddr(l.Controller.Addr)),
		"link set underlay up",
	}
	for _, a := range addresses(l.Controller.Addr, l.Controller.Addr6) {
		commands = append(commands, addrCommand("add", a, "underlay"))
	}
	for _, cmd := range commands {
		if err := l.ip(ctx, hub, "%s", cmd); err != nil {
			return err
		}
	}
	return l.noChecksumOffload(ctx, hub, "underlay")
}

// addrCommand returns the command that adds an address to an interface. An IPv6 address is
// added without duplicate address detection, so that it can be used at once.
func addrCommand(verb string, a netip.Addr, device string) string {
	cmd := fmt.Sprintf("addr %s %s dev %s", verb, onLink(a), device)
	if a.Is6() {
		cmd += " nodad"
	}
	return cmd
}
