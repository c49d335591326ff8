package connlimit

import (
	"context"
	"fmt"
	"net"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

func addr(host int) net.Addr {
	return &net.TCPAddr{IP: net.IPv4(192, 0, 2, byte(host)), Port: 1}
}

// Whoever has most makes room.
func TestLimiterDropsOfTheGreatest(t *testing.T) {
	c := New(4, 0)
	var dropped []string
	enter := func(host, n int) func() {
		return c.Acquire(t.Context(), addr(host), 1, func() { dropped = append(dropped, fmt.Sprint(host, ".", n)) })
	}
	enter(1, 0)
	leave := enter(2, 0)
	for n := range 5 {
		enter(3, n)
	}
	if diff := cmp.Diff([]string{"3.0", "3.1", "3.2"}, dropped); diff != "" {
		t.Errorf("dropped (-want +got):\n%s", diff)
	}
	leave()
	leave()
	dropped = nil
	enter(4, 0)
	if len(dropped) != 0 || c.weight != 4 {
		t.Errorf("dropped %v with room for one; weight %d", dropped, c.weight)
	}
	// One that is heavier than all others together may still enter, alone.
	c.Acquire(t.Context(), addr(5), 100, func() {})
	if c.weight != 100 || len(c.hosts) != 1 {
		t.Errorf("weight %d of %d hosts", c.weight, len(c.hosts))
	}
}

// Members that grow in turn make room for each other as a whole: one that was
// dropped grows no more, and no more of them are dropped than have to be.
func TestReservationsGrow(t *testing.T) {
	c := New(10, 0)
	dropped := make([]bool, 4)
	var members []*Reservation
	for i := range dropped {
		members = append(members, c.Reserve(addr(1), func() { dropped[i] = true }))
	}
	for range 5 {
		for i, m := range members {
			was := dropped[i]
			if grown := m.Grow(t.Context(), 1); grown == was {
				t.Errorf("member %d, dropped %v, grew: %v", i, was, grown)
			}
		}
	}
	if diff := cmp.Diff([]bool{true, true, false, false}, dropped); diff != "" {
		t.Errorf("dropped (-want +got):\n%s", diff)
	}
	// The oldest of the greatest machine may be the one that asks.
	if members[2].Grow(t.Context(), 1) || !dropped[2] {
		t.Error("the oldest grew at the cost of younger ones")
	}
	if !members[3].Grow(t.Context(), 100) {
		t.Error("a member that is alone did not grow")
	}
	for _, m := range members {
		m.Release()
	}
	if c.weight != 0 || len(c.hosts) != 0 || len(c.waiting) != 0 {
		t.Errorf("weight %d of %d hosts, %d wait", c.weight, len(c.hosts), len(c.waiting))
	}
}

// One that waits to grow learns at once that it has to make room.
func TestWaitingReservationIsDropped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := New(2, time.Second)
		start := time.Now()
		m := c.Reserve(addr(1), func() {})
		m.Grow(t.Context(), 1)
		time.Sleep(time.Millisecond) // the other one is younger
		c.Acquire(t.Context(), addr(2), 1, func() { t.Error("the smaller machine's was dropped") })
		if m.Grow(t.Context(), 1) {
			t.Error("it grew at another machine's cost")
		}
		if took := time.Since(start); took != time.Second {
			t.Errorf("dropped after %v, want when it was old enough to be dropped", took)
		}
	})
}

// The young are safe; who would enter waits until one leaves, or is old enough,
// or the waiting ends.
func TestLimiterWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := New(2, time.Second)
		dropped := 0
		drop := func() { dropped++ }
		leave := c.Acquire(t.Context(), addr(1), 1, drop)
		c.Acquire(t.Context(), addr(1), 1, drop)
		start := time.Now()
		time.AfterFunc(300*time.Millisecond, leave)
		c.Acquire(t.Context(), addr(2), 1, drop)
		if took := time.Since(start); took != 300*time.Millisecond || dropped != 0 {
			t.Errorf("entered after %v, %d dropped; one left after 300 ms", took, dropped)
		}
		c.Acquire(t.Context(), addr(3), 1, drop)
		if took := time.Since(start); took < time.Second || dropped != 1 {
			t.Errorf("entered after %v, %d dropped; want one dropped when it was old enough", took, dropped)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		if c.Acquire(ctx, addr(4), 1, drop) != nil {
			t.Error("entered after the context's end")
		}
	})
}

// However many of one machine wait, one of another is the next.
func TestLimiterWaitsFairly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		c := New(2, time.Second)
		var waiting sync.WaitGroup
		for range 100 {
			waiting.Go(func() { c.Acquire(ctx, addr(1), 1, func() {}) })
		}
		synctest.Wait()
		start := time.Now()
		leave := c.Acquire(ctx, addr(2), 1, func() { t.Error("dropped") })
		if took := time.Since(start); took != time.Second {
			t.Errorf("entered after %v, want as soon as the oldest of the other machine is old enough", took)
		}
		leave()
		cancel()
		waiting.Wait()
		if len(c.waiting) != 0 || c.weight > 2 {
			t.Errorf("%d machines wait, weight %d", len(c.waiting), c.weight)
		}
	})
}

// Those that are meant to last make room only for machines with fewer.
func TestTryAcquire(t *testing.T) {
	c := New(4, time.Hour)
	var dropped []string
	enter := func(host, n int) bool {
		return c.TryAcquire(addr(host), func() { dropped = append(dropped, fmt.Sprint(host, ".", n)) }) != nil
	}
	for n := range 5 {
		if got, want := enter(1, n), n < 4; got != want {
			t.Errorf("connection %d of one machine with room for 4: %v", n, got)
		}
	}
	for _, tt := range []struct {
		host, n int
		enters  bool
	}{
		{2, 0, true}, {2, 1, true}, // 1 has two left
		{2, 2, false}, {1, 5, false}, {3, 0, true}, // of 1 or of 2
		{3, 1, false}, {4, 0, true}, {5, 0, false},
	} {
		if got := enter(tt.host, tt.n); got != tt.enters {
			t.Errorf("%d.%d enters: %v", tt.host, tt.n, got)
		}
	}
	slices.Sort(dropped)
	if diff := cmp.Diff([]string{"1.1", "1.2", "1.3", "2.1"}, dropped); diff != "" {
		t.Errorf("the youngest were to be dropped (-want +got):\n%s", diff)
	}
	if c.weight != 4 || len(c.hosts) != 4 {
		t.Errorf("weight %d of %d hosts", c.weight, len(c.hosts))
	}
}

// One that has left is not there, however often it leaves, and those who wait
// come in.
func TestRelease(t *testing.T) {
	c := New(1, time.Hour)
	leave := c.TryAcquire(addr(1), func() { t.Error("dropped") })
	if c.TryAcquire(addr(2), func() {}) != nil {
		t.Error("two have room for one")
	}
	leave()
	leave()
	again := c.TryAcquire(addr(2), func() {})
	if again == nil {
		t.Fatal("no room though it has left")
	}
	leave()
	if c.weight != 1 {
		t.Errorf("weight %d of one", c.weight)
	}
	again()
	if c.weight != 0 || len(c.hosts) != 0 {
		t.Errorf("weight %d of %d hosts", c.weight, len(c.hosts))
	}
}

func TestHost(t *testing.T) {
	for _, tt := range []struct {
		addr net.Addr
		want string
	}{
		{addr(7), "192.0.2.7"},
		{&net.TCPAddr{IP: net.ParseIP("2001:db8::7"), Port: 1}, "2001:db8::7"},
		{&net.UnixAddr{Name: "/run/x", Net: "unix"}, "/run/x"},
	} {
		if got := Host(tt.addr); got != tt.want {
			t.Errorf("%v: %q", tt.addr, got)
		}
	}
}
