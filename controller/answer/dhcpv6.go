package answer

import (
	"net"
	"net/netip"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv6"
	"github.com/insomniacslk/dhcp/iana"
	"github.com/insomniacslk/dhcp/rfc1035label"

	"github.com/sdnctl/sdnctl/controller/packetin"
	"github.com/sdnctl/sdnctl/controller/pipeline"
	"github.com/sdnctl/sdnctl/openflow"
	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/model"
)

// DHCPv6 answers what a port asks by DHCPv6 (RFC 8415): the address is the one that the
// port has, and any other has no lifetime left.
func DHCPv6(v *pipeline.View, p packetin.Port, m *openflow.PacketIn) packetin.Reply {
	a, why := askerOf(v, p, m)
	if a == nil {
		return packetin.Reply{What: why}
	}
	if !a.advertised() {
		return a.no("the network has no DHCPv6, or the port no IPv6 address")
	}
	if !a.frame.from.IsLinkLocalUnicast() {
		return a.no("does not come from a link-local address")
	}
	any, err := dhcpv6.FromBytes(a.frame.payload)
	if err != nil {
		return a.no("not a message of DHCPv6: " + err.Error())
	}
	q, ok := any.(*dhcpv6.Message)
	if !ok {
		return a.no("came by a relay")
	}
	d := dhcpv6Request{asker: a, Link: a.links[topology.IPv6], q: q}
	return d.answer()
}

// dhcpv6Request is a request of a port.
type dhcpv6Request struct {
	*asker
	pipeline.Link
	q *dhcpv6.Message
}

// server identifies sdnd: the same on every replica, and after every restart.
func (d *dhcpv6Request) server() dhcpv6.DUID {
	return &dhcpv6.DUIDLL{HWType: iana.HWTypeEthernet, LinkLayerAddr: d.MAC[:]}
}

// named says whether a kind of message has to name its server: must, must not (RFC 8415,
// 16), or may.
func (d *dhcpv6Request) named() (ok bool) {
	id := d.q.Options.ServerID()
	switch d.q.MessageType {
	case dhcpv6.MessageTypeSolicit, dhcpv6.MessageTypeConfirm, dhcpv6.MessageTypeRebind:
		return id == nil
	case dhcpv6.MessageTypeInformationRequest:
		return id == nil || id.Equal(d.server())
	}
	return id != nil && id.Equal(d.server())
}

func (d *dhcpv6Request) answer() packetin.Reply {
	kind := d.q.MessageType
	switch {
	case !d.named():
		return d.no(kind.String() + ": to another server, or without one")
	case d.q.Options.ClientID() == nil && kind != dhcpv6.MessageTypeInformationRequest:
		return d.no(kind.String() + ": without the client's identifier")
	}
	reply := d.reply(dhcpv6.MessageTypeReply)
	switch kind {
	case dhcpv6.MessageTypeSolicit:
		what := "SOLICIT: offered "
		if d.q.GetOneOption(dhcpv6.OptionRapidCommit) == nil {
			reply = d.reply(dhcpv6.MessageTypeAdvertise)
		} else {
			what = "SOLICIT: gave "
			reply.AddOption(&dhcpv6.OptionGeneric{OptionCode: dhcpv6.OptionRapidCommit})
		}
		d.assign(reply)
		d.configure(reply)
		return d.send(reply, what+d.Address.String())
	case dhcpv6.MessageTypeRequest, dhcpv6.MessageTypeRenew, dhcpv6.MessageTypeRebind:
		d.assign(reply)
		d.configure(reply)
		return d.send(reply, kind.String()+": confirmed "+d.Address.String())
	case dhcpv6.MessageTypeConfirm:
		return d.confirm(reply)
	case dhcpv6.MessageTypeInformationRequest:
		d.configure(reply)
		return d.send(reply, "INFORMATION-REQUEST: sent options")
	case dhcpv6.MessageTypeRelease, dhcpv6.MessageTypeDecline:
		reply.AddOption(&dhcpv6.OptStatusCode{StatusCode: iana.StatusSuccess})
		return d.send(reply, kind.String()+": the port keeps its address")
	}
	return d.no(kind.String() + ": not answered")
}

// confirm says whether the addresses that a client has are still the port's (RFC 8415,
// 18.3.3). A message without addresses has no answer.
func (d *dhcpv6Request) confirm(reply *dhcpv6.Message) packetin.Reply {
	n := 0
	for _, ia := range d.q.Options.IANA() {
		for _, a := range ia.Options.Addresses() {
			n++
			if addr6(a.IPv6Addr) != d.Address {
				reply.AddOption(&dhcpv6.OptStatusCode{StatusCode: iana.StatusNotOnLink})
				return d.send(reply, "CONFIRM: refused "+a.IPv6Addr.String()+", the port has "+d.Address.String())
			}
		}
	}
	if n == 0 {
		return d.no("CONFIRM: of no address")
	}
	reply.AddOption(&dhcpv6.OptStatusCode{StatusCode: iana.StatusSuccess})
	return d.send(reply, "CONFIRM: confirmed "+d.Address.String())
}

// reply begins a reply.
func (d *dhcpv6Request) reply(kind dhcpv6.MessageType) *dhcpv6.Message {
	r := &dhcpv6.Message{MessageType: kind, TransactionID: d.q.TransactionID}
	if id := d.q.Options.ClientID(); id != nil {
		r.AddOption(dhcpv6.OptClientID(id))
	}
	r.AddOption(dhcpv6.OptServerID(d.server()))
	return r
}

// assign gives the port's address to the client's first association, and what it asks
// for beside it an answer that says no (RFC 8415, 18.3).
func (d *dhcpv6Request) assign(r *dhcpv6.Message) {
	lease := d.network.Spec.DHCP.Lease()
	for i, q := range d.q.Options.IANA() {
		ia := &dhcpv6.OptIANA{IaId: q.IaId}
		for _, a := range q.Options.Addresses() {
			if addr6(a.IPv6Addr) != d.Address {
				ia.Options.Add(&dhcpv6.OptIAAddress{IPv6Addr: a.IPv6Addr})
			}
		}
		if i == 0 {
			ia.T1, ia.T2 = lease/2, (lease / 10 * 8).Truncate(time.Second)
			ia.Options.Add(&dhcpv6.OptIAAddress{IPv6Addr: net.IP(d.Address.AsSlice()), PreferredLifetime: lease, ValidLifetime: lease})
		} else {
			ia.Options.Add(&dhcpv6.OptStatusCode{StatusCode: iana.StatusNoAddrsAvail, StatusMessage: "the port has one address"})
		}
		r.AddOption(ia)
	}
	for _, q := range d.q.Options.IAPD() {
		pd := &dhcpv6.OptIAPD{IaId: q.IaId}
		pd.Options.Add(&dhcpv6.OptStatusCode{StatusCode: iana.StatusNoPrefixAvail, StatusMessage: "prefixes are not delegated"})
		r.AddOption(pd)
	}
}

// configure adds the options for the network's ports.
func (d *dhcpv6Request) configure(r *dhcpv6.Message) {
	spec := &d.network.Spec.DHCP
	if ips := ipsOf(d.nameServers(topology.IPv6)); ips != nil {
		r.AddOption(dhcpv6.OptDNS(ips...))
	}
	if search := d.search(); len(search) > 0 {
		r.AddOption(dhcpv6.OptDomainSearchList(&rfc1035label.Labels{Labels: search}))
	}
	if ips := ipsOf(model.Servers(spec.NTP, topology.IPv6)); ips != nil {
		r.AddOption(dhcpv6.OptSNTP(ips...))
		var ntp dhcpv6.OptNTPServer
		for _, ip := range ips {
			server := dhcpv6.NTPSuboptionSrvAddr(ip)
			ntp.Suboptions = append(ntp.Suboptions, &server)
		}
		r.AddOption(&ntp)
	}
}

// send sends a reply to the link-local address that asked.
func (d *dhcpv6Request) send(r *dhcpv6.Message, what string) packetin.Reply {
	e := envelope{srcMAC: d.MAC, dstMAC: d.frame.src, src: model.LinkLocal(d.MAC), dst: d.frame.from, srcPort: dhcpv6.DefaultServerPort, dstPort: dhcpv6.DefaultClientPort}
	frame, err := e.udp(r.ToBytes())
	return d.out(frame, err, what)
}

// addr6 returns an IPv6 address, the zero Addr for none.
func addr6(ip net.IP) netip.Addr {
	a, _ := netip.AddrFromSlice(ip.To16())
	return a
}
