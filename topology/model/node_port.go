package model

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
)

// The range of node ports. Linux takes the ports of clients from 32768 on unless
// net.ipv4.ip_local_port_range says otherwise, so the range ends below that.
const (
	FirstNodePort uint16 = 30000
	LastNodePort  uint16 = 32767
)

// NodePort is a port of nodes' own addresses by which machines outside reach a port of a
// service. The zero value means that there is none.
type NodePort struct {
	// Number is 0 if Auto is set.
	Number uint16
	// Auto has the store choose a free number.
	Auto bool
}

// autoNodePort is how Auto is written.
const autoNodePort = "auto"

// IsZero reports whether there is no node port.
func (p NodePort) IsZero() bool { return p == NodePort{} }

// String returns the number, "auto", or "" if there is none.
func (p NodePort) String() string {
	switch {
	case p.Auto:
		return autoNodePort
	case p.Number == 0:
		return ""
	}
	return strconv.FormatUint(uint64(p.Number), 10)
}

// UnmarshalText reads a number of the range, or auto in any case; "" and 0 mean that there is
// none. The error is a *ValueError.
func (p *NodePort) UnmarshalText(b []byte) error {
	text := strings.ToLower(string(b))
	switch text {
	case "", "0":
		*p = NodePort{}
		return nil
	case autoNodePort:
		*p = NodePort{Auto: true}
		return nil
	}
	n, err := strconv.ParseUint(text, 10, 16)
	if err != nil || uint16(n) < FirstNodePort || uint16(n) > LastNodePort {
		return &ValueError{fmt.Sprintf("%.70q is not a node port", text), fmt.Sprintf("give a number from %d to %d, or auto for a free one", FirstNodePort, LastNodePort)}
	}
	*p = NodePort{Number: uint16(n)}
	return nil
}

// MarshalText writes what String returns.
func (p NodePort) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// MarshalJSON writes a number as a number, and auto as a string.
func (p NodePort) MarshalJSON() ([]byte, error) {
	if p.Auto {
		return json.Marshal(autoNodePort)
	}
	return strconv.AppendUint(nil, uint64(p.Number), 10), nil
}

// UnmarshalJSON reads a number, or a string with a number or auto. The error is a *ValueError.
func (p *NodePort) UnmarshalJSON(b []byte) error {
	switch text := bytes.TrimSpace(b); {
	case bytes.Equal(text, []byte("null")):
		*p = NodePort{}
		return nil
	case text[0] == '"':
		var s string
		if err := json.Unmarshal(text, &s); err != nil {
			return err
		}
		return p.UnmarshalText([]byte(s))
	case text[0] >= '0' && text[0] <= '9', text[0] == '-':
		return p.UnmarshalText(text)
	default:
		return &ValueError{"want a number or auto", fmt.Sprintf("give a number from %d to %d, or auto for a free one", FirstNodePort, LastNodePort)}
	}
}
