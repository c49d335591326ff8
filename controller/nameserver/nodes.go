package nameserver

import (
	"net/netip"
	"strings"

	"github.com/miekg/dns"

	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/model"
)

// nodesLabel is the label below which nodes have names: NODE.node.DOMAIN, as in n1.node.blue.example.
const nodesLabel = "node"

// node answers for the name of a node in the domain of a network with host access, and for that which
// all these names are below.
func (a Asker) node(names topology.Names, q dns.Question, name, domain string) (exists bool, records []dns.RR) {
	if name == nodesLabel {
		for range names.Nodes(domain) {
			return true, nil
		}
		return false, nil
	}
	of, ok := strings.CutSuffix(name, "."+nodesLabel)
	if !ok {
		return false, nil
	}
	o, ok := names.Node(of, domain)
	if !ok {
		return false, nil
	}
	return true, addresses(q.Name, q.Qtype, nodeAddresses(o))
}

// nodeAddresses are those by which ports reach a node.
func nodeAddresses(o *topology.Node) (all []netip.Addr) {
	for _, f := range model.Families() {
		if a, ok := o.Spec.Address(f); ok {
			all = append(all, a)
		}
	}
	return all
}

// nodeName returns the name of the node that has an address by which the asker reaches it.
func (a Asker) nodeName(names topology.Names, ip netip.Addr) (name string, ok bool) {
	o, ok := names.NodeAt(ip)
	if !ok {
		return "", false
	}
	return o.Name + "." + nodesLabel + "." + a.Network.Domain(), true
}
