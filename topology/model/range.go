package model

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"strings"
)

// AddrRange is the addresses From..To, both included. Its text form is "from-to",
// or the address if it is one.
type AddrRange struct {
	From, To netip.Addr
}

// String returns the text form.
func (r AddrRange) String() string {
	if r.From == r.To {
		return r.From.String()
	}
	return r.From.String() + "-" + r.To.String()
}

// MarshalText writes the range as String does.
func (r AddrRange) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// UnmarshalText reads an address, two of them with "-" between, or a range in CIDR
// notation. The error is a *ValueError.
func (r *AddrRange) UnmarshalText(b []byte) error {
	text := string(b)
	if p, err := netip.ParsePrefix(text); err == nil {
		*r = PrefixRange(p)
		return nil
	}
	from, to, ok := strings.Cut(text, "-")
	if !ok {
		to = from
	}
	a, errA := netip.ParseAddr(strings.TrimSpace(from))
	z, errZ := netip.ParseAddr(strings.TrimSpace(to))
	if errA != nil || errZ != nil {
		return &ValueError{fmt.Sprintf("%q is neither an address nor a range of addresses", text), "write it as 10.0.0.20, 10.0.0.1-10.0.0.9 or 10.0.0.16/28"}
	}
	*r = AddrRange{a, z}
	return nil
}

// UnmarshalJSON reads the text form, and the object with the fields from and to that
// files of schema 1 have.
func (r *AddrRange) UnmarshalJSON(b []byte) error {
	if len(b) > 0 && b[0] == '{' {
		type fields AddrRange
		return json.Unmarshal(b, (*fields)(r))
	}
	var text string
	if err := json.Unmarshal(b, &text); err != nil {
		return err
	}
	if string(b) == "null" {
		return nil
	}
	return r.UnmarshalText([]byte(text))
}
