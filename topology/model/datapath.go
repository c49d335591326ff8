package model

import (
	"fmt"
	"hash/fnv"
	"strconv"
	"strings"
)

// DatapathID identifies an OpenFlow switch (OpenFlow 1.3.5, 7.3.1): 64 bits,
// by custom 16 chosen by the implementer and 48 from a MAC.
type DatapathID uint64

// DatapathIDFor derives a node's datapath id from its name: FNV-1a, 64 bits, of the name's
// bytes, and 1 where that would be 0 (Open vSwitch rejects 0). "sdnctl node join" sets the
// same on the bridge, as other_config:datapath-id, so that the two agree without
// communication.
func DatapathIDFor(name string) DatapathID {
	h := fnv.New64a()
	h.Write([]byte(name))
	return max(DatapathID(h.Sum64()), 1)
}

// ParseDatapathID reads 1 to 16 hexadecimal digits, with or without "0x", as
// Open vSwitch prints and accepts them. 0 is rejected. The error is a *ValueError.
func ParseDatapathID(s string) (DatapathID, error) {
	const fix = "'ovs-vsctl get bridge BRIDGE datapath_id' shows a switch's"
	digits := s
	if len(digits) > 2 && digits[0] == '0' && (digits[1] == 'x' || digits[1] == 'X') {
		digits = digits[2:]
	}
	v, err := strconv.ParseUint(digits, 16, 64)
	if err != nil || len(digits) > 16 {
		return 0, &ValueError{fmt.Sprintf("%q is not a datapath id: want up to 16 hexadecimal digits, such as 00000000000000a1", s), fix}
	}
	if v == 0 {
		return 0, &ValueError{fmt.Sprintf("%q is not a datapath id: it must not be 0", s), fix}
	}
	return DatapathID(v), nil
}

// String returns the id as 16 hexadecimal digits, as Open vSwitch writes it.
func (d DatapathID) String() string { return fmt.Sprintf("%016x", uint64(d)) }

// MarshalText writes the id as String does; 0, "not given", is empty.
func (d DatapathID) MarshalText() ([]byte, error) {
	if d == 0 {
		return nil, nil
	}
	return []byte(d.String()), nil
}

// UnmarshalText reads what ParseDatapathID reads, also with colons between the
// octets, as other controllers print them.
func (d *DatapathID) UnmarshalText(b []byte) error {
	if len(b) == 0 {
		*d = 0
		return nil
	}
	v, err := ParseDatapathID(strings.ReplaceAll(string(b), ":", ""))
	*d = v
	return err
}
