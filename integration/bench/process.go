package bench

import (
	"context"
	"errors"
	"time"
)

// portProcess measures adding a port with a process of sdnctl, as people and scripts do.
func portProcess(ctx context.Context, e *Env, r *Report) (err error) {
	b, err := newPortBed(ctx, e, "stretched")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.stop()) }()
	sdnctl, err := e.program("sdnctl")
	if err != nil {
		return err
	}
	var ours, nothing samples
	for range e.Pick(100, 10) {
		// Without "ip netns exec", as for OVN's program.
		took, err := runProcess(ctx, "", sdnctl, "--host", b.Controller.Host(), "port", "create", "extra", "--network", "n", "--node", "node1", "--wait")
		if err != nil {
			return err
		}
		ours = append(ours, took)
		if _, err := runProcess(ctx, "", sdnctl, "--host", b.Controller.Host(), "port", "delete", "extra", "--wait"); err != nil {
			return err
		}
		if took, err = runProcess(ctx, "", "/bin/true"); err != nil {
			return err
		}
		nothing = append(nothing, took)
	}
	r.Add(Line{
		Name: "sdnctl port create --wait, the whole process", Unit: "ms",
		Ours: ours.p50(time.Millisecond), Goal: AtMost(10),
		Baseline: "ovn-nbctl --wait=hv lsp-add, the whole process", Theirs: e.ovnFigures(ctx).process(0),
	})
	r.Add(Line{Name: "starting /bin/true, which is in the line above", Unit: "ms", Ours: nothing.p50(time.Millisecond)})
	return nil
}
