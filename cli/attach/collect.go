package attach

import (
	"context"
	"errors"
	"fmt"

	"github.com/sdnctl/sdnctl/controller/api"
)

// Collect removes the remains of attachments whose container or namespace is gone, and
// nothing that attach did not make:
//
//   - interfaces of the bridge whose device disappeared with its namespace, because
//     the container was stopped, restarted or removed;
//   - interfaces of removed containers whose namespace another program still holds open;
//   - devices without an interface on the bridge;
//   - ports that attach declared, once their container is removed or no interface is
//     attached as them. A stopped container keeps its port and its address.
//
// It keeps what it cannot check, for example because Docker does not answer, and returns an
// error for it together with the list of what it removed.
func (n Node) Collect(ctx context.Context) ([]Removed, error) {
	n, _, unlock, err := n.open(ctx)
	if err != nil {
		return nil, err
	}
	defer unlock()
	all, err := n.all(ctx)
	if err != nil {
		return nil, err
	}
	var removed []Removed
	var unchecked []error
	live := map[string]bool{}
	for _, a := range all {
		why := "the namespace of its device is gone"
		switch {
		case a.row && a.link:
			gone := false
			if a.target.Kind == Docker { // other namespaces exist as long as their device
				if gone, err = n.gone(ctx, a.target); err != nil {
					unchecked = append(unchecked, fmt.Errorf("interface %s is kept, as its container cannot be checked: %w", a.host, err))
				}
			}
			if !gone {
				live[a.port] = true
				continue
			}
			why = a.target.Describe() + " is gone"
		case a.link:
			why = "the bridge has no interface for the device"
		}
		if err := n.unplug(ctx, a.host); err != nil {
			return removed, err
		}
		removed = append(removed, Removed{Port: a.port, Interface: a.host, Why: why})
	}
	ports, err := n.Controller.Ports(ctx, api.ListOptions{Node: n.Name, Label: TargetLabel})
	if err != nil {
		return removed, err
	}
	for _, p := range ports.Items {
		t, err := ParseTarget(p.Labels[TargetLabel])
		if err != nil || p.Spec.Node != n.Name || live[p.Name] {
			continue
		}
		gone, err := n.gone(ctx, t)
		if err != nil {
			unchecked = append(unchecked, fmt.Errorf("port %s is kept, as its container cannot be checked: %w", p.Name, err))
		}
		if !gone {
			continue
		}
		deleted, err := n.undeclare(ctx, p.Name, t)
		if err != nil {
			return removed, errors.Join(append(unchecked, err)...)
		}
		removed = note(removed, p.Name, deleted, t.Describe()+" is gone")
	}
	return removed, errors.Join(unchecked...)
}

// note records in removed that a port was deleted.
func note(removed []Removed, port string, deleted bool, why string) []Removed {
	for i := range removed {
		if removed[i].Port == port {
			removed[i].Deleted, removed[i].Why = deleted, why
			return removed
		}
	}
	return append(removed, Removed{Port: port, Deleted: deleted, Why: why})
}
