package answer

import (
	"context"
	"net/netip"
	"sync/atomic"

	"github.com/gopacket/gopacket/layers"

	"github.com/sdnctl/sdnctl/controller/nameserver"
	"github.com/sdnctl/sdnctl/controller/packetin"
	"github.com/sdnctl/sdnctl/controller/pipeline"
	"github.com/sdnctl/sdnctl/controller/reject"
	"github.com/sdnctl/sdnctl/openflow"
	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/model"
)

// dnsPort is the port of name servers (RFC 1035, 4.2).
const dnsPort = 53

// Lengths of the headers in front of a message: IP without options, and UDP.
const (
	headersIPv4 = 20 + 8
	headersIPv6 = 40 + 8
)

// DNS returns what answers the questions that ports ask their gateway: those for names that
// are not declared with the help of upstream servers, if the network has any. Connections
// by TCP are refused.
func DNS(upstream nameserver.Upstream) func(*pipeline.View, packetin.Port, *openflow.PacketIn) packetin.Reply {
	var lists viewLists
	return func(v *pipeline.View, p packetin.Port, m *openflow.PacketIn) packetin.Reply {
		a, why := askerOf(v, p, m)
		if a == nil {
			return packetin.Reply{What: why}
		}
		l, ok := a.gatewayAt(a.frame.to)
		switch {
		case a.frame.proto == layers.IPProtocolTCP:
			return a.refuse(m)
		case !a.network.Spec.DNS.Enabled:
			return a.no("the network has no DNS")
		case !ok || a.frame.dstPort != dnsPort:
			return a.no("not to the port's gateway")
		case !a.port.Has(a.frame.from) && !a.anyAddress():
			return a.no("from " + a.frame.from.String() + ", which the port does not have")
		case a.frame.srcPort == 0 || a.frame.srcPort == dnsPort && a.frame.from == l.Gateway:
			return a.no("from a port that is not to be answered")
		}
		q := nameserver.Asker{Topo: v.Topo, Network: a.network, Gateways: a.gateways(), MaxSize: a.network.Spec.PortMTU() - headersIPv4, Lists: lists.of(v)}
		if a.frame.to.Is6() {
			q.MaxSize = a.network.Spec.PortMTU() - headersIPv6
		}
		r := nameserver.Answer(q, a.frame.payload)
		switch {
		case r.Forward:
			return a.forward(upstream, l, r)
		case r.Reply == nil:
			return a.no(r.What)
		}
		return a.named(l, r.Reply, r.What)
	}
}

// viewLists has the backends of headless services of the newest view that was asked for.
type viewLists struct {
	newest atomic.Pointer[viewList]
}

type viewList struct {
	view  *pipeline.View
	lists *nameserver.Lists
}

// of returns those of a view.
func (l *viewLists) of(v *pipeline.View) *nameserver.Lists {
	if n := l.newest.Load(); n != nil && n.view == v {
		return n.lists
	}
	n := &viewList{v, nameserver.NewLists(v.Topo, v.Listed)}
	l.newest.Store(n)
	return n.lists
}

// forward asks upstream servers.
func (a *asker) forward(upstream nameserver.Upstream, l pipeline.Link, r nameserver.Result) packetin.Reply {
	later := func(ctx context.Context) packetin.Reply {
		ctx, cancel := context.WithTimeout(ctx, nameserver.Deadline)
		defer cancel()
		reply, err := upstream.Exchange(ctx, a.network.Spec.DNS.Upstream, r.Question, r.Limit)
		if err == nil && len(r.Before) > 0 {
			reply, err = nameserver.Behind(a.frame.payload, r.Before, reply, r.Limit)
		}
		if err == nil {
			return a.named(l, reply, r.What+": from upstream")
		}
		what := r.What + ": no upstream server answered: " + err.Error()
		if reply, err = nameserver.Failed(a.frame.payload); err != nil {
			return a.no(what)
		}
		return a.named(l, reply, what)
	}
	return packetin.Reply{Port: a.port.Name, What: r.What, Later: later}
}

// named sends the port a message of DNS from its gateway.
func (a *asker) named(l pipeline.Link, message []byte, what string) packetin.Reply {
	e := envelope{srcMAC: l.MAC, dstMAC: a.frame.src, src: l.Gateway, dst: a.frame.from, srcPort: dnsPort, dstPort: a.frame.srcPort}
	frame, err := e.udp(message)
	return a.out(frame, err, what)
}

// gatewayAt returns the port's link on which the gateway has an address.
func (a *asker) gatewayAt(ip netip.Addr) (pipeline.Link, bool) {
	for _, l := range a.links {
		if l.Gateway.IsValid() && l.Gateway == ip {
			return l, true
		}
	}
	return pipeline.Link{}, false
}

// gateways returns the addresses of the port's gateway.
func (a *asker) gateways() (all []netip.Addr) {
	for _, l := range a.links {
		if l.Gateway.IsValid() {
			all = append(all, l.Gateway)
		}
	}
	return all
}

// anyAddress reports whether the port may send from any address.
func (a *asker) anyAddress() bool { return a.port.Spec.PortSecurity == model.PortSecurityOff }

// nameServers returns the name servers of a family that the port learns: those given, or
// its gateway if that answers.
func (a *asker) nameServers(f topology.Family) []netip.Addr {
	given, l := a.network.Spec.DHCP.DNS, a.links[f]
	if len(given) == 0 && a.network.Spec.DNS.Enabled && l.Gateway.IsValid() {
		return []netip.Addr{l.Gateway}
	}
	return model.Servers(given, f)
}

// domain returns the domain that the port learns.
func (a *asker) domain() string {
	if d := a.network.Spec.DHCP.Domain; d != "" || !a.network.Spec.DNS.Enabled {
		return d
	}
	return a.network.Domain()
}

// search returns the domains in which the port looks names up.
func (a *asker) search() []string {
	if s := a.network.Spec.DHCP.Search; len(s) > 0 {
		return s
	}
	if d := a.domain(); d != "" {
		return []string{d}
	}
	return nil
}

// refuse resets a connection: the client learns at once that there is none.
func (a *asker) refuse(m *openflow.PacketIn) packetin.Reply {
	const what = "by TCP: refused"
	frame, ok := reject.Answer(m.Data, reject.NoPort, netip.Addr{})
	if !ok {
		return a.no(what + "; it is not one to be answered")
	}
	return a.out(frame, nil, what)
}
