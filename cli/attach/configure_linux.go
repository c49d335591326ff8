package attach

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// Make implements Kernel. The inner end is born in the namespace with its name
// and MAC, so nothing on the machine, such as udev, ever sees it under another.
func (kernel) Make(ns Namespace, l Link) error {
	mac, err := net.ParseMAC(l.MAC)
	if err != nil {
		return err
	}
	attrs := netlink.NewLinkAttrs()
	attrs.Name, attrs.MTU = l.Host, l.MTU
	veth := &netlink.Veth{
		LinkAttrs: attrs, PeerName: l.Inner, PeerHardwareAddr: mac, PeerMTU: uint32(l.MTU),
		PeerNamespace: netlink.NsFd(int(ns.(namespace).NsHandle)),
	}
	return in(ns, func(machine, _ *netlink.Handle) error {
		if err := machine.LinkAdd(veth); err != nil {
			return fmt.Errorf("make the veth pair %s: %w", l.Host, err)
		}
		link, err := machine.LinkByName(l.Host)
		if err == nil {
			err = machine.LinkSetAlias(link, l.Alias())
		}
		if err != nil { // without its alias nobody would know whose it is
			return errors.Join(err, machine.LinkDel(veth))
		}
		return nil
	})
}

// Configure implements Kernel.
func (kernel) Configure(ns Namespace, l Link) error {
	return in(ns, func(machine, inside *netlink.Handle) error {
		if err := configureInner(ns, inside, l); err != nil {
			return fmt.Errorf("%s of %s: %w", l.Inner, l.Target.Describe(), err)
		}
		if err := configureHost(machine, l); err != nil {
			return fmt.Errorf("%s: %w", l.Host, err)
		}
		return addRoute(inside, l)
	})
}

// configureHost sets the end on the machine up. With the userspace datapath
// the machine's kernel, too, sees what comes in there; it must neither answer
// nor say anything.
func configureHost(h *netlink.Handle, l Link) error {
	link, err := h.LinkByName(l.Host)
	if err != nil {
		return err
	}
	if err := h.LinkSetMTU(link, l.MTU); err != nil {
		return err
	}
	if err := h.LinkSetARPOff(link); err != nil {
		return err
	}
	if err := noIPv6(h, link); err != nil {
		return err
	}
	return h.LinkSetUp(link)
}

// configureInner sets the end in the namespace up, with the MAC first: what is
// sent from another address is dropped.
func configureInner(ns Namespace, h *netlink.Handle, l Link) error {
	link, err := h.LinkByName(l.Inner)
	if err != nil {
		return err
	}
	mac, err := net.ParseMAC(l.MAC)
	if err != nil {
		return err
	}
	if link.Attrs().HardwareAddr.String() != l.MAC {
		if err := h.LinkSetHardwareAddr(link, mac); err != nil {
			return err
		}
	}
	if err := h.LinkSetMTU(link, l.MTU); err != nil {
		return err
	}
	if err := noIPv6(h, link); err != nil {
		return err
	}
	if err := setChecksumOffload(ns, l.Inner, !l.Checksums); err != nil {
		return err
	}
	if err := h.LinkSetUp(link); err != nil {
		return err
	}
	return setAddress(h, link, l.Address)
}

// setAddress makes an address the only one of a device.
func setAddress(h *netlink.Handle, link netlink.Link, want netip.Prefix) error {
	addrs, err := h.AddrList(link, unix.AF_INET)
	if err != nil {
		return err
	}
	there := false
	for _, a := range addrs {
		if prefix(a.IPNet) == want {
			there = true
		} else if err := h.AddrDel(link, &a); err != nil {
			return err
		}
	}
	if there {
		return nil
	}
	return h.AddrAdd(link, &netlink.Addr{IPNet: &net.IPNet{
		IP: want.Addr().AsSlice(), Mask: net.CIDRMask(want.Bits(), want.Addr().BitLen()),
	}})
}

// addRoute makes the default route by the link as it should be.
func addRoute(h *netlink.Handle, l Link) error {
	link, err := h.LinkByName(l.Inner)
	if err != nil {
		return err
	}
	routes, err := h.RouteList(link, unix.AF_INET)
	if err != nil {
		return err
	}
	for _, r := range routes {
		if isDefault(r) && address(r.Gw) != l.Gateway {
			if err := h.RouteDel(&r); err != nil {
				return fmt.Errorf("remove the default route by %s: %w", address(r.Gw), err)
			}
		}
	}
	if !l.Gateway.IsValid() {
		return nil
	}
	route := &netlink.Route{LinkIndex: link.Attrs().Index, Gw: l.Gateway.AsSlice()}
	if err := h.RouteReplace(route); err != nil {
		return fmt.Errorf("add the default route by %s: %w", l.Gateway, err)
	}
	return nil
}

// noIPv6 keeps a device from giving itself an IPv6 address: networks are IPv4,
// and what it would send from that address is dropped.
func noIPv6(h *netlink.Handle, link netlink.Link) error {
	if _, err := os.Stat("/proc/sys/net/ipv6"); err != nil {
		return nil // a kernel without IPv6
	}
	err := h.LinkSetIP6AddrGenMode(link, nl.IN6_ADDR_GEN_MODE_NONE)
	if errors.Is(err, unix.EAFNOSUPPORT) { // one where it is turned off
		return nil
	}
	return err
}
