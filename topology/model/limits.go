package model

import (
	"fmt"
	"slices"
	"strings"
)

// Limits of what can be declared. They are generous for people and keep what
// one object can cost bounded.
const (
	// MaxNameLength of an object's name, in bytes. A name begins with a letter
	// or digit, followed by letters, digits, "_", "." and "-".
	MaxNameLength = 63
	// MaxLabels of one object.
	MaxLabels = 64
	// MaxLabelLength of a label's key and of its value, in bytes. A key begins
	// with a letter or digit, followed by letters, digits and "_./-"; a value
	// may be empty and has letters, digits and "_./-:@+".
	MaxLabelLength = 128
	// MaxInterfaceIDLength of PortSpec.InterfaceID, in bytes of printable
	// ASCII without space.
	MaxInterfaceIDLength = 255
	// MaxInterfaceLength of PortSpec.Interface, in bytes: Linux' IFNAMSIZ less
	// the final zero.
	MaxInterfaceLength = 15
	// MaxSubnets of one network.
	MaxSubnets = 256
	// MaxReserved ranges of one subnet.
	MaxReserved = 256
	// MaxRouterNetworks of one router.
	MaxRouterNetworks = 4096
	// MinMTU is the smallest datagram that every IPv4 host must be able to
	// take (RFC 791, section 3.1).
	MinMTU = 576
	// MinMTU6 is the smallest MTU of a link that carries IPv6 (RFC 8200, section 5).
	MinMTU6 = 1280
	// MaxMTU is what common hardware carries as jumbo frames.
	MaxMTU = 9216
	// DefaultMTU leaves room for VXLAN over IPv4 (50 bytes) on an Ethernet of
	// 1500 bytes. Over IPv6 VXLAN takes 70.
	DefaultMTU = 1450
	// MinSubnetBits and MaxSubnetBits bound the prefix length of a subnet: no
	// larger than a class A, and no smaller than two hosts, of which one is
	// the gateway. Both are of IPv4.
	MinSubnetBits, MaxSubnetBits = 8, 30
	// MinSubnetBits6 and MaxSubnetBits6 are the same of an IPv6 subnet. What
	// advertises itself (SLAAC) needs a /64.
	MinSubnetBits6, MaxSubnetBits6 = 16, 126
)

func alnum(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}

// word reports whether s begins with a letter or digit and goes on with
// letters, digits and the bytes of also.
func word(s, also string) bool {
	for i := range len(s) {
		if !alnum(s[i]) && (i == 0 || strings.IndexByte(also, s[i]) < 0) {
			return false
		}
	}
	return s != ""
}

// CheckName returns what is wrong with an object's name, or "".
func CheckName(s string) string {
	switch {
	case s == "":
		return "the name is empty"
	case len(s) > MaxNameLength:
		return fmt.Sprintf("the name has %d characters, at most %d are allowed", len(s), MaxNameLength)
	case !word(s, "_.-"):
		return fmt.Sprintf("%q is not a name", s)
	}
	return ""
}

// CheckLabel returns what is wrong with a label, or "".
func CheckLabel(key, value string) string {
	switch {
	case len(key) > MaxLabelLength || len(value) > MaxLabelLength:
		return fmt.Sprintf("label %.20q… is longer than %d characters", key, MaxLabelLength)
	case !word(key, "_./-"):
		return fmt.Sprintf("%q is not a label key", key)
	case value != "" && !word("x"+value, "_./-:@+"):
		return fmt.Sprintf("%q is not a value of label %q", value, key)
	}
	return ""
}

// printable reports whether s is printable ASCII without space and "/" where
// noSlash.
func printable(s string, noSlash bool) bool {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] > '~' || noSlash && s[i] == '/' {
			return false
		}
	}
	return true
}

// cloned returns a copy of a list; nil for an empty one, which means "not given".
func cloned[T any](list []T) []T {
	if len(list) == 0 {
		return nil
	}
	return slices.Clone(list)
}

// checkListed reports names in a list of objects of a kind that are empty or there
// twice.
func checkListed(names []string, k Kind, field string, bad Reporter) {
	seen := make(map[string]bool, len(names))
	for i, name := range names {
		at := fmt.Sprintf("%s[%d]", field, i)
		if name == "" {
			bad(Invalid, at, fmt.Sprintf("the name of the %s is empty", k), fmt.Sprintf("name a %s or remove the entry", k))
		} else if seen[name] {
			bad(Invalid, at, fmt.Sprintf("%s %q is listed twice", k, name), "list it once")
		}
		seen[name] = true
	}
}
