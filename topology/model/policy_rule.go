package model

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// PolicyRule decides about connections between the subject and peers.
type PolicyRule struct {
	Name string `json:"name,omitempty" doc:"What the rule is for, shown with its counters" maxLength:"63" example:"from the load balancer"`
	// Action as stored is never empty.
	Action PolicyAction `json:"action" required:"false" doc:"allow, deny and reject decide; reject is deny with an answer: a reset of TCP, else an ICMP error that says prohibited. pass leaves the decision to the next tier" enum:"allow,deny,pass,reject" default:"allow" example:"allow"`
	Peers  []PolicyPeer `json:"peers,omitempty" doc:"The other ends; any of them. None means any address. At most 100"`
	Ports  []PolicyPort `json:"ports,omitempty" doc:"Protocols and destination ports; any of them. None means all. At most 100" example:"[\"tcp/80\",\"udp/5000-5010\",\"icmp\"]"`
}

// PolicyAction is what a rule does with a connection that it matches.
type PolicyAction string

// The actions.
const (
	// ActionAllow lets the connection pass in the rule's direction.
	ActionAllow PolicyAction = "allow"
	// ActionDeny drops it.
	ActionDeny PolicyAction = "deny"
	// ActionReject drops it, and has sdnd answer: TCP with a reset, all else with an ICMP
	// error (RFC 1812, 5.3.9; RFC 4443, 3.1). Without sdnd, or beyond a rate, it is the same
	// as ActionDeny.
	ActionReject PolicyAction = "reject"
	// ActionPass skips the further rules of the tier and its isolation: the next tier
	// decides.
	ActionPass PolicyAction = "pass"
)

// UnmarshalText reads an action in any case.
func (a *PolicyAction) UnmarshalText(b []byte) error {
	*a = PolicyAction(strings.ToLower(string(b)))
	return nil
}

// PolicySelection picks ports. Its fields must all hold; the zero value picks all ports.
type PolicySelection struct {
	Selector  *Selector `json:"selector,omitempty" doc:"Picks ports by their labels; an empty one picks all"`
	PortGroup string    `json:"portGroup,omitempty" doc:"Picks the members of a port group" example:"web"`
	Networks  []string  `json:"networks,omitempty" doc:"Picks the ports of these networks only" example:"[\"blue\"]"`
}

// PolicyPeer is the other end of a connection: ports, addresses, or nodes.
type PolicyPeer struct {
	PolicySelection
	CIDR   netip.Prefix   `json:"cidr,omitzero" doc:"Addresses, instead of ports" example:"192.0.2.0/24"`
	Except []netip.Prefix `json:"except,omitempty" doc:"Parts of the CIDR that are not meant" example:"[\"192.0.2.128/25\"]"`
	Node   bool           `json:"node,omitempty" doc:"The nodes themselves, instead of ports: what they send and receive by host access of a network. Selectors never pick a node. What its own node sends to a port always arrives, whatever policies say" example:"true"`
	// DomainNames is always empty in what is stored: Normal refuses it.
	DomainNames []string `json:"domainNames,omitempty" doc:"Not supported yet, and refused: give the addresses as cidr" example:"[]"`
}

// IsSelection reports whether the peer is ports that a selection picks, and neither
// addresses nor nodes.
func (p *PolicyPeer) IsSelection() bool { return !p.CIDR.IsValid() && !p.Node }

func (s PolicySelection) isZero() bool {
	return s.Selector == nil && s.PortGroup == "" && len(s.Networks) == 0
}

// references yields the objects that the selection names; false once yield returns false.
func (s PolicySelection) references(field string, yield func(string, Ref) bool) bool {
	if s.PortGroup != "" && !yield(field+".portGroup", Ref{KindPortGroup, s.PortGroup}) {
		return false
	}
	for i, n := range s.Networks {
		if !yield(fmt.Sprintf("%s.networks[%d]", field, i), Ref{KindNetwork, n}) {
			return false
		}
	}
	return true
}

// normal checks a selection, and returns a copy of it.
func (s PolicySelection) normal(field string, bad Reporter) PolicySelection {
	if s.Selector != nil {
		selector := s.Selector.normal(field+".selector", bad)
		s.Selector = &selector
	}
	s.Networks = cloned(s.Networks)
	if n := len(s.Networks); n > MaxPolicyNetworks {
		bad(Invalid, field+".networks", fmt.Sprintf("%d networks, at most %d are allowed", n, MaxPolicyNetworks), "select their ports by a label")
	}
	checkListed(s.Networks, KindNetwork, field+".networks", bad)
	return s
}

// normal checks a rule, and returns a copy of it with its action filled in.
func (r PolicyRule) normal(field string, bad Reporter) PolicyRule {
	if r.Action == "" {
		r.Action = ActionAllow
	}
	if !slices.Contains([]PolicyAction{ActionAllow, ActionDeny, ActionPass, ActionReject}, r.Action) {
		bad(Invalid, field+".action", fmt.Sprintf("%q is not an action", r.Action), fmt.Sprintf("write %s, %s, %s or %s", ActionAllow, ActionDeny, ActionReject, ActionPass))
	}
	if len(r.Name) > MaxNameLength || !printable(strings.ReplaceAll(r.Name, " ", "_"), false) {
		bad(Invalid, field+".name", fmt.Sprintf("%.70q is not the name of a rule", r.Name), fmt.Sprintf("use at most %d characters of printable ASCII", MaxNameLength))
	}
	r.Peers, r.Ports = cloned(r.Peers), cloned(r.Ports)
	if n := len(r.Peers); n > MaxPolicyPeers {
		bad(Invalid, field+".peers", fmt.Sprintf("%d peers, at most %d are allowed", n, MaxPolicyPeers), "use selectors, port groups or shorter prefixes")
		r.Peers = nil
	}
	for i := range r.Peers {
		r.Peers[i] = r.Peers[i].normal(fmt.Sprintf("%s.peers[%d]", field, i), bad)
	}
	if n := len(r.Ports); n > MaxPolicyPorts {
		bad(Invalid, field+".ports", fmt.Sprintf("%d ports, at most %d are allowed", n, MaxPolicyPorts), "use ranges, such as tcp/8000-8099")
		r.Ports = nil
	}
	for i, p := range r.Ports {
		at := fmt.Sprintf("%s.ports[%d]", field, i)
		if p == (PolicyPort{}) {
			bad(Invalid, at, "the port is missing", "write it as tcp/80, or remove the entry")
		} else if j := slices.Index(r.Ports[:i], p); j >= 0 {
			bad(Invalid, at, fmt.Sprintf("%s is listed twice", p), "list it once")
		}
	}
	return r
}

// normal checks a peer, and returns a copy of it.
func (p PolicyPeer) normal(field string, bad Reporter) PolicyPeer {
	if len(p.DomainNames) > 0 {
		bad(Invalid, field+".domainNames", "names of domains are not supported yet: no switch can match them, and nothing here follows what they resolve to", "give the addresses as cidr")
		p.DomainNames = nil
		return p
	}
	p.Except = cloned(p.Except)
	const either = "give one of the two, as peers of their own if both are meant"
	switch {
	case p.Node && (p.CIDR.IsValid() || !p.isZero() || len(p.Except) > 0):
		bad(Invalid, field, "is the nodes, and ports or addresses too", either)
	case p.Node:
	case p.CIDR.IsValid() && !p.isZero():
		bad(Invalid, field, "has both a CIDR, which is addresses, and a selection of ports", either)
	case p.CIDR.IsValid():
		p.checkAddresses(field, bad)
	case len(p.Except) > 0:
		bad(Invalid, field+".except", "there is no CIDR that they are exceptions of", "give peers[].cidr too, such as 0.0.0.0/0")
	case p.isZero():
		bad(Invalid, field, "selects nothing", "give a selector, a portGroup, networks, a cidr or node: true; selector: {} for all ports; leave out peers for any address")
	}
	p.PolicySelection = p.PolicySelection.normal(field, bad)
	return p
}

// checkAddresses checks the CIDR of a peer and its exceptions.
func (p PolicyPeer) checkAddresses(field string, bad Reporter) {
	if !checkPeerPrefix(p.CIDR, field+".cidr", bad) {
		return
	}
	if n := len(p.Except); n > MaxPolicyPeers {
		bad(Invalid, field+".except", fmt.Sprintf("%d exceptions, at most %d are allowed", n, MaxPolicyPeers), "give shorter prefixes")
		return
	}
	for i, e := range p.Except {
		at := fmt.Sprintf("%s.except[%d]", field, i)
		if !checkPeerPrefix(e, at, bad) {
			continue
		}
		if !p.CIDR.Contains(e.Addr()) || e.Bits() < p.CIDR.Bits() {
			bad(Invalid, at, fmt.Sprintf("%s is not a part of %s", e, p.CIDR), "give a part of it, or remove the exception")
		} else if e == p.CIDR {
			bad(Invalid, at, fmt.Sprintf("%s is all of the CIDR, so that no address is left", e), "give a part of it, or remove the peer")
		} else if slices.Contains(p.Except[:i], e) {
			bad(Invalid, at, fmt.Sprintf("%s is listed twice", e), "list it once")
		}
	}
}

// checkPeerPrefix reports whether a prefix names addresses as they are in packets.
func checkPeerPrefix(p netip.Prefix, field string, bad Reporter) bool {
	switch {
	case !p.IsValid():
		bad(Invalid, field, "the address range is missing", "write it as 192.0.2.0/24, or remove the entry")
	case p.Addr().Is4In6():
		bad(Invalid, field, p.String()+" is IPv4 mapped into IPv6, which no packet has", "write it as IPv4, such as 192.0.2.0/24")
	case p != p.Masked():
		bad(Invalid, field, fmt.Sprintf("%s has bits of a host behind its prefix length", p), fmt.Sprintf("write %s for the range, or %s/%d for the one address", p.Masked(), p.Addr(), p.Addr().BitLen()))
	default:
		return true
	}
	return false
}
