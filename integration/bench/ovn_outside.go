package bench

import (
	"context"
	"errors"
	"net/netip"

	"github.com/sdnctl/sdnctl/integration/lab"
)

// OVNWayOut is OVN with a network outside, with whose translations tests compare those of uplinks.
// The router of its ports has an address there, on the first node.
type OVNWayOut struct {
	OVN
	// Outside is the machine outside, 192.0.2.1, to which the router's default route leads.
	Outside *lab.Outside
}

// NewOVNWayOut starts OVN, whose router has the address own on the network 192.0.2.0/24. All that
// ports send there comes from the address snat. Stop ends it.
func NewOVNWayOut(ctx context.Context, e *Env, own, snat netip.Addr) (*OVNWayOut, error) {
	base, err := newOVN(ctx, e)
	if err != nil {
		return nil, err
	}
	o := &OVNWayOut{OVN: base}
	if err := o.lead(ctx, own, snat); err != nil {
		return nil, errors.Join(err, o.Stop())
	}
	return o, nil
}

// lead makes the network outside, and the router's port there.
func (o *OVNWayOut) lead(ctx context.Context, own, snat netip.Addr) (err error) {
	if o.Outside, err = o.b.AddExternal(ctx); err != nil {
		return err
	}
	for _, n := range o.b.Nodes {
		if _, err := n.VSCtl(ctx, "set", "open", ".", "external_ids:ovn-bridge-mappings=outside:"+lab.ExternalBridge); err != nil {
			return err
		}
	}
	args := []string{"--wait=hv", "ls-add", "public",
		"--", "lsp-add", "public", "public-net", "--", "lsp-set-type", "public-net", "localnet",
		"--", "lsp-set-addresses", "public-net", "unknown", "--", "lsp-set-options", "public-net", "network_name=outside",
		"--", "lrp-add", "lr0", "lr-public", "02:00:00:00:ff:01", own.String() + "/24",
		"--", "lsp-add", "public", "public-lr", "--", "lsp-set-type", "public-lr", "router",
		"--", "lsp-set-addresses", "public-lr", "router", "--", "lsp-set-options", "public-lr", "router-port=lr-public",
		"--", "lrp-set-gateway-chassis", "lr-public", o.b.Nodes[0].Name,
		"--", "lr-route-add", "lr0", "0.0.0.0/0", o.Outside.Addr.String(),
	}
	for i := range o.b.Nodes {
		_, first := ovnAddr(i, 0)
		args = append(args, "--", "lr-nat-add", "lr0", "snat", snat.String(), netip.PrefixFrom(first, 16).Masked().String())
	}
	return o.b.nb(ctx, args...)
}

// Float gives a container a floating address (dnat_and_snat), on its own node.
func (o *OVNWayOut) Float(ctx context.Context, address netip.Addr, c *lab.Container) error {
	mac := "02:00:00:00:fe:" + address.String()[len(address.String())-2:]
	if err := o.b.nb(ctx, "--wait=hv", "lr-nat-add", "lr0", "dnat_and_snat", address.String(), c.IP.Addr().String(), c.Name, mac); err != nil {
		return err
	}
	return o.revalidated(ctx)
}
