package model

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
)

// TargetPort is a port of backends: a number, or a name that each backend gives to one of its
// own ports (PortSpec.NamedPorts). The zero value means "not given".
type TargetPort struct {
	Number uint16 // 0 if there is a name
	Name   string // in lower case
}

// IsZero reports whether the port is not given.
func (p TargetPort) IsZero() bool { return p == TargetPort{} }

// String returns the number or the name.
func (p TargetPort) String() string {
	return cmp.Or(p.Name, strconv.FormatUint(uint64(p.Number), 10))
}

// UnmarshalText reads a number from 1 to 65535, or a name in any case. The error is a
// *ValueError.
func (p *TargetPort) UnmarshalText(b []byte) error {
	text := strings.ToLower(string(b))
	if text == "" || strings.Trim(text, "-0123456789") != "" {
		*p = TargetPort{Name: text}
		return checkPortName(text)
	}
	n, err := strconv.ParseUint(text, 10, 16)
	if err != nil || n == 0 {
		return &ValueError{fmt.Sprintf("%.70q is not a port", text), "give a number from 1 to 65535, or the name of a port of the backends"}
	}
	*p = TargetPort{Number: uint16(n)}
	return nil
}

// MarshalText writes the number or the name; nothing if the port is not given.
func (p TargetPort) MarshalText() ([]byte, error) {
	if p.IsZero() {
		return nil, nil
	}
	return []byte(p.String()), nil
}

// MarshalJSON writes a number as a number, and a name as a string.
func (p TargetPort) MarshalJSON() ([]byte, error) {
	if p.Name != "" {
		return json.Marshal(p.Name)
	}
	return strconv.AppendUint(nil, uint64(p.Number), 10), nil
}

// UnmarshalJSON reads a number, or a string with a number or a name. 0 and "" mean "not
// given". The error is a *ValueError.
func (p *TargetPort) UnmarshalJSON(b []byte) error {
	switch text := bytes.TrimSpace(b); {
	case bytes.Equal(text, []byte("null")), bytes.Equal(text, []byte("0")), bytes.Equal(text, []byte(`""`)):
		*p = TargetPort{}
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
		return &ValueError{"want a number or a name", "give a number from 1 to 65535, or the name of a port of the backends"}
	}
}
