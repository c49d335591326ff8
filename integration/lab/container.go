package lab

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// Container is a network namespace with one interface, eth0, which is plugged into a node's
// br-int. For the network that is the same as a real container.
type Container struct {
	// Name is unique in the lab; at most 12 letters, digits and dashes.
	Name string `json:"name"`
	// Node is the name of the node it is plugged into.
	Node string `json:"node"`
	// IP is its address with the prefix length of its network; the zero Prefix
	// leaves it without.
	IP netip.Prefix `json:"ip"`
	// IP6 is its IPv6 address, likewise; Gateway6 of its IPv6 default route. Detection
	// of duplicates is off, so that the address can be used at once.
	IP6      netip.Prefix `json:"ip6"`
	Gateway6 netip.Addr   `json:"gateway6"`
	// MAC is its Ethernet address; empty leaves the kernel's choice, which
	// AddContainer then fills in.
	MAC string `json:"mac,omitempty"`
	// Gateway is that of its default route; the zero Addr for none.
	Gateway netip.Addr `json:"gateway"`
	// MTU is that of eth0 in bytes; 0 for 1450, the MTU inside of VXLAN over 1500.
	MTU int `json:"mtu,omitempty"`
	// InterfaceID is written to external_ids:iface-id of the OVS interface;
	// empty writes none, for ports bound by interface name.
	InterfaceID string `json:"interfaceID,omitempty"`
	// Interface is the OVS interface's name; empty means Name.
	Interface string `json:"interface,omitempty"`
	// Docker is the process id of a real Docker container; 0 for a namespace.
	Docker int `json:"docker,omitempty"`

	lab *Lab
}

// AddContainer makes a container and plugs it in.
func (l *Lab) AddContainer(ctx context.Context, c Container) (*Container, error) {
	c.lab = l
	if c.Interface == "" {
		c.Interface = c.Name
	}
	if c.MTU == 0 {
		c.MTU = 1450
	}
	if c.Name == "" || len(c.Interface) > 15 {
		return nil, fmt.Errorf("container %q: names of interfaces have 1 to 15 letters", c.Interface)
	}
	n, err := l.Node(c.Node)
	if err != nil {
		return nil, err
	}
	if err := c.start(ctx, n); err != nil {
		return nil, fmt.Errorf("container %q: %w", c.Name, err)
	}
	return &c, c.save()
}

// netnsName returns the name of the container's namespace, unless it is a Docker container.
func (c *Container) netnsName() string { return c.lab.netns("c-" + c.Name) }

func (c *Container) start(ctx context.Context, n *Node) error {
	ns := c.netnsName()
	if err := c.lab.addNetns(ctx, ns); err != nil {
		return err
	}
	if err := c.lab.ip(ctx, n.Netns, "link add name %s type veth peer name eth0 netns %s", c.Interface, ns); err != nil {
		return err
	}
	// The node's kernel also receives packets from this interface, and must not answer.
	if err := c.lab.ip(ctx, n.Netns, "link set dev %s mtu %d arp off addrgenmode none up", c.Interface, c.MTU); err != nil {
		return err
	}
	if c.MAC != "" {
		if err := c.lab.ip(ctx, ns, "link set dev eth0 address %s", c.MAC); err != nil {
			return err
		}
	}
	if err := c.lab.ip(ctx, ns, "link set dev eth0 mtu %d up", c.MTU); err != nil {
		return err
	}
	if c.IP.IsValid() {
		if err := c.lab.ip(ctx, ns, "addr add %s dev eth0", c.IP); err != nil {
			return err
		}
	}
	if c.Gateway.IsValid() {
		if err := c.lab.ip(ctx, ns, "route add default via %s", c.Gateway); err != nil {
			return err
		}
	}
	if c.IP6.IsValid() {
		if err := c.lab.ip(ctx, ns, "-6 addr add %s dev eth0 nodad", c.IP6); err != nil {
			return err
		}
	}
	if c.Gateway6.IsValid() {
		if err := c.lab.ip(ctx, ns, "-6 route add default via %s dev eth0", c.Gateway6); err != nil {
			return err
		}
	}
	if err := c.lab.noChecksumOffload(ctx, ns, "eth0"); err != nil {
		return err
	}
	if err := c.readInterface(); err != nil {
		return err
	}
	return c.plug(ctx, n)
}

// readInterface records the addresses of eth0 that were not given, so that Move keeps them.
func (c *Container) readInterface() error {
	return inNetns(c.netnsPath(), func() error {
		eth0, err := net.InterfaceByName("eth0")
		if err != nil {
			return err
		}
		c.MAC = eth0.HardwareAddr.String()
		addrs, err := eth0.Addrs()
		for _, a := range addrs {
			p, err := netip.ParsePrefix(a.String())
			if err == nil && p.Addr().Is4() && !c.IP.IsValid() {
				c.IP = p
			}
		}
		return err
	})
}

// plug adds the container's interface to br-int.
func (c *Container) plug(ctx context.Context, n *Node) error {
	args := []string{"add-port", "br-int", c.Interface}
	if c.InterfaceID != "" {
		args = append(args, "--", "set", "interface", c.Interface, "external_ids:iface-id="+c.InterfaceID)
	}
	_, err := n.VSCtl(ctx, args...)
	return err
}

// Addresses returns the container's addresses, IPv4 first.
func (c *Container) Addresses() (all []netip.Addr) {
	for _, p := range []netip.Prefix{c.IP, c.IP6} {
		if p.IsValid() {
			all = append(all, p.Addr())
		}
	}
	return all
}

// Shared returns the addresses of another container in the families that both have.
func (c *Container) Shared(other *Container) []netip.Addr {
	return slices.DeleteFunc(other.Addresses(), func(a netip.Addr) bool { return !c.Has(a) })
}

// Has reports whether the container has an address of the same family as another address.
func (c *Container) Has(other netip.Addr) bool {
	return slices.ContainsFunc(c.Addresses(), func(a netip.Addr) bool { return a.BitLen() == other.BitLen() })
}

// ForgetNeighbours empties the container's ARP and IPv6 neighbour tables.
func (c *Container) ForgetNeighbours(ctx context.Context) error {
	_, err := c.Exec(ctx, "ip", "neigh", "flush", "dev", "eth0")
	return err
}

// SetLink sets the container's address and gateway of one family before it is created; the zero
// gateway is none.
func (c *Container) SetLink(ip netip.Prefix, gateway netip.Addr) {
	if ip.Addr().Is6() {
		c.IP6, c.Gateway6 = ip, gateway
	} else {
		c.IP, c.Gateway = ip, gateway
	}
}

// AddLink gives a running container an address and gateway of another family.
func (c *Container) AddLink(ctx context.Context, ip netip.Prefix, gateway netip.Addr) error {
	add := []string{"ip", "addr", "add", ip.String(), "dev", "eth0"}
	if ip.Addr().Is6() {
		add = append(add, "nodad")
		// Docker disables IPv6 in containers with --network none.
		if _, err := c.Exec(ctx, "sysctl", "--quiet", "--write", "net.ipv6.conf.eth0.disable_ipv6=0"); err != nil {
			return err
		}
	}
	if _, err := c.Exec(ctx, add...); err != nil {
		return err
	}
	if gateway.IsValid() {
		if err := c.SetGateway(ctx, gateway); err != nil {
			return err
		}
	}
	c.SetLink(ip, gateway)
	return c.save()
}

// Gateways returns the container's gateways, IPv4 first.
func (c *Container) Gateways() []netip.Addr { return addresses(c.Gateway, c.Gateway6) }

// SetGateway changes the default route of the gateway's family.
func (c *Container) SetGateway(ctx context.Context, gateway netip.Addr) error {
	if _, err := c.Exec(ctx, "ip", "route", "replace", "default", "via", gateway.String(), "dev", "eth0"); err != nil {
		return err
	}
	if gateway.Is6() {
		c.Gateway6 = gateway
	} else {
		c.Gateway = gateway
	}
	return c.save()
}

// Move unplugs the container from its node and plugs it into another, as the
// migration of a VM does: address and MAC stay.
func (c *Container) Move(ctx context.Context, to string) error {
	n, err := c.lab.Node(to)
	if err != nil {
		return err
	}
	if err := c.Remove(ctx); err != nil {
		return err
	}
	c.Node = to
	if err := c.start(ctx, n); err != nil {
		return fmt.Errorf("container %q: %w", c.Name, err)
	}
	return c.save()
}

// Remove unplugs the container and deletes it.
func (c *Container) Remove(ctx context.Context) error {
	n, err := c.lab.Node(c.Node)
	if err != nil {
		return err
	}
	if c.Docker != 0 {
		_, unplug := n.Exec(ctx, "ovs-docker", "del-port", "br-int", "eth0", c.Name)
		_, remove := n.Exec(ctx, "docker", "rm", "-f", c.Name)
		return errors.Join(unplug, remove, os.Remove(c.file()))
	}
	_, err = n.VSCtl(ctx, "--if-exists", "del-port", "br-int", c.Interface)
	// Deleting a namespace deletes its end of the veth pair, and so the other end, but only
	// some time later. The name must be free at once.
	unlink := c.lab.ip(ctx, n.Netns, "link del dev %s", c.Interface)
	_, del := c.lab.run(ctx, "ip", "netns", "del", c.netnsName())
	return errors.Join(err, unlink, del, os.Remove(c.file()))
}

// netnsPath returns the path of the container's network namespace.
func (c *Container) netnsPath() string {
	if c.Docker != 0 {
		return fmt.Sprintf("/proc/%d/ns/net", c.Docker)
	}
	return netnsPath(c.netnsName())
}

// Command prepares a program of the machine to run in the container's network
// namespace.
func (c *Container) Command(ctx context.Context, args ...string) *exec.Cmd {
	return c.lab.command(ctx, append([]string{"nsenter", "--net=" + c.netnsPath(), "--"}, args...)...)
}

// Exec runs a program of the machine in the container's network namespace.
func (c *Container) Exec(ctx context.Context, args ...string) (string, error) {
	return output(c.Command(ctx, args...))
}

func (c *Container) file() string {
	return filepath.Join(c.lab.Dir, "containers", c.Name+".json")
}

func (c *Container) save() error {
	b, err := json.Marshal(c)
	if err != nil {
		return err
	}
	return os.WriteFile(c.file(), b, 0o600)
}

// Container returns a container by its name.
func (l *Lab) Container(name string) (*Container, error) {
	c := &Container{Name: name, lab: l}
	b, err := os.ReadFile(c.file())
	if errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("no container %q in lab %s: it has %s", name, l.ID, strings.Join(l.containerNames(), ", "))
	}
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(b, c); err != nil {
		return nil, fmt.Errorf("container %q: %w", name, err)
	}
	return c, nil
}

// Containers returns all containers, by name.
func (l *Lab) Containers() ([]*Container, error) {
	var all []*Container
	for _, name := range l.containerNames() {
		c, err := l.Container(name)
		if err != nil {
			return nil, err
		}
		all = append(all, c)
	}
	return all, nil
}

func (l *Lab) containerNames() []string {
	// The pattern is constant and well formed, so this cannot fail.
	files, _ := filepath.Glob(filepath.Join(l.Dir, "containers", "*.json"))
	names := make([]string, len(files))
	for i, f := range files {
		names[i] = strings.TrimSuffix(filepath.Base(f), ".json")
	}
	return names
}
