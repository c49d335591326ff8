package ovstest

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/sdnctl/sdnctl/integration/lab"
)

// Lab brings up a lab of nodes for a test, and takes it down when the test ends. It skips the
// test, with the reason, where the machine cannot have one.
func Lab(tb testing.TB, nodes int) *lab.Lab {
	tb.Helper()
	if why := lab.Missing(); len(why) > 0 {
		tb.Skipf("no lab here: %s", strings.Join(why, "; "))
	}
	l, err := lab.Up(tb.Context(), lab.Options{Nodes: nodes})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		defer cancel()
		if err := l.Down(ctx); err != nil {
			tb.Error(err)
		}
	})
	return l
}
