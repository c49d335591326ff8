package attach

import (
	"context"
	"errors"
	"maps"
	"slices"

	"github.com/sdnctl/sdnctl/controller/api"
	"github.com/sdnctl/sdnctl/topology/model"
)

// declare returns the port of a request. If the port is not declared yet, declare declares it
// with the label that marks it as declared by attach, and reports made. A port that remains
// from a target that no longer exists is replaced.
func (n Node) declare(ctx context.Context, r Request, t Target, back *undo) (p api.Port, made bool, err error) {
	p, err = n.Controller.Port(ctx, r.Port)
	if err == nil {
		var left bool
		if left, err = n.leftBehind(ctx, p, t); err != nil {
			return p, false, err
		}
		if !left {
			return p, false, n.fits(p, r, t)
		}
		if err = n.clear(ctx, p.Name); err != nil {
			return p, false, err
		}
	} else if !isCode(err, api.CodeNotFound) {
		return p, false, err
	}
	if r.Network == "" {
		return p, false, fault(NotFound, "to declare it, give its network with --network (list networks with: sdnctl network list)",
			"port %s is not declared", r.Port)
	}
	labels := map[string]string{TargetLabel: t.String()}
	maps.Copy(labels, r.Labels)
	spec := model.PortSpec{Network: r.Network, Node: n.Name}
	var wrong *model.ValueError
	switch {
	case errors.As(model.SetText(&spec.IP, r.IP), &wrong):
		return p, false, fault(Invalid, wrong.Fix, "--ip: %s", wrong.Message)
	case errors.As(model.SetText(&spec.MAC, r.MAC), &wrong):
		return p, false, fault(Invalid, wrong.Fix, "--mac: %s", wrong.Message)
	}
	o, err := api.NewObject(r.Port, labels, spec)
	if err != nil {
		return p, false, err
	}
	back.add(func(ctx context.Context) error { _, err := n.undeclare(ctx, r.Port, t); return err })
	_, err = n.Controller.Create(ctx, o)
	if isCode(err, api.CodeExists) { // a node cannot read the ports of others
		return p, false, fault(Conflict, "give another name with --port", "port %s already exists on another node", r.Port)
	}
	if err != nil {
		return p, false, err
	}
	p, err = n.Controller.Port(ctx, r.Port)
	return p, true, err
}

// fits returns an error if a declared port does not match a request.
func (n Node) fits(p api.Port, r Request, t Target) error {
	other := "give another port with --port"
	of, attached := p.Labels[TargetLabel]
	switch {
	case r.Network != "" && r.Network != p.Spec.Network:
		return fault(Conflict, other, "port %s is declared on network %s, not %s", p.Name, p.Spec.Network, r.Network)
	case p.Spec.Node != "" && p.Spec.Node != n.Name:
		return fault(Conflict, "run this there, or move the port with: sdnctl port set "+p.Name+" --node "+n.Name+"; or "+other,
			"port %s is pinned to node %s, and this is %s", p.Name, p.Spec.Node, n.Name)
	case attached && of != t.String():
		was, err := ParseTarget(of)
		if err != nil {
			return err
		}
		return fault(Conflict, "detach it first with: sdnctl detach "+p.Name+"; or "+other, "port %s is attached to %s", p.Name, was.Describe())
	case r.IP != "" && !slices.ContainsFunc(p.Status.Links(), func(a api.PortLink) bool { return a.IP == r.IP }):
		return fault(Conflict, "change it with: sdnctl port set "+p.Name+" --ip "+r.IP, "port %s has the address %s, not %s", p.Name, p.Status.IP, r.IP)
	case r.MAC != "" && r.MAC != p.Status.MAC:
		return fault(Conflict, "change it with: sdnctl port set "+p.Name+" --mac "+r.MAC, "port %s has the MAC %s, not %s", p.Name, p.Status.MAC, r.MAC)
	case p.Status.Bound && p.Status.Node != n.Name:
		return fault(Conflict, "detach it there first, or "+other, "port %s is bound to the interface %s of node %s", p.Name, p.Status.Interface, p.Status.Node)
	}
	return nil
}

// leftBehind reports whether a declared port remains from an attachment to another target,
// which no longer exists.
func (n Node) leftBehind(ctx context.Context, p api.Port, t Target) (bool, error) {
	of, ok := p.Labels[TargetLabel]
	if !ok || p.Spec.Node != n.Name || of == t.String() {
		return false, nil
	}
	was, err := ParseTarget(of)
	if err != nil {
		return false, nil
	}
	if was.Kind != Docker {
		attached, err := n.attached(ctx, p.Name)
		return len(attached) == 0, err
	}
	return n.gone(ctx, was)
}

// undeclare deletes a port if attach declared it for a target, and reports
// whether it did.
func (n Node) undeclare(ctx context.Context, name string, t Target) (bool, error) {
	p, err := n.Controller.Port(ctx, name)
	if isCode(err, api.CodeNotFound) {
		return false, nil
	}
	if err != nil || p.Labels[TargetLabel] != t.String() || p.Spec.Node != n.Name {
		return false, err
	}
	_, err = n.Controller.Delete(ctx, api.KindPort, name, p.Meta.Revision)
	return err == nil, err
}

// isCode reports whether an error is a refusal of sdnd with a code.
func isCode(err error, code string) bool {
	var e *api.Error
	return errors.As(err, &e) && e.Code == code
}
