package lab

import (
	"context"
	"fmt"
	"net/netip"
	"path/filepath"
	"strings"
)

// netnsDir is where ip-netns(8) keeps named namespaces.
const netnsDir = "/run/netns"

// netns is the full name of one of the lab's network namespaces.
func (l *Lab) netns(short string) string { return prefix + l.ID + "-" + short }

// netnsPath is the file that stands for a named namespace.
func netnsPath(name string) string { return filepath.Join(netnsDir, name) }

// addNetns makes a namespace with its loopback up.
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

// noChecksumOffload makes the kernel fill in checksums before a packet leaves
// by the interface: the userspace datapath takes packets from a veth as they
// are, and would pass unfinished checksums on.
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
		// A MAC of its own keeps it from having the lowest of its ports', and so
		// another when a node reboots: the others would take up to half a minute
		// to notice.
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

// addrCommand puts an address on an interface. An IPv6 one is used at once, without
// asking whether another has it.
func addrCommand(verb string, a netip.Addr, device string) string {
	cmd := fmt.Sprintf("addr %s %s dev %s", verb, onLink(a), device)
	if a.Is6() {
		cmd += " nodad"
	}
	return cmd
}
