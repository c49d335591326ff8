package answer

import (
	"net/netip"
	"time"

	"github.com/mdlayher/ndp"

	"github.com/sdnctl/sdnctl/controller/packetin"
	"github.com/sdnctl/sdnctl/controller/pipeline"
	"github.com/sdnctl/sdnctl/openflow"
	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/model"
)

// How long hosts believe an advertisement. They get a new one every AdvertiseEvery, so
// sdnd may be away for as long as routerLifetime before hosts notice.
const (
	// routerLifetime is the longest that hosts accept (RFC 4861, 4.2).
	routerLifetime = 9000 * time.Second
	// prefixLifetime is of prefixes, and of addresses made of them.
	prefixLifetime = 24 * time.Hour
	// AdvertiseEvery is how often hosts get an advertisement that they did not ask for
	// (RFC 4861, 6.2.1: MinRtrAdvInterval and MaxRtrAdvInterval).
	AdvertiseEvery = 200 * time.Second
)

// slaacBits is the length of prefixes that hosts make addresses of (RFC 4862, 5.5.3).
const slaacBits = 64

// RouterSolicitation answers a solicitation with an advertisement (RFC 4861, 6.2.6).
func RouterSolicitation(v *pipeline.View, p packetin.Port, m *openflow.PacketIn) packetin.Reply {
	a, why := askerOf(v, p, m)
	if a == nil {
		return packetin.Reply{What: why}
	}
	if !a.advertised() {
		return a.no("the network has no router advertisements, or the port no IPv6 address")
	}
	q, err := ndp.ParseMessage(a.frame.payload)
	if err != nil {
		return a.no("not a message of neighbour discovery: " + err.Error())
	}
	if _, ok := q.(*ndp.RouterSolicitation); !ok {
		return a.no("not a router solicitation")
	}
	to, mac := a.frame.from, a.frame.src
	if !to.IsLinkLocalUnicast() { // a host that has no address yet
		to, mac = allNodes()
	}
	return a.advertise(to, mac, "solicitation: advertised")
}

// Advertise returns the advertisement that a port gets without asking, and where to send
// it; ok is false if it gets none.
func Advertise(v *pipeline.View, port *topology.Port) (node string, m *openflow.PacketOut, ok bool) {
	at := v.Place(port.Name)
	network, found := v.Topo.Network(port.Spec.Network)
	if !found || at.OFPort == 0 {
		return "", nil, false
	}
	a := &asker{network: network, port: port, in: at.OFPort}
	a.links[topology.IPv6] = v.LinkOf(port, at.Node, topology.IPv6)
	if !a.advertised() {
		return "", nil, false
	}
	to, mac := allNodes()
	r := a.advertise(to, mac, "")
	return at.Node, r.Out, r.Out != nil
}

// allNodes is the group of all hosts (RFC 4291, 2.7.1), and its Ethernet address.
func allNodes() (netip.Addr, topology.MAC) {
	return netip.IPv6LinkLocalAllNodes(), topology.MAC{0x33, 0x33, 0, 0, 0, 1}
}

// advertised reports whether the port gets advertisements.
func (a *asker) advertised() bool {
	return a.network.Spec.RA != "" && a.links[topology.IPv6].Address.IsValid()
}

// advertise sends an advertisement out of the port.
func (a *asker) advertise(to netip.Addr, mac topology.MAC, what string) packetin.Reply {
	l := a.links[topology.IPv6]
	e := envelope{srcMAC: l.MAC, dstMAC: mac, src: model.LinkLocal(l.MAC), dst: to}
	ra := a.advertisement(l)
	message, err := ndp.MarshalMessage(ra)
	if err != nil {
		return a.out(nil, err, what)
	}
	if ra.ManagedConfiguration {
		what += ", addresses by DHCPv6"
	} else {
		what += ", addresses of the port's own prefixes"
	}
	frame, err := e.icmpv6(message)
	return a.out(frame, err, what)
}

// advertisement returns the advertisement for the port. The network's own prefix is on the link, and
// not for hosts to make addresses of, because others have addresses of it.
func (a *asker) advertisement(l pipeline.Link) *ndp.RouterAdvertisement {
	spec := &a.network.Spec
	ra := &ndp.RouterAdvertisement{CurrentHopLimit: ttl, ManagedConfiguration: true, OtherConfiguration: true}
	if l.Routes {
		ra.RouterLifetime = routerLifetime
	}
	ra.Options = []ndp.Option{
		&ndp.LinkLayerAddress{Direction: ndp.Source, Addr: l.MAC[:]},
		ndp.NewMTU(uint32(spec.MTU)),
		&ndp.PrefixInformation{PrefixLength: uint8(l.Prefix.Bits()), OnLink: true, ValidLifetime: prefixLifetime, PreferredLifetime: prefixLifetime, Prefix: l.Prefix.Masked().Addr()},
	}
	if spec.RA == model.RASLAAC {
		for _, own := range ownPrefixes(a.port) {
			ra.ManagedConfiguration = false
			ra.Options = append(ra.Options, &ndp.PrefixInformation{
				PrefixLength: slaacBits, AutonomousAddressConfiguration: true,
				ValidLifetime: prefixLifetime, PreferredLifetime: prefixLifetime, Prefix: own.Addr(),
			})
		}
	}
	if servers := a.nameServers(topology.IPv6); len(servers) > 0 {
		ra.Options = append(ra.Options, &ndp.RecursiveDNSServer{Lifetime: routerLifetime, Servers: servers})
	}
	if search := a.search(); len(search) > 0 {
		ra.Options = append(ra.Options, &ndp.DNSSearchList{Lifetime: routerLifetime, DomainNames: search})
	}
	return ra
}

// ownPrefixes returns the prefixes of which a port may make addresses: those that it has
// to itself.
func ownPrefixes(p *topology.Port) (all []netip.Prefix) {
	for _, a := range p.Spec.Addresses {
		if r, ok := a.Range(); ok && r.Bits() == slaacBits && !r.Addr().Is4() && (a.MAC.IsZero() || a.MAC == p.MAC) {
			all = append(all, r.Masked())
		}
	}
	return all
}
