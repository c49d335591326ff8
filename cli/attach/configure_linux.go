package attach

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// Make implements Kernel. The inner end is created in the namespace with its final name and
// MAC, so that programs on the machine, such as udev, never see it under another name.
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
			return fmt.Errorf("create the veth pair %s: %w", l.Host, err)
		}
		link, err := machine.LinkByName(l.Host)
		if err == nil {
			err = machine.LinkSetAlias(link, l.Alias())
		}
		if err != nil { // without its alias, Collect would not remove it
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
		return addRoutes(inside, l)
	})
}

// configureHost configures the end on the machine. With the userspace datapath the machine's
// kernel receives the packets of this end, too. It must neither answer them nor send any.
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
	if err := linkLocal(h, link, false); err != nil {
		return err
	}
	return h.LinkSetUp(link)
}

// configureInner configures the end in the namespace. It sets the MAC first, because packets
// from another MAC are dropped.
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
	if l.hasIPv6() {
		if err := allowIPv6(ns, l.Inner); err != nil {
			return err
		}
	}
	if err := linkLocal(h, link, l.hasIPv6()); err != nil {
		return err
	}
	if err := setChecksumOffload(ns, l.Inner, !l.Checksums); err != nil {
		return err
	}
	if err := h.LinkSetUp(link); err != nil {
		return err
	}
	return setAddresses(h, link, l.Addresses)
}

// setAddresses sets the addresses of a device and removes all others, except its link-local
// address.
func setAddresses(h *netlink.Handle, link netlink.Link, want []netip.Prefix) error {
	present := map[netip.Prefix]bool{}
	for _, family := range families {
		addrs, err := addresses(h, link, family)
		if err != nil {
			return err
		}
		for _, a := range addrs {
			if p := prefix(a.IPNet); slices.Contains(want, p) {
				present[p] = true
			} else if err := h.AddrDel(link, &a); err != nil {
				return err
			}
		}
	}
	for _, p := range want {
		if present[p] {
			continue
		}
		a := &netlink.Addr{IPNet: &net.IPNet{IP: p.Addr().AsSlice(), Mask: net.CIDRMask(p.Bits(), p.Addr().BitLen())}}
		if p.Addr().Is6() {
			// sdnd gives an address to one port only, and duplicate address detection
			// would delay the container by a second.
			a.Flags = unix.IFA_F_NODAD
		}
		if err := h.AddrAdd(link, a); err != nil {
			return fmt.Errorf("set the address %s: %w", p, err)
		}
	}
	return nil
}

// addRoutes sets the default routes over the link, and removes others over it.
func addRoutes(h *netlink.Handle, l Link) error {
	link, err := h.LinkByName(l.Inner)
	if err != nil {
		return err
	}
	for _, family := range families {
		routes, err := h.RouteList(link, family)
		if err != nil {
			return err
		}
		for _, r := range routes {
			if isDefault(r) && !slices.Contains(l.Gateways, address(r.Gw)) {
				if err := h.RouteDel(&r); err != nil {
					return fmt.Errorf("remove the default route via %s: %w", address(r.Gw), err)
				}
			}
		}
	}
	for _, g := range l.Gateways {
		route := &netlink.Route{LinkIndex: link.Attrs().Index, Gw: g.AsSlice()}
		if err := h.RouteReplace(route); err != nil {
			return fmt.Errorf("add the default route via %s: %w", g, err)
		}
	}
	return nil
}

// allowIPv6 enables IPv6 on a device. Container engines disable it in namespaces without an
// IPv6 address of theirs.
func allowIPv6(ns Namespace, device string) error {
	return inside(ns, func() error {
		return os.WriteFile("/proc/sys/net/ipv6/conf/"+device+"/disable_ipv6", []byte("0"), 0)
	})
}

// linkLocal sets whether the kernel generates a link-local address for a device. The address
// is derived from the MAC (RFC 4291, appendix A), since the port may send from that one only.
// In a network without IPv6 the device must have none, because its packets would be dropped.
func linkLocal(h *netlink.Handle, link netlink.Link, on bool) error {
	if _, err := os.Stat("/proc/sys/net/ipv6"); err != nil && !on {
		return nil // a kernel without IPv6
	}
	mode := nl.IN6_ADDR_GEN_MODE_NONE
	if on {
		mode = nl.IN6_ADDR_GEN_MODE_EUI64
	}
	err := h.LinkSetIP6AddrGenMode(link, mode)
	if errors.Is(err, unix.EAFNOSUPPORT) && !on { // a kernel with IPv6 disabled
		return nil
	}
	return err
}
