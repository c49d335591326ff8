package main

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/sdnctl/sdnctl/integration/simswitch"
)

// status is the state of the fleet, its counters, and the cost for this process.
type status struct {
	Switches      int    `json:"switches"`
	Connected     int    `json:"connected"`
	Flows         int    `json:"flows"`
	DistinctFlows int    `json:"distinctFlows"`
	Handshakes    uint64 `json:"handshakes"`
	Messages      uint64 `json:"messages"`
	FlowMods      uint64 `json:"flowMods"`
	Bundles       uint64 `json:"bundles"`
	Refused       uint64 `json:"refused"`
	Aborts        uint64 `json:"aborts"`
	// RSSBytes is the memory that the process has, CPUSeconds what it has used
	// since it began.
	RSSBytes   uint64  `json:"rssBytes"`
	CPUSeconds float64 `json:"cpuSeconds"`
}

func statusOf(f *simswitch.Fleet) status {
	s := f.Status()
	return status{
		Switches: s.Switches, Connected: s.Connected, Flows: s.Flows, DistinctFlows: s.DistinctFlows,
		Handshakes: s.Stats.Handshakes, Messages: s.Stats.Messages, FlowMods: s.Stats.FlowMods,
		Bundles: s.Stats.Bundles, Refused: s.Stats.Refused, Aborts: s.Stats.Aborts, RSSBytes: rss(), CPUSeconds: cpu(),
	}
}

// String returns the status in one line.
func (s status) String() string {
	return fmt.Sprintf("%d of %d switches connected, %d flows (%d different), %d flow-mods in %d bundles, %d messages refused; %d MB, %.1f s of CPU",
		s.Connected, s.Switches, s.Flows, s.DistinctFlows, s.FlowMods, s.Bundles, s.Refused, s.RSSBytes>>20, s.CPUSeconds)
}

// rss returns the process's resident memory in bytes (proc(5), statm), or 0
// where that cannot be known.
func rss() uint64 {
	b, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0
	}
	fields := strings.Fields(string(b))
	if len(fields) < 2 {
		return 0
	}
	pages, err := strconv.ParseUint(fields[1], 10, 64)
	if err != nil {
		return 0
	}
	return pages * uint64(os.Getpagesize())
}

// cpu returns the seconds of processor time that the process has used.
func cpu() float64 {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return (time.Duration(u.Utime.Nano()) + time.Duration(u.Stime.Nano())).Seconds()
}
