package attach

import (
	"context"
	"errors"

	"github.com/sdnctl/sdnctl/controller/api"
)

// Removed lists the parts of one attachment that were removed.
type Removed struct {
	Port string
	// Interface is the interface that was removed from the bridge, "" for none.
	Interface string
	// Deleted says whether the port was deleted, as it is if attach declared it.
	Deleted bool
	// Why is the reason for which Collect removed it.
	Why string
}

// Detach removes the attachment of a port, and the port if Attach declared it. It removes
// the device even if sdnd cannot be reached; then the error says what remains to be done.
func (n Node) Detach(ctx context.Context, port string) (Removed, error) {
	n, _, unlock, err := n.open(ctx)
	if err != nil {
		return Removed{}, err
	}
	defer unlock()
	gone := Removed{Port: port}
	attached, err := n.attached(ctx, port)
	if err != nil {
		return gone, err
	}
	for _, a := range attached {
		if err := n.unplug(ctx, a.host); err != nil {
			return gone, err
		}
		gone.Interface = a.host
	}
	p, err := n.Controller.Port(ctx, port)
	switch {
	case isCode(err, api.CodeNotFound) && gone.Interface == "":
		return gone, fault(NotFound, "list ports with: sdnctl port list (the port of an interface other than eth0 has the interface in its name: see --interface)",
			"nothing is attached as port %s, and no such port is declared", port)
	case isCode(err, api.CodeNotFound):
		return gone, nil
	case err != nil:
		return gone, unfinished(gone, err)
	}
	t, err := ParseTarget(p.Labels[TargetLabel])
	if err != nil {
		if gone.Interface == "" {
			return gone, fault(NotFound, "delete it with: sdnctl port delete "+port,
				"nothing is attached as port %s on this machine, and sdnctl attach did not declare it", port)
		}
		return gone, nil
	}
	gone.Deleted, err = n.undeclare(ctx, port, t)
	return gone, unfinished(gone, err)
}

// unfinished returns the error for a port that could not be deleted because sdnd cannot be
// reached.
func unfinished(r Removed, err error) error {
	if err == nil || r.Interface == "" {
		return err
	}
	return &Error{Code: Failed, Err: err, Message: "port " + r.Port + " is detached here, but still declared",
		Fix: "when sdnd can be reached, run this again, or: sdnctl attach --gc"}
}

// attachment is a complete or partial attachment that was found on this machine.
type attachment struct {
	host   string // name of the interface on the bridge
	port   string // "" if only the veth is left
	target Target
	// inner is the name of the interface in the namespace, "" if it was not recorded.
	inner string
	// noRoute says that no default route was requested.
	noRoute bool
	// row says that the bridge has the interface, link that the machine has the device.
	row, link bool
}

// all returns the attachments of this machine whose interface is on the node's bridge or on no
// bridge.
func (n Node) all(ctx context.Context) ([]attachment, error) {
	rows, err := n.Switch.Interfaces(ctx, TargetKey, "")
	if err != nil {
		return nil, err
	}
	veths, err := n.Kernel.Veths(aliasPrefix)
	if err != nil {
		return nil, err
	}
	links := map[string]string{}
	for _, v := range veths {
		links[v.Name] = v.Alias
	}
	var all []attachment
	for _, r := range rows {
		a := attachment{host: r.Name, port: r.IDs[PortKey], inner: r.IDs[InnerKey], noRoute: r.IDs[RouteKey] == "none", row: true}
		_, a.link = links[r.Name]
		delete(links, r.Name)
		if a.target, err = ParseTarget(r.IDs[TargetKey]); err == nil && r.Bridge == n.Bridge {
			all = append(all, a)
		}
	}
	for _, v := range veths {
		if _, ok := links[v.Name]; !ok {
			continue
		}
		if t, err := ParseTarget(v.Alias[len(aliasPrefix):]); err == nil {
			all = append(all, attachment{host: v.Name, target: t, link: true})
		}
	}
	return all, nil
}

// attached returns the attachments of a port.
func (n Node) attached(ctx context.Context, port string) ([]attachment, error) {
	all, err := n.all(ctx)
	var of []attachment
	for _, a := range all {
		if a.port == port || a.host == HostName(port) {
			of = append(of, a)
		}
	}
	return of, err
}

// unplug removes an interface from the bridge, and its device.
func (n Node) unplug(ctx context.Context, host string) error {
	return errors.Join(n.Switch.Remove(ctx, host), n.Kernel.Remove(host))
}

// clear removes the remains of a port that attach declared for a target that is gone.
func (n Node) clear(ctx context.Context, port string) error {
	attached, err := n.attached(ctx, port)
	if err != nil {
		return err
	}
	for _, a := range attached {
		if err := n.unplug(ctx, a.host); err != nil {
			return err
		}
	}
	_, err = n.Controller.Delete(ctx, api.KindPort, port, 0)
	if isCode(err, api.CodeNotFound) {
		return nil
	}
	return err
}
