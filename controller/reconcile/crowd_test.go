package reconcile

import (
	"context"
	"fmt"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

func addr(host int) net.Addr {
	return &net.TCPAddr{IP: net.IPv4(192, 0, 2, byte(host)), Port: 1}
}

// Whoever has most makes room.
func TestCrowdDropsOfTheGreatest(t *testing.T) {
	c := newCrowd(4, 0)
	var dropped []string
	enter := func(host, n int) func() {
		return c.enter(t.Context(), addr(host), 1, func() { dropped = append(dropped, fmt.Sprint(host, ".", n)) })
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
	c.enter(t.Context(), addr(5), 100, func() {})
	if c.weight != 100 || len(c.hosts) != 1 {
		t.Errorf("weight %d of %d hosts", c.weight, len(c.hosts))
	}
}

// The young are safe; who would enter waits until one leaves, or is old enough,
// or the waiting ends.
func TestCrowdWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCrowd(2, time.Second)
		dropped := 0
		drop := func() { dropped++ }
		leave := c.enter(t.Context(), addr(1), 1, drop)
		c.enter(t.Context(), addr(1), 1, drop)
		start := time.Now()
		time.AfterFunc(300*time.Millisecond, leave)
		c.enter(t.Context(), addr(2), 1, drop)
		if took := time.Since(start); took != 300*time.Millisecond || dropped != 0 {
			t.Errorf("entered after %v, %d dropped; one left after 300 ms", took, dropped)
		}
		c.enter(t.Context(), addr(3), 1, drop)
		if took := time.Since(start); took < time.Second || dropped != 1 {
			t.Errorf("entered after %v, %d dropped; want one dropped when it was old enough", took, dropped)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		if c.enter(ctx, addr(4), 1, drop) != nil {
			t.Error("entered after the context's end")
		}
	})
}
