package attach

import (
	"cmp"
	"context"
	"fmt"
	"net/netip"
	"slices"

	"github.com/sdnctl/sdnctl/controller/api"
)

// DefaultInterface is the default name of the interface in the namespace.
const DefaultInterface = "eth0"

// Request asks for an attachment.
type Request struct {
	// Name is the container's name or id. With Netns or PID it is only used for the name of
	// the port.
	Name string
	// Netns is the name ("ip netns") or path of a network namespace.
	Netns string
	// PID is a process whose network namespace is the target. Without Netns and PID, the
	// target is the Docker container Name.
	PID int
	// Interface is the name of the interface in the namespace; "" is
	// DefaultInterface.
	Interface string
	// Port is the name of the port; "" is the result of PortName.
	Port string
	// Network is the network of a port that Attach declares; "" requires that the port is
	// declared already.
	Network string
	// IP and MAC are those of the port; "" lets sdnd choose them.
	IP, MAC string
	// Labels are the labels of a port that Attach declares.
	Labels map[string]string
	// NoDefaultRoute leaves the default route of the namespace unchanged.
	NoDefaultRoute bool
}

// PortName returns the default name of the port of a container's interface: the container's
// name for eth0, otherwise the two names joined by a dash.
func PortName(container, iface string) string {
	if iface == "" || iface == DefaultInterface {
		return container
	}
	return container + "-" + iface
}

// Result is the result of Attach.
type Result struct {
	Node   string
	Target Target
	// Whose describes the target, such as "container web".
	Whose string
	Link  Link
	Port  api.Port
	// Declared says whether Attach declared the port.
	Declared bool
	// Done lists the steps done on this machine; none if the attachment was complete.
	Done []Action
	// OtherDefault is the device of the namespace whose default route Attach kept instead
	// of setting its own, "" if there is none.
	OtherDefault string

	// since is the revision of the topology before Attach.
	since api.Revision
}

// Attach makes or repairs an attachment. It returns when the attachment is complete on this
// machine; Wait waits for the switches. On an error it undoes everything that it did.
func (n Node) Attach(ctx context.Context, r Request) (Result, error) {
	if r.Interface == "" {
		r.Interface = DefaultInterface
	}
	t, err := n.target(ctx, &r)
	if err != nil {
		return Result{}, err
	}
	defer t.ns.Close()
	n, bridge, unlock, err := n.open(ctx)
	if err != nil {
		return Result{}, err
	}
	defer unlock()

	var back undo
	res, err := n.attach(ctx, r, t, bridge, &back)
	if err != nil {
		return Result{}, back.run(ctx, err)
	}
	return res, nil
}

// attach does what Attach does, with the lock held. It adds to back a function that undoes
// each step.
func (n Node) attach(ctx context.Context, r Request, t target, bridge Bridge, back *undo) (Result, error) {
	res := Result{Node: n.Name, Target: t.Target, Whose: t.whose}
	status, err := n.Controller.Status(ctx)
	if err != nil {
		return res, err
	}
	res.since = status.Revision
	if res.Port, res.Declared, err = n.declare(ctx, r, t.Target, back); err != nil {
		return res, err
	}
	w, err := n.want(r, t.Target, bridge, res.Port)
	if err != nil {
		return res, err
	}
	found, err := n.look(ctx, t.ns, w)
	if err != nil {
		return res, err
	}
	w.Link.Gateways = slices.DeleteFunc(w.Link.Gateways, func(g netip.Addr) bool {
		other := found.OtherDefault[family(g)]
		res.OtherDefault = cmp.Or(res.OtherDefault, other)
		return other != ""
	})
	res.Link = w.Link
	if res.Done, err = Plan(w, found); err != nil {
		return res, err
	}
	if err := n.carryOut(ctx, t.ns, w, res.Done, back); err != nil {
		return res, err
	}
	return res, n.check(ctx, t.ns, w)
}

// want returns the attachment that a port should have.
func (n Node) want(r Request, t Target, bridge Bridge, p api.Port) (Want, error) {
	w := Want{Port: p.Name, ID: p.Name, Bridge: n.Bridge, NoDefaultRoute: r.NoDefaultRoute, Link: Link{
		Host: HostName(p.Name), Inner: r.Interface, Target: t,
		MAC: p.Status.MAC, MTU: p.Status.MTU, Checksums: bridge.DatapathType == "netdev",
	}}
	if p.Spec.InterfaceID != "" {
		w.ID = p.Spec.InterfaceID
	}
	if p.Spec.Interface != "" { // bound by the name of the interface
		w.Link.Host = p.Spec.Interface
	}
	for _, a := range p.Status.Links() {
		ip, err := netip.ParseAddr(a.IP)
		if err != nil {
			return w, fmt.Errorf("sdnd reports a malformed address of port %s: %w", p.Name, err)
		}
		w.Link.Addresses = append(w.Link.Addresses, netip.PrefixFrom(ip, a.PrefixLength))
		if r.NoDefaultRoute || a.Gateway == "" {
			continue
		}
		g, err := netip.ParseAddr(a.Gateway)
		if err != nil {
			return w, err
		}
		w.Link.Gateways = append(w.Link.Gateways, g)
	}
	if len(w.Link.Addresses) == 0 {
		return w, fmt.Errorf("sdnd reports no address of port %s", p.Name)
	}
	return w, nil
}

// look reads the present state of an attachment on this machine.
func (n Node) look(ctx context.Context, ns Namespace, w Want) (Found, error) {
	seen, err := n.Kernel.Look(ns, w.Link.Host, w.Link.Inner)
	if err != nil {
		return Found{}, err
	}
	rows, err := n.Switch.Interfaces(ctx, "name", w.Link.Host)
	if err != nil {
		return Found{}, err
	}
	f := Found{Seen: seen}
	for _, i := range rows {
		f.Interface = &i
	}
	claims, err := n.Switch.Interfaces(ctx, "iface-id", w.ID)
	if err != nil {
		return Found{}, err
	}
	for _, i := range claims {
		if i.Name != w.Link.Host {
			return Found{}, fault(Conflict, "remove that interface with: ovs-vsctl del-port "+i.Name,
				"the interface %s of bridge %s already claims port %s (external_ids:iface-id=%s)", i.Name, i.Bridge, w.Port, w.ID)
		}
	}
	return f, nil
}

// carryOut does the steps of a plan, and adds the functions that undo them to back.
func (n Node) carryOut(ctx context.Context, ns Namespace, w Want, plan []Action, back *undo) error {
	host := w.Link.Host
	for _, a := range plan {
		if _, ok := a.(AddInterface); ok {
			// The undo step is added first: if ovs-vsctl is interrupted, it is unknown
			// whether it had any effect.
			back.add(func(ctx context.Context) error { return n.Switch.Remove(ctx, host) })
		}
		if err := n.do(ctx, ns, a); err != nil {
			return err
		}
		if _, ok := a.(MakeLink); ok {
			back.add(func(context.Context) error { return n.Kernel.Remove(host) })
		}
	}
	return nil
}

// check returns an error if the attachment is not complete.
func (n Node) check(ctx context.Context, ns Namespace, w Want) error {
	found, err := n.look(ctx, ns, w)
	if err != nil {
		return err
	}
	if i := found.Interface; i != nil && i.OFPort <= 0 {
		return fault(Failed, "see the log of ovs-vswitchd", "Open vSwitch could not open the interface %s: %q (ofport %d)", i.Name, i.Error, i.OFPort)
	}
	left, err := Plan(w, found)
	if err != nil {
		return err
	}
	if len(left) > 0 {
		return fmt.Errorf("the interface %s of %s differs from what was set: another program on this machine changes it (missing step: %T)",
			w.Link.Inner, w.Link.Target.Describe(), left[0])
	}
	return nil
}
