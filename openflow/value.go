package openflow

import (
	"encoding/binary"
	"fmt"
	"strconv"
)

// Version is the protocol version on the wire of OpenFlow 1.3, the only one
// spoken here (OpenFlow 1.3.5, 7.1.1).
const Version = 0x04

// DatapathID identifies a switch (OpenFlow 1.3.5, 7.3.1): by custom 16 bits
// chosen by the implementer above 48 bits of a MAC address.
type DatapathID uint64

// String returns the 16 lower-case hexadecimal digits that ovs-vsctl shows.
func (d DatapathID) String() string { return fmt.Sprintf("%016x", uint64(d)) }

// PortNo numbers a port of one switch: 1..PortMax, or one of the reserved
// ports below (OpenFlow 1.3.5, 7.2.1).
type PortNo uint32

// Reserved port numbers (OpenFlow 1.3.5, 7.2.1, ofp_port_no).
const (
	PortMax        PortNo = 0xffffff00 // highest number of a physical or logical port
	PortInPort     PortNo = 0xfffffff8 // back out of the port the packet came in at
	PortTable      PortNo = 0xfffffff9 // packet-out only: process by the first table
	PortNormal     PortNo = 0xfffffffa // the switch's own L2/L3 forwarding
	PortFlood      PortNo = 0xfffffffb // all ports of the VLAN but the ingress
	PortAll        PortNo = 0xfffffffc // all ports but the ingress
	PortController PortNo = 0xfffffffd // to the controller as packet-in
	PortLocal      PortNo = 0xfffffffe // the bridge's own interface
	PortAny        PortNo = 0xffffffff // wildcard in requests; no port in flow-mods
)

// String returns the number, or the name that ovs-ofctl gives a reserved port.
func (p PortNo) String() string { return string(p.appendText(nil)) }

func (p PortNo) appendText(b []byte) []byte {
	switch p {
	case PortInPort:
		return append(b, "IN_PORT"...)
	case PortTable:
		return append(b, "TABLE"...)
	case PortNormal:
		return append(b, "NORMAL"...)
	case PortFlood:
		return append(b, "FLOOD"...)
	case PortAll:
		return append(b, "ALL"...)
	case PortController:
		return append(b, "CONTROLLER"...)
	case PortLocal:
		return append(b, "LOCAL"...)
	case PortAny:
		return append(b, "ANY"...)
	}
	return strconv.AppendUint(b, uint64(p), 10)
}

// TableID numbers a flow table of a switch: 0..254, or TableAll
// (OpenFlow 1.3.5, 7.3.4.3, ofp_table). In Open vSwitch table 254 is its own, and
// read only.
type TableID uint8

// TableAll stands for every table, in deletions and statistics requests.
const TableAll TableID = 0xff

// Cookie is the controller's own mark on a flow (OpenFlow 1.3.5, 5.2).
type Cookie uint64

// String returns the cookie as ovs-ofctl does, as 0x and hexadecimal digits.
func (c Cookie) String() string { return "0x" + strconv.FormatUint(uint64(c), 16) }

// Xid pairs a reply with its request (OpenFlow 1.3.5, 7.1.1).
type Xid = uint32

// MAC is an Ethernet address.
type MAC = [6]byte

// NoBuffer says that a message carries the packet itself and names none that
// the switch has buffered (OpenFlow 1.3.5, 7.2.6, OFP_NO_BUFFER).
const NoBuffer uint32 = 0xffffffff

var be = binary.BigEndian

// pad8 returns n rounded up to a multiple of 8.
func pad8(n int) int { return (n + 7) &^ 7 }

// appendZeros appends n <= 8 zero bytes.
func appendZeros(b []byte, n int) []byte {
	return append(b, "\x00\x00\x00\x00\x00\x00\x00\x00"[:n]...)
}

func appendMAC(b []byte, m MAC) []byte {
	for i := range m {
		b = strconv.AppendUint(b, uint64(m[i]>>4), 16)
		b = strconv.AppendUint(b, uint64(m[i]&15), 16)
		if i < 5 {
			b = append(b, ':')
		}
	}
	return b
}
