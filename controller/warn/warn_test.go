package warn

import (
	"fmt"
	"log/slog"
	"net"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func addr(i int) net.Addr {
	return &net.TCPAddr{IP: net.IPv4(10, 0, byte(i>>8), byte(i)), Port: 1 + i%7}
}

// logged returns a Limiter and the lines that it has logged.
func logged() (*Limiter, func() []string) {
	var b strings.Builder
	h := slog.NewTextHandler(&b, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}})
	return New(slog.New(h)), func() []string {
		defer b.Reset()
		return slices.Collect(strings.Lines(b.String()))
	}
}

// The first of a machine is logged at once, and what is new, within bounds; the
// others by their number.
func TestWarn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, lines := logged()
		for i := range 1000 {
			l.Warn(&net.TCPAddr{IP: net.IPv4(10, 0, 0, 1), Port: i}, "bad", "err", "x")
		}
		l.Warn(&net.TCPAddr{IP: net.IPv4(10, 0, 0, 2), Port: 5}, "bad", "err", "x")
		for i := range 1000 {
			l.Warn(addr(1), "bad", "err", i)
		}
		time.Sleep(Every - 1)
		l.Warn(addr(1), "worse")
		time.Sleep(1 * time.Nanosecond)
		l.Warn(addr(1), "bad", "err", 1)
		l.Warn(addr(1), "bad", "err", 1)
		time.Sleep(Every)
		l.Warn(addr(1), "bad", "err", 1)
		want := []string{
			"level=WARN msg=bad address=10.0.0.1:0 err=x\n",
			"level=WARN msg=bad address=10.0.0.2:5 err=x\n",
			"level=WARN msg=bad address=10.0.0.1:2 err=0 suppressed=999\n",
			"level=WARN msg=bad address=10.0.0.1:2 err=1\n",
			"level=WARN msg=bad address=10.0.0.1:2 err=1 suppressed=999\n",
			"level=WARN msg=bad address=10.0.0.1:2 err=1 suppressed=1\n",
		}
		if got := lines(); !slices.Equal(got, want) {
			t.Errorf("logged:\n%s\nwant:\n%s", strings.Join(got, ""), strings.Join(want, ""))
		}
	})
}

// However many machines there are, memory and lines are bounded, and a machine
// that comes when they have gone is logged.
func TestWarnOfMany(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, lines := logged()
		for range 3 {
			for i := range 10_000 {
				l.Warn(addr(i), "bad", "err", i)
			}
		}
		if got, want := len(lines()), MaxMachines+MaxLines; got != want {
			t.Errorf("%d lines of 10,000 machines, want %d", got, want)
		}
		if n := len(l.machines); n > MaxMachines {
			t.Errorf("%d machines remembered", n)
		}
		time.Sleep(Every)
		l.Warn(addr(20_000), "bad")
		l.Warn(addr(20_001), "bad")
		if got := lines(); len(got) != 2 {
			t.Errorf("logged of two new machines: %q", got)
		}
		// What was suppressed of those that were forgotten is logged once others are.
		for i := range 10_000 {
			l.Warn(addr(30_000+i), "bad")
		}
		const all = 3*10_000 - MaxMachines - MaxLines
		if got := lines(); !strings.Contains(strings.Join(got, ""), fmt.Sprintf(" suppressed=%d\n", all)) {
			t.Errorf("want %d suppressed in the %d lines; the last is %q", all, len(got), got[len(got)-1])
		}
	})
}
