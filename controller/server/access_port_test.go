package server

import (
	"net/http"
	"net/netip"
	"testing"

	"github.com/sdnctl/sdnctl/controller/pki"
	"github.com/sdnctl/sdnctl/topology/model"
)

// TestWhoMayGivePortsAddresses: a node may not give its own ports further addresses,
// only an admin turns port security off, and only an admin changes such a port.
func TestWhoMayGivePortsAddresses(t *testing.T) {
	b := newNodeBed(t)
	further := []model.PortAddress{{IP: netip.MustParseAddr("10.0.0.100")}}
	put := func(role pki.Role, spec model.PortSpec) int {
		status, _ := b.ask(b.as(pki.Identity{}), b.tokens[role], "PUT", "/v1/ports/web1", object(t, "web1", spec))
		return status
	}
	for what, spec := range map[string]model.PortSpec{
		"further addresses": {Network: "blue", Node: "node1", Addresses: further},
		"port security off": {Network: "blue", Node: "node1", PortSecurity: model.PortSecurityOff},
	} {
		if status, e := b.ask(b.node, "", "POST", "/v1/ports", object(t, "own", spec)); status != http.StatusForbidden {
			t.Errorf("%s by a node: status %d, %s", what, status, e.Message)
		}
	}
	plain := model.PortSpec{Network: "blue", Node: "node1"}
	off := plain
	off.PortSecurity = model.PortSecurityOff
	with := plain
	with.Addresses = further
	for _, step := range []struct {
		role pki.Role
		spec model.PortSpec
		want int
	}{
		{pki.Viewer, with, http.StatusForbidden}, {pki.Operator, with, http.StatusOK}, {pki.Operator, off, http.StatusForbidden},
		{pki.Admin, off, http.StatusOK}, {pki.Operator, plain, http.StatusForbidden}, {pki.Admin, plain, http.StatusOK},
	} {
		if got := put(step.role, step.spec); got != step.want {
			t.Errorf("%s puts %+v: status %d, want %d", step.role, step.spec, got, step.want)
		}
	}
}
