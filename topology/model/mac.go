package model

import (
	"encoding/hex"
	"fmt"
	"strings"
)

// MAC is a 48-bit Ethernet address. The zero MAC means "not given".
type MAC [6]byte

// ParseMAC reads six octets in hexadecimal, in any of the forms in which
// programs print them: 02:00:00:00:01:03, 02-00-00-00-01-03, 0200.0000.0103
// and 020000000103 (Vagrant).
func ParseMAC(s string) (MAC, error) {
	var m MAC
	digits := s
	switch {
	case len(s) == 17 && evenly(s, ':', 3), len(s) == 17 && evenly(s, '-', 3):
		digits = strings.ReplaceAll(s, s[2:3], "")
	case len(s) == 14 && evenly(s, '.', 5):
		digits = strings.ReplaceAll(s, ".", "")
	}
	if len(digits) != 12 {
		return MAC{}, fmt.Errorf("%q is not a MAC address: want six octets, such as 02:00:00:00:01:03", s)
	}
	for i := range m {
		if _, err := hex.Decode(m[i:i+1], []byte(digits[2*i:2*i+2])); err != nil {
			return MAC{}, fmt.Errorf("%q is not a MAC address: %q is not hexadecimal", s, digits[2*i:2*i+2])
		}
	}
	return m, nil
}

// evenly reports whether sep stands at every nth place of s and nowhere else.
func evenly(s string, sep byte, n int) bool {
	for i := range len(s) {
		if (s[i] == sep) != (i%n == n-1) {
			return false
		}
	}
	return true
}

// String returns the address as six octets in hexadecimal with colons.
func (m MAC) String() string {
	var b [17]byte
	for i, o := range m {
		hex.Encode(b[i*3:], []byte{o})
		if i < 5 {
			b[i*3+2] = ':'
		}
	}
	return string(b[:])
}

// IsZero reports whether the address was not given.
func (m MAC) IsZero() bool { return m == MAC{} }

// IsMulticast reports whether the group bit (IEEE 802, section 8.2) is set.
func (m MAC) IsMulticast() bool { return m[0]&1 != 0 }

// MarshalText writes the address as String does; the zero MAC is empty.
func (m MAC) MarshalText() ([]byte, error) {
	if m.IsZero() {
		return nil, nil
	}
	return []byte(m.String()), nil
}

// UnmarshalText reads what ParseMAC reads, but refuses a MAC of zeros, which would
// be taken for "not given". The error is a *ValueError.
func (m *MAC) UnmarshalText(b []byte) error {
	if len(b) == 0 {
		*m = MAC{}
		return nil
	}
	v, err := ParseMAC(string(b))
	switch {
	case err != nil:
		return &ValueError{Message: err.Error()}
	case v.IsZero():
		return &ValueError{"a MAC of all zeros cannot be used", "leave it out to have one derived"}
	}
	*m = v
	return nil
}
