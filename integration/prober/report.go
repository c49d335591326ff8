package prober

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// Report counts the datagrams of a probe.
type Report struct {
	// Name names sender and receiver.
	Name string
	// Sent is how many datagrams were sent, and Lost how many did not arrive.
	Sent, Lost int
	// Delays has, for each datagram that arrived, the time from when it was sent, in the order
	// of arrival. It includes the time that sender and receiver wait for a processor.
	Delays []time.Duration
	// Gaps are the runs of losses, in order.
	Gaps []Gap
	// Pause is the longest time between two datagrams that were sent: how well
	// the machine kept the pace.
	Pause time.Duration
	// Refused is how many datagrams the sender's kernel did not send; they count
	// neither as sent nor as lost. Err is its last reason.
	Refused int
	Err     error
}

// Gap is a run of datagrams that were lost without one between them that
// arrived.
type Gap struct {
	// First is the number of the first one, and Lost how many there are.
	First uint64
	Lost  int
	// At is when the first was sent, after the start of the probe; Length is
	// from then to when the next one that arrived was sent.
	At, Length time.Duration
}

// Longest is the longest of the gaps; 0 without any.
func (r Report) Longest() time.Duration {
	var longest time.Duration
	for _, g := range r.Gaps {
		longest = max(longest, g.Length)
	}
	return longest
}

// String returns everything in one line.
func (r Report) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: lost %d of %d", r.Name, r.Lost, r.Sent)
	for i, g := range r.Gaps {
		if i == 5 {
			fmt.Fprintf(&b, ", and %d gaps more", len(r.Gaps)-i)
			break
		}
		fmt.Fprintf(&b, ", %d from number %d at %v for %v", g.Lost, g.First, g.At.Round(time.Millisecond), g.Length.Round(time.Millisecond))
	}
	fmt.Fprintf(&b, "; longest pause of the sender %v", r.Pause.Round(100*time.Microsecond))
	if r.Refused > 0 {
		fmt.Fprintf(&b, "; %d not sent: %v", r.Refused, r.Err)
	}
	return b.String()
}

// report makes the report after the sender and the receivers have ended.
func (p *Probe) report() Report {
	p.mu.Lock()
	defer p.mu.Unlock()
	r := Report{Name: p.Name, Sent: len(p.at) - p.refused, Lost: len(p.missing), Delays: p.delays, Refused: p.refused, Err: p.err}
	for i := 1; i < len(p.at); i++ {
		r.Pause = max(r.Pause, p.at[i]-p.at[i-1])
	}
	numbers := slices.Sorted(maps.Keys(p.missing))
	for i, n := range numbers {
		if i == 0 || numbers[i-1] != n-1 {
			r.Gaps = append(r.Gaps, Gap{First: n, At: p.at[n]})
		}
		g := &r.Gaps[len(r.Gaps)-1]
		g.Lost++
		g.Length = p.at[min(n+1, uint64(len(p.at)-1))] - g.At
	}
	return r
}
