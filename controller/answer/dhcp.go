package answer

import (
	"net"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"
	"github.com/insomniacslk/dhcp/rfc1035label"

	"github.com/sdnctl/sdnctl/controller/packetin"
	"github.com/sdnctl/sdnctl/controller/pipeline"
	"github.com/sdnctl/sdnctl/openflow"
	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/model"
)

// DHCP answers what a port asks by DHCP (RFC 2131): the address is the one that the port
// has. A request for another is refused at once in every state of the client.
func DHCP(v *pipeline.View, p packetin.Port, m *openflow.PacketIn) packetin.Reply {
	a, why := askerOf(v, p, m)
	if a == nil {
		return packetin.Reply{What: why}
	}
	l := a.links[topology.IPv4]
	if !a.network.Spec.DHCP.Enabled || !l.Address.IsValid() {
		return a.no("the network has no DHCP, or the port no IPv4 address")
	}
	q, err := dhcpv4.FromBytes(a.frame.payload)
	if err != nil { // some clients leave out the end of the options
		q, err = dhcpv4.FromBytes(append(slices.Clone(a.frame.payload), dhcpv4.OptionEnd.Code()))
	}
	switch {
	case err != nil:
		return a.no("not a message of DHCP: " + err.Error())
	case q.OpCode != dhcpv4.OpcodeBootRequest:
		return a.no("not a request")
	case len(q.ClientHWAddr) != 6 || !a.port.HasMAC(topology.MAC(q.ClientHWAddr)):
		return a.no("asks for the MAC " + q.ClientHWAddr.String() + ", which the port does not have")
	case !q.GatewayIPAddr.IsUnspecified():
		return a.no("came by a relay")
	}
	d := dhcp{asker: a, Link: l, q: q}
	return d.answer()
}

// dhcp is a request of a port.
type dhcp struct {
	*asker
	pipeline.Link
	q *dhcpv4.DHCPv4
}

// answer answers by the kind of request (RFC 2131, 4.3).
func (d *dhcp) answer() packetin.Reply {
	wants := d.wants()
	switch kind := d.q.MessageType(); kind {
	case dhcpv4.MessageTypeDiscover:
		return d.offer(dhcpv4.MessageTypeOffer, "DISCOVER: offered")
	case dhcpv4.MessageTypeRequest:
		switch id := addrOf(d.q.ServerIdentifier()); {
		case id.IsValid() && id != d.Gateway:
			return d.no("REQUEST: to another server, " + id.String())
		case !wants.IsValid():
			return d.no("REQUEST: for no address")
		case wants != d.Address:
			return d.refuse("REQUEST: refused " + wants.String() + ", the port has " + d.Address.String())
		}
		return d.offer(dhcpv4.MessageTypeAck, "REQUEST: confirmed")
	case dhcpv4.MessageTypeInform:
		return d.inform()
	case dhcpv4.MessageTypeDecline:
		return d.no("DECLINE: the client found " + wants.String() + " taken")
	case dhcpv4.MessageTypeRelease:
		return d.no("RELEASE: the port keeps its address")
	default:
		return d.no(kind.String() + ": not answered")
	}
}

// wants returns the address that the client asks for: that which it has, or the one of
// the option (RFC 2131, 4.3.2).
func (d *dhcp) wants() netip.Addr {
	if c := addrOf(d.q.ClientIPAddr); c.IsValid() && !c.IsUnspecified() {
		return c
	}
	return addrOf(d.q.RequestedIPAddress())
}

// offer offers or confirms the port's address.
func (d *dhcp) offer(kind dhcpv4.MessageType, what string) packetin.Reply {
	r := d.reply(kind)
	lease := d.network.Spec.DHCP.Lease()
	r.YourIPAddr = net.IP(d.Address.AsSlice())
	r.UpdateOption(dhcpv4.OptIPAddressLeaseTime(lease))
	r.UpdateOption(dhcpv4.OptRenewTimeValue(lease / 2))
	r.UpdateOption(dhcpv4.OptRebindingTimeValue((lease / 8 * 7).Truncate(time.Second)))
	d.configure(r)
	return d.send(r, what+" "+d.Address.String())
}

// inform answers a client that has its address from elsewhere (RFC 2131, 4.3.5).
func (d *dhcp) inform() packetin.Reply {
	r := d.reply(dhcpv4.MessageTypeAck)
	r.ClientIPAddr = d.q.ClientIPAddr
	d.configure(r)
	return d.send(r, "INFORM: sent options")
}

// refuse tells the client to begin anew. It is broadcast: the client may not be able to
// hear at the address that it has (RFC 2131, 4.3.2).
func (d *dhcp) refuse(what string) packetin.Reply {
	r := d.reply(dhcpv4.MessageTypeNak)
	r.SetBroadcast()
	return d.send(r, what)
}

// reply begins a reply.
func (d *dhcp) reply(kind dhcpv4.MessageType) *dhcpv4.DHCPv4 {
	r := &dhcpv4.DHCPv4{
		OpCode: dhcpv4.OpcodeBootReply, HWType: d.q.HWType, TransactionID: d.q.TransactionID, ClientHWAddr: d.q.ClientHWAddr, Flags: d.q.Flags,
		ClientIPAddr: net.IPv4zero, YourIPAddr: net.IPv4zero, ServerIPAddr: net.IPv4zero, GatewayIPAddr: net.IPv4zero, Options: dhcpv4.Options{},
	}
	r.UpdateOption(dhcpv4.OptMessageType(kind))
	r.UpdateOption(dhcpv4.OptServerIdentifier(net.IP(d.Gateway.AsSlice())))
	if id := d.q.Options.Get(dhcpv4.OptionClientIdentifier); id != nil { // RFC 6842
		r.UpdateOption(dhcpv4.OptGeneric(dhcpv4.OptionClientIdentifier, id))
	}
	return r
}

// configure adds the options for the network's ports.
func (d *dhcp) configure(r *dhcpv4.DHCPv4) {
	spec := &d.network.Spec.DHCP
	for _, o := range spec.Options {
		if b, err := o.Bytes(); err == nil { // it was checked when it was declared
			r.UpdateOption(dhcpv4.OptGeneric(dhcpv4.GenericOptionCode(o.Number), b))
		}
	}
	r.UpdateOption(dhcpv4.OptSubnetMask(net.CIDRMask(d.Prefix.Bits(), 32)))
	r.UpdateOption(dhcpv4.OptBroadcastAddress(net.IP(lastOf(d.Prefix).AsSlice())))
	r.UpdateOption(mtuOption(d.network.Spec.PortMTU()))
	d.routesTo(r)
	if ips := ipsOf(d.nameServers(topology.IPv4)); ips != nil {
		r.UpdateOption(dhcpv4.OptDNS(ips...))
	}
	if ips := ipsOf(model.Servers(spec.NTP, topology.IPv4)); ips != nil {
		r.UpdateOption(dhcpv4.OptNTPServers(ips...))
	}
	if domain := d.domain(); domain != "" {
		r.UpdateOption(dhcpv4.OptDomainName(domain))
	}
	if len(spec.Search) > 0 {
		r.UpdateOption(dhcpv4.OptDomainSearch(&rfc1035label.Labels{Labels: spec.Search}))
	}
	if name, _, _ := strings.Cut(d.port.Name, "."); isHostname(name) && d.q.IsOptionRequested(dhcpv4.OptionHostName) {
		r.UpdateOption(dhcpv4.OptHostName(name))
	}
	if spec.BootServer.IsValid() {
		r.ServerIPAddr = net.IP(spec.BootServer.AsSlice())
		r.UpdateOption(dhcpv4.OptTFTPServerName(spec.BootServer.String()))
	}
	if spec.BootFile != "" {
		r.BootFileName = spec.BootFile
		r.UpdateOption(dhcpv4.OptBootFileName(spec.BootFile))
	}
}

// routesTo adds the default route, if the gateway routes, and further ones. A client that
// gets routes by option 121 ignores the router's option, so the default route is in both
// (RFC 3442).
func (d *dhcp) routesTo(r *dhcpv4.DHCPv4) {
	gateway := net.IP(d.Gateway.AsSlice())
	if d.Routes {
		r.UpdateOption(dhcpv4.OptRouter(gateway))
	}
	further := d.network.Spec.DHCP.Routes
	if len(further) == 0 {
		return
	}
	var all []*dhcpv4.Route
	for _, f := range further {
		all = append(all, &dhcpv4.Route{
			Dest:   &net.IPNet{IP: net.IP(f.Prefix.Addr().AsSlice()), Mask: net.CIDRMask(f.Prefix.Bits(), 32)},
			Router: net.IP(f.Via.AsSlice()),
		})
	}
	if d.Routes {
		all = append(all, &dhcpv4.Route{Dest: &net.IPNet{IP: net.IPv4zero.To4(), Mask: net.CIDRMask(0, 32)}, Router: gateway})
	}
	r.UpdateOption(dhcpv4.OptClasslessStaticRoute(all...))
}

// send addresses a reply (RFC 2131, 4.1): to the client's address if it has one, to all
// if it asks for that or is refused, and else to the address that it gets.
func (d *dhcp) send(r *dhcpv4.DHCPv4, what string) packetin.Reply {
	e := envelope{srcMAC: d.MAC, dstMAC: d.frame.src, src: d.Gateway, dst: d.Address, srcPort: dhcpv4.ServerPort, dstPort: dhcpv4.ClientPort}
	client := addrOf(d.q.ClientIPAddr)
	switch {
	case r.MessageType() == dhcpv4.MessageTypeNak:
		e.dst, e.dstMAC = netip.AddrFrom4([4]byte{255, 255, 255, 255}), broadcast()
	case client.IsValid() && !client.IsUnspecified():
		e.dst = client
	case d.q.IsBroadcast():
		e.dst, e.dstMAC = netip.AddrFrom4([4]byte{255, 255, 255, 255}), broadcast()
	}
	frame, err := e.udp(r.ToBytes())
	return d.out(frame, err, what)
}

// mtuOption is the MTU of the interface (RFC 2132, 5.1).
func mtuOption(mtu int) dhcpv4.Option {
	return dhcpv4.Option{Code: dhcpv4.OptionInterfaceMTU, Value: dhcpv4.Uint16(mtu)}
}

// addrOf returns an IPv4 address, the zero Addr for none.
func addrOf(ip net.IP) netip.Addr {
	a, _ := netip.AddrFromSlice(ip.To4())
	return a
}

// ipsOf returns addresses as the libraries want them, nil for none.
func ipsOf(all []netip.Addr) (ips []net.IP) {
	for _, a := range all {
		ips = append(ips, net.IP(a.AsSlice()))
	}
	return ips
}

// lastOf returns the last address of an IPv4 prefix: its broadcast address.
func lastOf(p netip.Prefix) netip.Addr {
	b := p.Masked().Addr().As4()
	for i := p.Bits(); i < 32; i++ {
		b[i/8] |= 0x80 >> (i % 8)
	}
	return netip.AddrFrom4(b)
}

// isHostname reports whether a text can be a host's name (RFC 1123, 2.1).
func isHostname(s string) bool {
	return s != "" && len(s) <= 63 && s[0] != '-' && s[len(s)-1] != '-' &&
		!slices.ContainsFunc([]byte(s), func(c byte) bool {
			return c != '-' && (c < '0' || c > '9') && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z')
		})
}
