package model

import (
	"encoding/base32"
	"encoding/binary"
	"fmt"
	"iter"
	"net/netip"
	"slices"
	"strings"
)

// EgressIPSpec is the declared part of an egress address: addresses on an uplink of the type
// bridge with which selected ports leave, by given nodes.
type EgressIPSpec struct {
	Uplink    string          `json:"uplink" doc:"Name of an uplink of the type bridge, on whose network the addresses are" example:"ext"`
	Addresses []netip.Addr    `json:"addresses" doc:"The addresses, 1 to 16: of the uplink's addresses, that no node and no other object has. Each port leaves with one of them of each family, always the same; packets of a family without an address leave as they do without egress address" example:"[\"192.0.2.80\"]"`
	Ports     PolicySelection `json:"ports" doc:"The ports that leave with the addresses. Of several egress addresses that select a port the first by name has it, in each family the first with addresses of it"`
	Nodes     []string        `json:"nodes" doc:"The nodes by which they leave, 1 to 8, in the order of preference: the first that is reached has the addresses" example:"[\"node1\",\"node2\"]"`
}

const (
	// MaxEgressAddresses is how many addresses an egress address may have.
	MaxEgressAddresses = 16
	// MaxEgressNodes is how many nodes an egress address may be on.
	MaxEgressNodes = 8
)

// Kind returns KindEgressIP.
func (EgressIPSpec) Kind() Kind { return KindEgressIP }

// Writer returns Operator: the admin says with the uplink which addresses there are.
func (EgressIPSpec) Writer() Role { return Operator }

// References yields the uplink, what the selection names, and the nodes.
func (s EgressIPSpec) References() iter.Seq2[string, Ref] {
	return func(yield func(string, Ref) bool) {
		if !yield("spec.uplink", Ref{KindUplink, s.Uplink}) || !s.Ports.references("spec.ports", yield) {
			return
		}
		for i, n := range s.Nodes {
			if !yield(fmt.Sprintf("spec.nodes[%d]", i), Ref{KindNode, n}) {
				return
			}
		}
	}
}

// Has reports whether ports leave with addresses of a family.
func (s EgressIPSpec) Has(f Family) bool {
	return slices.ContainsFunc(s.Addresses, func(a netip.Addr) bool { return FamilyOf(a) == f })
}

// Normal implements Spec.
func (s EgressIPSpec) Normal(bad Reporter) Spec {
	s.Addresses, s.Nodes = cloned(s.Addresses), cloned(s.Nodes)
	if s.Uplink == "" {
		bad(Invalid, "spec.uplink", "is missing", "name an uplink of the type bridge; 'sdnctl uplink list' shows those that there are")
	}
	uplinkAddresses(s.Addresses, "spec.addresses", MaxEgressAddresses, "192.0.2.80", bad)
	if s.Ports.isZero() {
		bad(Invalid, "spec.ports", "selects no port", "give a selector, a port group or networks; the selector {} selects all ports")
	}
	s.Ports = s.Ports.normal("spec.ports", bad)
	if n := len(s.Nodes); n == 0 || n > MaxEgressNodes {
		bad(Invalid, "spec.nodes", fmt.Sprintf("has %d nodes, want 1 to %d", n, MaxEgressNodes), "name nodes that joined with --uplink bridge:NAME")
	}
	checkListed(s.Nodes, KindNode, "spec.nodes", bad)
	return s
}

// egressProbePrefix begins the names of the ports of br-int by which a switch finds out whether
// another node is reached.
const egressProbePrefix = "sd"

// probeEncoding writes a datapath ID in 13 characters.
var probeEncoding = base32.HexEncoding.WithPadding(base32.NoPadding)

// EgressProbe returns the name of the port of br-int by which a switch finds out whether the node
// with a datapath ID is reached. It has 15 characters, as many as OpenFlow shows.
func EgressProbe(d DatapathID) string {
	return egressProbePrefix + strings.ToLower(probeEncoding.EncodeToString(binary.BigEndian.AppendUint64(nil, uint64(d))))
}

// EgressProbed returns the datapath ID for which EgressProbe returns a name; ok is false if there is
// none.
func EgressProbed(name string) (d DatapathID, ok bool) {
	id, ok := strings.CutPrefix(name, egressProbePrefix)
	if !ok || id != strings.ToLower(id) {
		return 0, false
	}
	b, err := probeEncoding.DecodeString(strings.ToUpper(id))
	if err != nil || len(b) != 8 || EgressProbe(DatapathID(binary.BigEndian.Uint64(b))) != name {
		return 0, false
	}
	return DatapathID(binary.BigEndian.Uint64(b)), true
}

// uplinkAddresses checks addresses of an uplink of the type bridge, 1 to most of them, and unmaps them.
// example is one to name in problems.
func uplinkAddresses(all []netip.Addr, path string, most int, example string, bad Reporter) {
	if n := len(all); n == 0 || n > most {
		bad(Invalid, path, fmt.Sprintf("has %d addresses, want 1 to %d", n, most), "give some of the uplink's addresses, such as "+example)
	}
	for i, a := range all {
		at := fmt.Sprintf("%s[%d]", path, i)
		all[i] = a.Unmap()
		switch {
		case !a.IsValid():
			bad(Invalid, at, "is missing", "give one of the uplink's addresses, such as "+example)
		case zoned(a, at, bad):
		case slices.Contains(all[:i], all[i]):
			bad(Invalid, at, all[i].String()+" is listed twice", "list it once")
		default:
			if j := slices.IndexFunc(all[:i], func(b netip.Addr) bool { return b.IsValid() && OutsideMAC(b) == OutsideMAC(all[i]) }); j >= 0 {
				bad(Invalid, at, fmt.Sprintf("%s gets the same MAC as %s, %s, since MACs follow from IPv6 addresses by a hash of 40 bits", all[i], all[j], OutsideMAC(all[i])), "give another address")
			}
		}
	}
}
