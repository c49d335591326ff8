package model

import (
	"fmt"
	"strings"
	"time"
)

// Duration is a length of time in whole seconds, written as 24h, 30m or 1h30m. 0 means
// "not given".
type Duration time.Duration

// String returns the duration without units that are 0: "24h", not "24h0m0s".
func (d Duration) String() string {
	s := time.Duration(d).String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

// MarshalText writes the duration as String does.
func (d Duration) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText reads a duration. The error is a *ValueError.
func (d *Duration) UnmarshalText(b []byte) error {
	if len(b) == 0 {
		*d = 0
		return nil
	}
	const fix = "write it as 24h, 30m or 90s"
	v, err := time.ParseDuration(string(b))
	switch {
	case err != nil:
		return &ValueError{fmt.Sprintf("%q is not a duration", b), fix}
	case v <= 0:
		return &ValueError{fmt.Sprintf("%q is not longer than 0", b), fix}
	case v%time.Second != 0:
		return &ValueError{fmt.Sprintf("%q is not in whole seconds", b), fix}
	}
	*d = Duration(v)
	return nil
}
