package nameserver

import (
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/miekg/dns"

	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/model"
)

// found is what is known about a question.
type found struct {
	// zone is the domain that the name is in, with a final dot; "" for a name that others
	// know.
	zone string
	// exists says that there is such a name, and records are those asked for.
	exists         bool
	records, extra []dns.RR
	// elsewhere is the name for which the question's name is another name, if others know it;
	// else "".
	elsewhere string
}

// find looks a question up, for which so many aliases have been followed. Names of answers are
// written as in the question (RFC 4343).
func find(a Asker, q dns.Question, aliases int) found {
	name := strings.TrimSuffix(strings.ToLower(q.Name), ".")
	if strings.HasSuffix(name, ".arpa") {
		if f, ok := findAddress(a, q, name); ok {
			return f
		}
	}
	names := a.Topo.NamesFor(a.Network)
	for _, at := range dns.Split(q.Name) {
		if domain := name[at:]; names.HasDomain(domain) {
			f := found{zone: domain + "."}
			if at == 0 {
				f.apex(a, names, q, domain)
			} else {
				f.name(a, names, q, name[:at-1], domain, aliases)
			}
			return f
		}
	}
	return found{}
}

// apex answers for the domain itself: its name server is the gateway, and so are its addresses
// if none are declared.
func (f *found) apex(a Asker, names topology.Names, q dns.Question, domain string) {
	f.exists = true
	if f.declared(a, names, q, model.Apex, domain, 0); len(f.records) > 0 {
		return
	}
	switch q.Qtype {
	case dns.TypeSOA:
		rr := soa(f.zone, a.Topo)
		rr.Header().Name = q.Name
		f.records = []dns.RR{rr}
	case dns.TypeNS:
		f.records = []dns.RR{&dns.NS{Hdr: header(q.Name, dns.TypeNS), Ns: f.zone}}
		f.extra = addresses(f.zone, dns.TypeANY, a.Gateways)
	default:
		f.records = addresses(q.Name, q.Qtype, a.Gateways)
	}
}

// name answers for a name in a domain: that of a service or else of a port, or of a port of
// either, which is _PORT._PROTOCOL.NAME (RFC 2782), or of a backend of a headless service or of a
// node; and with the records that are declared.
func (f *found) name(a Asker, names topology.Names, q dns.Question, name, domain string, aliases int) {
	f.exists, f.records, f.extra = known(a, names, q, name, domain)
	f.declared(a, names, q, name, domain, aliases)
	if !f.exists {
		f.exists = names.HasBelow(name, domain)
	}
}

func known(a Asker, names topology.Names, q dns.Question, name, domain string) (exists bool, records, extra []dns.RR) {
	port, protocol, of := cutPort(name)
	if s, ok := names.Service(of, domain); ok && s.Spec.Headless {
		return a.headless(names, q, s, port, protocol, of+"."+domain)
	} else if ok {
		if protocol == "" {
			return true, addresses(q.Name, q.Qtype, s.Spec.Addresses), nil
		}
		for _, p := range s.Spec.Ports {
			if string(p.Protocol) != protocol {
				continue
			}
			exists = exists || port == "" && p.Name != ""
			if p.Name != "" && strings.EqualFold(p.Name, port) {
				records, extra = server(q, p.Port, of+"."+domain+".", s.Spec.Addresses)
				return true, records, extra
			}
		}
		return exists, nil, nil
	}
	p, ok := names.Port(of, domain)
	switch {
	case ok && protocol == "":
		return true, addresses(q.Name, q.Qtype, p.Addresses), nil
	case !ok && protocol == "":
		if exists, records = a.backend(names, q, of, domain); !exists {
			exists, records = a.node(names, q, of, domain)
		}
		return exists, records, nil
	case !ok:
		return false, nil, nil
	}
	for label, named := range p.Spec.NamedPorts {
		if string(named.Protocol) != protocol {
			continue
		}
		exists = exists || port == ""
		if label == port {
			records, extra = server(q, named.First, of+"."+domain+".", p.Addresses)
			return true, records, extra
		}
	}
	return exists, nil, nil
}

// cutPort cuts _PORT._PROTOCOL off a name. The port is "" for a name that begins with the
// protocol, and both are for one that begins with neither.
func cutPort(name string) (port, protocol, of string) {
	first, rest, ok := strings.Cut(name, ".")
	if !ok || first == "" || first[0] != '_' {
		return "", "", name
	}
	if second, rest, ok := strings.Cut(rest, "."); ok && second != "" && second[0] == '_' {
		return first[1:], second[1:], rest
	}
	return "", first[1:], rest
}

// server returns the record of a port, if it is asked for, and the addresses to go to.
func server(q dns.Question, port uint16, target string, at []netip.Addr) (records, extra []dns.RR) {
	if q.Qtype != dns.TypeSRV && q.Qtype != dns.TypeANY {
		return nil, nil
	}
	return []dns.RR{&dns.SRV{Hdr: header(q.Name, dns.TypeSRV), Port: port, Target: target}}, addresses(target, dns.TypeANY, at)
}

// addresses returns the records of addresses that are asked for.
func addresses(name string, kind uint16, all []netip.Addr) (records []dns.RR) {
	for _, a := range all {
		switch {
		case a.Is4() && (kind == dns.TypeA || kind == dns.TypeANY):
			records = append(records, &dns.A{Hdr: header(name, dns.TypeA), A: net.IP(a.AsSlice())})
		case a.Is6() && (kind == dns.TypeAAAA || kind == dns.TypeANY):
			records = append(records, &dns.AAAA{Hdr: header(name, dns.TypeAAAA), AAAA: net.IP(a.AsSlice())})
		}
	}
	return records
}

// findAddress answers for the name of an address, if that is one of the asker's routing
// domain, or a part of one.
func findAddress(a Asker, q dns.Question, name string) (f found, ok bool) {
	ip, zone, ok := addressOf(name)
	if !ok {
		return f, false
	}
	names := a.Topo.NamesFor(a.Network)
	is, known := names.NameOf(ip)
	if !known {
		if is, known = a.nodeName(names, ip); !known {
			return f, false
		}
	}
	if _, ok := dns.IsDomainName(is); !ok {
		is = "" // such as a..b, which is a name of a port
	}
	f = found{zone: zone, exists: is != ""}
	if f.exists && (q.Qtype == dns.TypePTR || q.Qtype == dns.TypeANY) {
		f.records = []dns.RR{&dns.PTR{Hdr: header(q.Name, dns.TypePTR), Ptr: is + "."}}
	}
	return f, true
}

// addressOf reads the name of an address, and returns the domain of the names of its
// neighbours: of 256 addresses of IPv4 (RFC 1035, 3.5), or of a /64 (RFC 3596, 2.5).
func addressOf(name string) (ip netip.Addr, zone string, ok bool) {
	if rest, is := strings.CutSuffix(name, ".in-addr.arpa"); is {
		labels := strings.Split(rest, ".")
		if len(labels) != 4 {
			return ip, "", false
		}
		slices.Reverse(labels)
		ip, err := netip.ParseAddr(strings.Join(labels, "."))
		return ip, labels[2] + "." + labels[1] + "." + labels[0] + ".in-addr.arpa.", err == nil && ip.Is4()
	}
	rest, is := strings.CutSuffix(name, ".ip6.arpa")
	labels := strings.Split(rest, ".")
	if !is || len(labels) != 32 {
		return ip, "", false
	}
	var b [16]byte
	for i, l := range labels {
		n, err := strconv.ParseUint(l, 16, 4)
		if err != nil || len(l) != 1 {
			return ip, "", false
		}
		b[15-i/2] |= byte(n) << (4 * (i % 2))
	}
	return netip.AddrFrom16(b), strings.Join(labels[16:], ".") + ".ip6.arpa.", true
}
