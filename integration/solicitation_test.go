package integration

import (
	"context"
	"errors"
	"fmt"
	"net"
	"testing"
	"time"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"

	"github.com/sdnctl/sdnctl/integration/lab"
)

// TestSolicitationOptions: a switch answers neighbour solicitations whatever options they have,
// with valid advertisements: of the same length, with a right checksum. One without options,
// as hosts may send to a neighbour that they know (RFC 4861, 4.3), has an answer without. One
// with the sender's MAC has an answer with the target's.
func TestSolicitationOptions(t *testing.T) {
	t.Parallel()
	b := newBed(t, 1)
	b.join("node1")
	b.apply(nodes(1) + `
{kind: Network, name: six, spec: {subnets: [{cidr: "fd00:7::/64"}]}}
---
{kind: Port, name: one, spec: {network: six, node: node1, ip: "fd00:7::11"}}
---
{kind: Port, name: two, spec: {network: six, node: node1, ip: "fd00:7::12"}}
`)
	one := b.plug("one", "node1")
	b.plug("two", "node1")
	b.bound("one", "two")
	mac, err := net.ParseMAC(one.MAC)
	b.must(err)
	p, err := b.api.Port(b.ctx, "two")
	b.must(err)
	theirs, err := net.ParseMAC(p.Status.MAC)
	b.must(err)
	source := layers.ICMPv6Option{Type: layers.ICMPv6OptSourceAddress, Data: mac}
	nonce := layers.ICMPv6Option{Type: 14, Data: []byte{1, 2, 3, 4, 5, 6}}
	target := layers.ICMPv6Option{Type: layers.ICMPv6OptTargetAddress, Data: theirs}
	for _, tt := range []struct {
		name string
		has  layers.ICMPv6Options
	}{
		{"none", nil},
		{"the sender's MAC", layers.ICMPv6Options{source}},
		{"the sender's MAC and a nonce", layers.ICMPv6Options{source, nonce}},
		{"a nonce", layers.ICMPv6Options{nonce}},
	} {
		b.run(tt.name, func(t *testing.T, b *bed) {
			s, err := one.Sniff()
			b.must(err)
			defer s.Close()
			frame := solicitation(b, mac, one.IP6.Addr().AsSlice(), net.ParseIP("fd00:7::12"), tt.has)
			b.must(one.Send(frame))
			var got *layers.ICMPv6NeighborAdvertisement
			b.must(lab.PollFor(b.ctx, 20*time.Second, "the advertisement", func(ctx context.Context) error {
				frames, err := s.Frames(ctx)
				if err != nil {
					return err
				}
				for _, f := range frames {
					packet := gopacket.NewPacket(f.Data, layers.LayerTypeEthernet, gopacket.Default)
					na, ok := packet.Layer(layers.LayerTypeICMPv6NeighborAdvertisement).(*layers.ICMPv6NeighborAdvertisement)
					if !ok || f.Sent {
						continue
					}
					b.must(packet.Layer(layers.LayerTypeICMPv6).(*layers.ICMPv6).SetNetworkLayerForChecksum(packet.NetworkLayer()))
					if err, mismatches := packet.VerifyChecksums(); err != nil || len(mismatches) > 0 {
						t.Errorf("checksums: %v, %v", err, mismatches)
					}
					if len(f.Data) != len(frame) {
						t.Errorf("the answer has %d bytes, the question %d", len(f.Data), len(frame))
					}
					got = na
					return nil
				}
				return errors.New("none")
			}))
			if !got.TargetAddress.Equal(net.ParseIP("fd00:7::12")) || !got.Solicited() {
				t.Errorf("advertises %+v", got)
			}
			if len(got.Options) != len(tt.has) || len(tt.has) > 0 && fmt.Sprint(got.Options[0]) != fmt.Sprint(target) {
				t.Errorf("options %v, want %d and first %v", got.Options, len(tt.has), target)
			}
		})
	}
}

// solicitation returns the frame by which a host asks for a neighbour.
func solicitation(b *bed, mac net.HardwareAddr, from, about net.IP, options layers.ICMPv6Options) []byte {
	group := net.IP{0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff, about[13], about[14], about[15]}
	eth := &layers.Ethernet{SrcMAC: mac, DstMAC: net.HardwareAddr{0x33, 0x33, 0xff, about[13], about[14], about[15]}, EthernetType: layers.EthernetTypeIPv6}
	ip := &layers.IPv6{Version: 6, HopLimit: 255, NextHeader: layers.IPProtocolICMPv6, SrcIP: from, DstIP: group}
	icmp := &layers.ICMPv6{TypeCode: layers.CreateICMPv6TypeCode(layers.ICMPv6TypeNeighborSolicitation, 0)}
	b.must(icmp.SetNetworkLayerForChecksum(ip))
	buf := gopacket.NewSerializeBuffer()
	b.must(gopacket.SerializeLayers(buf, gopacket.SerializeOptions{FixLengths: true, ComputeChecksums: true},
		eth, ip, icmp, &layers.ICMPv6NeighborSolicitation{TargetAddress: about, Options: options}))
	return buf.Bytes()
}
