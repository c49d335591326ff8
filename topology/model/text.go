package model

import (
	"encoding"
	"errors"
	"fmt"
	"net/netip"
)

// ValueError says why a text is not valid for its field.
type ValueError struct {
	// Message says what is wrong, Fix what to write instead; Fix may be empty.
	Message, Fix string
}

// Error returns "message (fix)".
func (e *ValueError) Error() string {
	if e.Fix == "" {
		return e.Message
	}
	return e.Message + " (" + e.Fix + ")"
}

// SetText sets v from text, as users write it. Empty text sets the zero value, which
// means "not given". The error is a *ValueError.
func SetText(v encoding.TextUnmarshaler, text string) error {
	err := v.UnmarshalText([]byte(text))
	var known *ValueError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &known):
		return known
	}
	switch v.(type) {
	case *netip.Addr:
		return addrError(text)
	case *netip.Prefix:
		return prefixError(text)
	}
	return &ValueError{Message: err.Error()}
}

// addrError says why a text is not an address.
func addrError(text string) *ValueError {
	message := fmt.Sprintf("%q is not an address", text)
	if _, err := netip.ParsePrefix(text); err == nil {
		return &ValueError{message, "give it without the prefix length"}
	}
	return &ValueError{message, "write it as 10.0.0.7"}
}

// prefixError says why a text is not an address range in CIDR notation.
func prefixError(text string) *ValueError {
	message := fmt.Sprintf("%q is not an address range", text)
	if a, err := netip.ParseAddr(text); err == nil && a.Is4() {
		return &ValueError{message, "add the prefix length, as in 10.0.0.0/24"}
	}
	return &ValueError{message, "write it as 10.0.0.0/24"}
}
