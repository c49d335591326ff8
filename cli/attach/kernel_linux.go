package attach

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"
)

// kernel is the kernel of this machine, by rtnetlink(7) and ioctl(2).
type kernel struct{}

// NewKernel returns the kernel of this machine, in the network namespace of
// this process.
func NewKernel() (Kernel, error) {
	if os.Geteuid() != 0 {
		return nil, fault(Denied, "run this as root, for example with sudo", "only root can create network interfaces")
	}
	return kernel{}, nil
}

// namespace is an open network namespace.
type namespace struct {
	netns.NsHandle
	own bool
}

// Own implements Namespace.
func (n namespace) Own() bool { return n.own }

// Close implements Namespace.
func (n namespace) Close() error { return n.NsHandle.Close() }

// Open implements Kernel.
func (kernel) Open(path string) (Namespace, error) {
	ns, err := netns.GetFromPath(path)
	if err != nil {
		return nil, &fs.PathError{Op: "open network namespace", Path: path, Err: err}
	}
	var st unix.Statfs_t
	if err := unix.Fstatfs(int(ns), &st); err == nil && st.Type != unix.NSFS_MAGIC {
		err = errors.Join(fmt.Errorf("%s is not a network namespace", path), ns.Close())
		return nil, err
	}
	own, err := netns.Get()
	if err != nil {
		return nil, errors.Join(err, ns.Close())
	}
	n := namespace{ns, own.Equal(ns)}
	return n, own.Close()
}

// in calls f with rtnetlink sockets of both namespaces.
func in(ns Namespace, f func(machine, inside *netlink.Handle) error) error {
	machine, err := netlink.NewHandle(unix.NETLINK_ROUTE)
	if err != nil {
		return err
	}
	defer machine.Close()
	inside, err := netlink.NewHandleAt(ns.(namespace).NsHandle, unix.NETLINK_ROUTE)
	if err != nil {
		return err
	}
	defer inside.Close()
	return f(machine, inside)
}

// Look implements Kernel.
func (kernel) Look(ns Namespace, host, inner string) (s Seen, err error) {
	err = in(ns, func(machine, inside *netlink.Handle) error {
		if s.Host, err = device(machine, host); err != nil {
			return err
		}
		if s.Inner, err = device(inside, inner); err != nil {
			return err
		}
		for i, family := range families {
			routes, err := inside.RouteList(nil, family)
			if err != nil {
				return err
			}
			for _, r := range routes {
				if !isDefault(r) {
					continue
				}
				if s.Inner != nil && r.LinkIndex == s.Inner.Index {
					s.Inner.Gateways = append(s.Inner.Gateways, address(r.Gw))
				} else if link, err := inside.LinkByIndex(r.LinkIndex); err == nil {
					s.OtherDefault[i] = link.Attrs().Name
				}
			}
		}
		return nil
	})
	if err == nil && s.Inner != nil {
		s.Inner.Offload, err = checksumOffload(ns, inner)
	}
	return s, err
}

// device reads a device; nil if it does not exist.
func device(h *netlink.Handle, name string) (*Device, error) {
	link, err := h.LinkByName(name)
	if absent(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	a := link.Attrs()
	d := &Device{Index: a.Index, Alias: a.Alias, MAC: a.HardwareAddr.String(), MTU: a.MTU, Up: a.Flags&net.FlagUp != 0}
	if link.Type() == "veth" {
		d.Peer = a.ParentIndex
	}
	for _, family := range families {
		addrs, err := addresses(h, link, family)
		if err != nil {
			return nil, err
		}
		for _, addr := range addrs {
			d.Addresses = append(d.Addresses, prefix(addr.IPNet))
		}
	}
	return d, nil
}

// families are the address families of addresses and routes, IPv4 first.
var families = [...]int{unix.AF_INET, unix.AF_INET6}

// addresses lists a device's addresses of a family, without the link-local IPv6 addresses
// that the kernel generates.
func addresses(h *netlink.Handle, link netlink.Link, family int) ([]netlink.Addr, error) {
	addrs, err := h.AddrList(link, family)
	return slices.DeleteFunc(addrs, func(a netlink.Addr) bool { return a.IP.To4() == nil && a.IP.IsLinkLocalUnicast() }), err
}

// absent reports whether an error says that a device does not exist.
func absent(err error) bool {
	var none netlink.LinkNotFoundError
	return errors.As(err, &none) || errors.Is(err, unix.ENODEV)
}

// isDefault reports whether a route is a default route of the main table.
func isDefault(r netlink.Route) bool {
	if r.Table != unix.RT_TABLE_MAIN {
		return false
	}
	return r.Dst == nil || r.Dst.IP.IsUnspecified() && prefix(r.Dst).Bits() == 0
}

func prefix(n *net.IPNet) netip.Prefix {
	bits, _ := n.Mask.Size()
	return netip.PrefixFrom(address(n.IP), bits)
}

func address(ip net.IP) netip.Addr {
	a, _ := netip.AddrFromSlice(ip)
	return a.Unmap()
}

// Remove implements Kernel.
func (kernel) Remove(host string) error {
	link, err := netlink.LinkByName(host)
	if err == nil {
		err = netlink.LinkDel(link)
	}
	if absent(err) {
		return nil
	}
	return err
}

// Veths implements Kernel.
func (kernel) Veths(aliasPrefix string) ([]Veth, error) {
	links, err := netlink.LinkList()
	if err != nil {
		return nil, err
	}
	var ours []Veth
	for _, l := range links {
		if a := l.Attrs(); l.Type() == "veth" && strings.HasPrefix(a.Alias, aliasPrefix) {
			ours = append(ours, Veth{a.Name, a.Alias})
		}
	}
	return ours, nil
}
