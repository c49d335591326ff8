package nameserver

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/miekg/dns"

	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/model"
)

// DefaultNameServer is the name server of exported zones that are given none: whoever serves the
// zone (RFC 1912, 4.1, has such zones).
const DefaultNameServer = "localhost."

// Export returns the domain of a network as a zone for other servers: the records that sdnd answers
// the network's ports with, in the order of their names, after one SOA record and the name servers.
// The addresses of the gateway are not among them, since another server is not the gateway. The
// serial number is the revision (RFC 1982). Headless services have all backends that are not
// draining there, whether these are ready or not: that changes without a revision. The network must have DNS; names of servers end with a
// dot.
func Export(s *topology.Snapshot, n *topology.Network, servers []string) []dns.RR {
	names, domain := s.NamesFor(n), n.Domain()
	z := exported{asker: wholeAsker(s, n), origin: domain + ".", owners: map[string]bool{domain + ".": true}}
	for p := range names.Ports(domain) {
		z.own(p.Name)
		for label, at := range p.Spec.NamedPorts {
			z.own("_" + label + "._" + string(at.Protocol) + "." + p.Name)
		}
	}
	for o := range names.Services(domain) {
		z.own(o.Name)
		for _, at := range o.Spec.Ports {
			if at.Name != "" {
				z.own("_" + at.Name + "._" + string(at.Protocol) + "." + o.Name)
			}
		}
		if o.Spec.Headless {
			for _, b := range z.asker.Lists.of(names, o) {
				z.own(backendLabel(b.Port) + "." + o.Name)
			}
		}
	}
	for o := range names.Nodes(domain) {
		z.own(o.Name + "." + nodesLabel)
	}
	for r := range names.AllRecords(domain) {
		if r.Spec.Name != model.Apex {
			z.own(r.Spec.Name)
		}
	}
	return z.records(servers)
}

// wholeAsker asks for zones.
func wholeAsker(s *topology.Snapshot, n *topology.Network) Asker {
	return Asker{Topo: s, Network: n, Lists: NewLists(s, Declared), whole: true}
}

// ExportReverse returns the zone of the names of the addresses in a range that ports of a network
// reach, as [Export] does. An error says which ranges are zones.
func ExportReverse(s *topology.Snapshot, n *topology.Network, of netip.Prefix, servers []string) ([]dns.RR, error) {
	origin, err := reverseOrigin(of)
	if err != nil {
		return nil, err
	}
	names := s.NamesFor(n)
	z := exported{asker: wholeAsker(s, n), origin: origin, owners: map[string]bool{origin: true}}
	take := func(all []netip.Addr) {
		for _, a := range all {
			if name, err := dns.ReverseAddr(a.String()); err == nil && of.Contains(a) {
				z.owners[name] = true
			}
		}
	}
	for p := range names.Ports("") {
		take(p.Addresses)
	}
	for o := range names.Services("") {
		take(o.Spec.Addresses)
	}
	for o := range names.Nodes(n.Domain()) {
		take(nodeAddresses(o))
	}
	return z.records(servers), nil
}

// reverseOrigin returns the zone of the names of the addresses in a range: names of IPv4 have a label
// for each 8 bits, those of IPv6 one for each 4 (RFC 1035, 3.5; RFC 3596, 2.5).
func reverseOrigin(of netip.Prefix) (string, error) {
	if of != of.Masked() {
		return "", fmt.Errorf("%s has bits behind its length: write %s", of, of.Masked())
	}
	bits, step := 32, 8
	if of.Addr().Is6() {
		bits, step = 128, 4
	}
	if of.Bits() == 0 || of.Bits() == bits || of.Bits()%step != 0 {
		return "", fmt.Errorf("%s is no zone of addresses: its length must be a multiple of %d bits, from %d to %d", of, step, step, bits-step)
	}
	name, err := dns.ReverseAddr(of.Addr().String())
	if err != nil {
		return "", err
	}
	return strings.Join(dns.SplitDomainName(name)[(bits-of.Bits())/step:], ".") + ".", nil
}

// ReverseRange returns the range of addresses of which a name, in lower case with a final dot, is the
// zone; ok is false if it is none that ExportReverse makes.
func ReverseRange(name string) (of netip.Prefix, ok bool) {
	labels := dns.SplitDomainName(name)
	slices.Reverse(labels)
	if len(labels) < 3 || labels[0] != "arpa" {
		return of, false
	}
	var b []byte
	bits := 8 * (len(labels) - 2)
	switch {
	case labels[1] == "in-addr" && bits < 32:
		b = make([]byte, 4)
		for i, l := range labels[2:] {
			n, err := strconv.ParseUint(l, 10, 8)
			if err != nil {
				return of, false
			}
			b[i] = byte(n)
		}
	case labels[1] == "ip6" && bits/2 < 128:
		b, bits = make([]byte, 16), bits/2
		for i, l := range labels[2:] {
			n, err := strconv.ParseUint(l, 16, 4)
			if err != nil {
				return of, false
			}
			b[i/2] |= byte(n) << (4 * (1 - i%2))
		}
	default:
		return of, false
	}
	a, _ := netip.AddrFromSlice(b)
	of = netip.PrefixFrom(a, bits)
	is, err := reverseOrigin(of)
	return of, err == nil && is == name
}

// ExportSOA returns the SOA record of an exported zone, whose name ends with a dot.
func ExportSOA(s *topology.Snapshot, origin string, servers []string) *dns.SOA {
	head := soa(origin, s).(*dns.SOA)
	head.Ns = DefaultNameServer
	if len(servers) > 0 {
		head.Ns = servers[0]
	}
	return head
}

// exported is a zone that is being exported.
type exported struct {
	asker  Asker
	origin string // with a final dot, like owners
	owners map[string]bool
}

// own adds a name of the zone's domain, if it can be asked for.
func (z *exported) own(name string) {
	name = strings.ToLower(name) + "." + z.origin
	if _, ok := dns.IsDomainName(name); ok {
		z.owners[name] = true
	}
}

// records returns what is answered for the names, behind the records that every zone has.
func (z *exported) records(servers []string) []dns.RR {
	if len(servers) == 0 {
		servers = []string{DefaultNameServer}
	}
	all := []dns.RR{ExportSOA(z.asker.Topo, z.origin, servers)}
	for _, s := range servers {
		all = append(all, &dns.NS{Hdr: header(z.origin, dns.TypeNS), Ns: s})
	}
	var found []dns.RR
	for name := range z.owners {
		found = append(found, find(z.asker, dns.Question{Name: name, Qtype: dns.TypeANY, Qclass: dns.ClassINET}, 0).records...)
	}
	slices.SortFunc(found, func(a, b dns.RR) int {
		x, y := a.Header(), b.Header()
		return cmp.Or(strings.Compare(x.Name, y.Name), cmp.Compare(x.Rrtype, y.Rrtype), strings.Compare(a.String(), b.String()))
	})
	return append(all, found...)
}

// MasterFile returns records as a file of a zone (RFC 1035, 5).
func MasterFile(records []dns.RR) string {
	var b strings.Builder
	for _, rr := range records {
		b.WriteString(rr.String())
		b.WriteByte('\n')
	}
	return b.String()
}
