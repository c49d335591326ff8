package answer

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/gopacket/gopacket/layers"

	"github.com/sdnctl/sdnctl/topology"
)

// Types of messages of IGMP (RFC 3376, 4; RFC 2236, 2.1) and MLD (RFC 3810, 5; RFC 2710, 3.1).
const (
	igmpQuery    = 0x11
	igmpV1Report = 0x12
	igmpV2Report = 0x16
	igmpV2Leave  = 0x17
	igmpV3Report = 0x22

	mldQuery    = 130
	mldV1Report = 131
	mldV1Done   = 132
	mldV2Report = 143
)

// Types of records in reports of IGMPv3 and MLDv2 (RFC 3376, 4.2.12; RFC 3810, 5.2.12).
const (
	modeIsInclude = iota + 1
	modeIsExclude
	toInclude
	toExclude
	allowNew
	blockOld
)

// report is what a host says of a group.
type report struct {
	group netip.Addr
	// leaves says that the host may take nothing of the group any more. Which senders a host wants is
	// not kept: it takes the group as long as it wants any.
	leaves bool
	// old says that the host does not say when it leaves (RFC 1112).
	old bool
	// silent says that a host of its version says nothing while others behind its port report the group: it
	// keeps its reports back, and leaves without a word, unless it reported last (RFC 2236, 3; RFC 2710, 4).
	silent bool
}

// readReports reads what a host reports of groups: a message of IGMP or MLD of any version.
func readReports(f frame) ([]report, error) {
	m := f.payload
	switch {
	case len(m) < 8:
		return nil, fmt.Errorf("its message has %d bytes", len(m))
	case f.proto == layers.IPProtocolIGMP:
		if checksum(0, m) != 0 {
			return nil, errors.New("its checksum is wrong")
		}
		group, _ := netip.AddrFromSlice(m[4:8])
		switch m[0] {
		case igmpV1Report, igmpV2Report, igmpV2Leave:
			return []report{{group: group, leaves: m[0] == igmpV2Leave, old: m[0] == igmpV1Report, silent: true}}, nil
		case igmpV3Report:
			return readRecords(m, 4)
		case igmpQuery:
			return nil, errors.New("it asks for members, which sdnd does itself")
		}
	case f.proto == layers.IPProtocolICMPv6 && f.from.Is6() && f.to.Is6():
		switch {
		case f.hops != 1 || !f.from.IsLinkLocalUnicast() && !f.from.IsUnspecified(): // RFC 3810, 5.2.13 and 7.3
			return nil, errors.New("it may be of another link")
		case checksum(pseudoSum(f.from, f.to, len(m)), m) != 0:
			return nil, errors.New("its checksum is wrong")
		}
		switch m[0] {
		case mldV1Report, mldV1Done:
			if len(m) < 24 {
				return nil, fmt.Errorf("its message has %d bytes", len(m))
			}
			group, _ := netip.AddrFromSlice(m[8:24])
			return []report{{group: group, leaves: m[0] == mldV1Done, silent: true}}, nil
		case mldV2Report:
			return readRecords(m, 16)
		}
	}
	return nil, errors.New("it is no report of groups")
}

// readRecords reads the records of a report of IGMPv3 or MLDv2, whose addresses have so many bytes.
func readRecords(m []byte, size int) (all []report, err error) {
	n := int(binary.BigEndian.Uint16(m[6:]))
	for m = m[8:]; n > 0; n-- {
		if len(m) < 4+size {
			return nil, errors.New("a record of it is cut off")
		}
		kind, aux, sources := m[0], int(m[1]), int(binary.BigEndian.Uint16(m[2:]))
		group, _ := netip.AddrFromSlice(m[4 : 4+size])
		length := 4 + size + sources*size + aux*4
		if len(m) < length {
			return nil, errors.New("a record of it is cut off")
		}
		m = m[length:]
		switch kind {
		case modeIsInclude, toInclude, allowNew:
			all = append(all, report{group: group, leaves: sources == 0})
		case modeIsExclude, toExclude:
			all = append(all, report{group: group})
		case blockOld:
			all = append(all, report{group: group, leaves: true})
		} // others are left out (RFC 3376, 4.2.12)
	}
	return all, nil
}

// What questions say (RFC 3376, 8; RFC 3810, 9): how many of them in a row may be lost, and how often all
// hosts are asked.
const (
	queryRobustness = 2
	queryEvery      = 125 * time.Second
)

// query asks the hosts behind a port which groups they have joined, or whether any has joined one; the
// zero Addr is all.
type query struct {
	srcMAC topology.MAC
	src    netip.Addr
	group  netip.Addr
	// within is the time in which hosts answer: a multiple of 100 ms, less than 12.8 s.
	within time.Duration
}

// frame returns the frame, in the newest version of IGMP or MLD, which hosts of older ones understand
// (RFC 3376, 7.2.1; RFC 3810, 8.2.1).
func (q query) frame() []byte {
	if q.src.Is4() {
		return q.igmp()
	}
	return q.mld()
}

func (q query) igmp() []byte {
	const headers = 14 + 24
	to := netip.AddrFrom4([4]byte{224, 0, 0, 1})
	b := make([]byte, headers+12)
	m := b[headers:]
	m[0], m[1] = igmpQuery, uint8(q.within/(100*time.Millisecond))
	if q.group.IsValid() {
		to = q.group
		copy(m[4:], q.group.AsSlice())
	}
	m[8], m[9] = queryRobustness, uint8(queryEvery/time.Second)
	binary.BigEndian.PutUint16(m[2:], checksum(0, m))
	groupMAC := groupMAC(to)
	copy(b, groupMAC[:])
	copy(b[6:], q.srcMAC[:])
	binary.BigEndian.PutUint16(b[12:], uint16(layers.EthernetTypeIPv4))
	ip := b[14:headers]
	ip[0], ip[1] = 4<<4|6, 0xc0 // of network control (RFC 3376, 4)
	binary.BigEndian.PutUint16(ip[2:], 24+12)
	ip[8], ip[9] = 1, uint8(layers.IPProtocolIGMP)
	copy(ip[12:], q.src.AsSlice())
	copy(ip[16:], to.AsSlice())
	ip[20], ip[21] = 0x94, 4 // router alert (RFC 2113)
	binary.BigEndian.PutUint16(ip[10:], checksum(0, ip))
	return b
}

func (q query) mld() []byte {
	const headers = 14 + 40 + 8
	to := netip.IPv6LinkLocalAllNodes()
	b := make([]byte, headers+28)
	m := b[headers:]
	m[0] = mldQuery
	binary.BigEndian.PutUint16(m[4:], uint16(q.within.Milliseconds()))
	if q.group.IsValid() {
		to = q.group
		copy(m[8:], q.group.AsSlice())
	}
	m[24], m[25] = queryRobustness, uint8(queryEvery/time.Second)
	binary.BigEndian.PutUint16(m[2:], checksum(pseudoSum(q.src, to, len(m)), m))
	groupMAC := groupMAC(to)
	copy(b, groupMAC[:])
	copy(b[6:], q.srcMAC[:])
	binary.BigEndian.PutUint16(b[12:], uint16(layers.EthernetTypeIPv6))
	ip := b[14 : 14+40]
	ip[0] = 6 << 4
	binary.BigEndian.PutUint16(ip[4:], 8+28)
	ip[6], ip[7] = uint8(layers.IPProtocolIPv6HopByHop), 1
	copy(ip[8:], q.src.AsSlice())
	copy(ip[24:], to.AsSlice())
	// Hop-by-hop options: router alert for MLD (RFC 2711), and padding.
	copy(b[14+40:], []byte{uint8(layers.IPProtocolICMPv6), 0, 5, 2, 0, 0, 1, 0})
	return b
}

// groupMAC returns the Ethernet address of a group (RFC 1112, 6.4; RFC 2464, 7).
func groupMAC(group netip.Addr) topology.MAC {
	if group.Is4() {
		a := group.As4()
		return topology.MAC{1, 0, 0x5e, a[1] & 0x7f, a[2], a[3]}
	}
	a := group.As16()
	return topology.MAC{0x33, 0x33, a[12], a[13], a[14], a[15]}
}
