package integration

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/sdnctl/sdnctl/controller/api"
	"github.com/sdnctl/sdnctl/integration/lab"
)

// unbound waits until a port is not bound any more.
func (b *bed) unbound(port string) {
	b.t.Helper()
	b.must(lab.PollFor(b.ctx, 10*time.Second, "port "+port+" to be unbound", func(ctx context.Context) error {
		p, err := b.api.Port(ctx, port)
		if err == nil && p.Status.Bound {
			err = fmt.Errorf("bound on %q", p.Status.Node)
		}
		return err
	}))
	b.settle()
}

// awaitSwitches waits until that many switches are in quarantine.
func (b *bed) awaitSwitches(n int) []api.Switch {
	b.t.Helper()
	var got []api.Switch
	b.must(lab.PollFor(b.ctx, 10*time.Second, fmt.Sprintf("%d switches in quarantine", n), func(ctx context.Context) error {
		list, err := b.api.Switches(ctx)
		if err == nil && len(list.Items) != n {
			err = fmt.Errorf("there are %d: %+v", len(list.Items), list.Items)
		}
		got = list.Items
		return err
	}))
	return got
}

// runCommand runs a command that sdnd suggested, with a placeholder filled in.
func (b *bed) runCommand(command, placeholder, value string) {
	b.t.Helper()
	words := strings.Fields(strings.ReplaceAll(command, placeholder, value))
	if len(words) == 0 || words[0] != "sdnctl" || !strings.Contains(command, placeholder) {
		b.t.Fatalf("not a command with %s: %q", placeholder, command)
	}
	b.sdnctl(words[1:]...)
}

// awaitFrame waits until a sniffer has recorded a frame that found likes.
func (b *bed) awaitFrame(s *lab.Sniffer, what string, found func(lab.Frame) bool) {
	b.t.Helper()
	b.must(lab.PollFor(b.ctx, 5*time.Second, what, func(context.Context) error {
		if len(b.frames(s, found)) == 0 {
			return errors.New("not seen")
		}
		return nil
	}))
}
