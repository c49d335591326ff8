package model

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
)

// FloodLimit is how many packets a second each port of a network may send to all other ports. The
// zero value means "not given": DefaultFloodLimit.
type FloodLimit int

// FloodUnlimited is no limit.
const FloodUnlimited FloodLimit = -1

// The limits that a network may have. DefaultFloodLimit is that of a network that gives none: decision 74
// says what it costs those who get the packets.
const (
	DefaultFloodLimit FloodLimit = 1000
	MaxFloodLimit     FloodLimit = 100_000
)

const floodUnlimited = "off"

// MarshalText writes the number, or "off"; nothing if the limit is not given.
func (l FloodLimit) MarshalText() ([]byte, error) {
	switch l {
	case 0:
		return nil, nil
	case FloodUnlimited:
		return []byte(floodUnlimited), nil
	}
	return strconv.AppendInt(nil, int64(l), 10), nil
}

// UnmarshalText reads a number of packets a second, or "off" in any case; "" is "not given". The error is a
// *ValueError.
func (l *FloodLimit) UnmarshalText(b []byte) error {
	if len(b) == 0 {
		*l = 0
		return nil
	}
	if strings.EqualFold(string(b), floodUnlimited) {
		*l = FloodUnlimited
		return nil
	}
	n, err := strconv.Atoi(string(b))
	if err != nil || n < 1 || n > int(MaxFloodLimit) {
		return &ValueError{fmt.Sprintf("%.70q is not a limit of packets a second", b), fmt.Sprintf("give a number from 1 to %d, %s for no limit, or leave it out for %d", MaxFloodLimit, floodUnlimited, DefaultFloodLimit)}
	}
	*l = FloodLimit(n)
	return nil
}

// MarshalJSON writes a number as a number, and no limit as "off".
func (l FloodLimit) MarshalJSON() ([]byte, error) {
	if l == FloodUnlimited {
		return json.Marshal(floodUnlimited)
	}
	return strconv.AppendInt(nil, int64(l), 10), nil
}

// UnmarshalJSON reads a number, or a string with a number or "off". null and "" mean "not given". The error
// is a *ValueError.
func (l *FloodLimit) UnmarshalJSON(b []byte) error {
	text := string(bytes.TrimSpace(b))
	if strings.HasPrefix(text, `"`) {
		if err := json.Unmarshal(b, &text); err != nil {
			return err
		}
	}
	if text == "null" {
		text = ""
	}
	return l.UnmarshalText([]byte(text))
}

// Floods returns how many packets each port of the network may send to all others, a second in the long run and
// at once; ok is false if there is no limit, or no such packet is carried.
func (s *NetworkSpec) Floods() (rate, burst int, ok bool) {
	if s.Multicast == "" || s.Multicast == MulticastOff || s.FloodLimit == FloodUnlimited {
		return 0, 0, false
	}
	rate = int(s.FloodLimit)
	if rate == 0 {
		rate = int(DefaultFloodLimit)
	}
	if burst = s.FloodBurst; burst == 0 {
		burst = rate
	}
	return rate, burst, true
}

// normalFlood checks the limit of what ports send to all others.
func (s *NetworkSpec) normalFlood(bad Reporter) {
	switch l := s.FloodLimit; {
	case l < FloodUnlimited || l > MaxFloodLimit:
		bad(Invalid, "spec.floodLimit", fmt.Sprintf("%d packets a second is out of range", l), fmt.Sprintf("give 1 to %d, %s for no limit, or leave it out for %d", MaxFloodLimit, floodUnlimited, DefaultFloodLimit))
	case l == FloodUnlimited && s.FloodBurst != 0:
		bad(Invalid, "spec.floodBurst", "spec.floodLimit is "+floodUnlimited+", so there is no burst", "leave one of the two out")
	case s.FloodBurst < 0 || s.FloodBurst > int(MaxFloodLimit):
		bad(Invalid, "spec.floodBurst", fmt.Sprintf("%d packets is out of range", s.FloodBurst), fmt.Sprintf("give 1 to %d, or leave it out for as many as spec.floodLimit allows in a second", MaxFloodLimit))
	}
}
