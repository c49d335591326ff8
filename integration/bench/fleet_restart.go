package bench

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// fleetRestart kills the daemon of a fleet that is in sync, starts it again, and
// draws the share of nodes that are in sync.
func fleetRestart(ctx context.Context, e *Env, r *Report) (err error) {
	f, err := newFleet(e, e.Pick(1000, 50), 10)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.close()) }()
	if err := f.load(ctx, f.segmented(f.ports)); err != nil {
		return err
	}
	if err := f.startSim(); err != nil {
		return err
	}
	started, err := f.startDaemon()
	if err != nil {
		return err
	}
	if _, err := f.awaitSync(ctx, started, nil); err != nil {
		return err
	}
	killed := time.Now()
	curve := []point{{0, 100}}
	if err := f.sdnd.stop(syscall.SIGKILL); err != nil {
		return err
	}
	if _, err := f.startDaemon(); err != nil {
		return err
	}
	took, err := f.awaitSync(ctx, killed, func(at time.Duration, n int) {
		curve = append(curve, point{at.Seconds(), 100 * float64(n) / float64(f.nodes)})
	})
	if err != nil {
		return err
	}
	note := ""
	if !e.Short {
		note = "docs/img/restart-1000.svg"
		if err := f.draw(note, curve); err != nil {
			return err
		}
	}
	half := took.Seconds()
	for _, p := range curve[1:] {
		if p.y >= 50 {
			half = p.x
			break
		}
	}
	r.Add(Line{Name: fmt.Sprintf("kill -9 and start again, %d sessions: all in sync", f.nodes), Unit: "s", Note: note,
		Ours: Value(took.Seconds()).With("half of them after %.2f; no flow-mod is sent and packets are forwarded all the time", half)})
	return nil
}

func (f *fleet) draw(file string, curve []point) error {
	path := filepath.Join(f.env.Root, file)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	c := chart{
		title: fmt.Sprintf("Nodes in sync after kill -9 and restart of sdnd, %d simulated switches", f.nodes),
		x:     "seconds since the kill", y: "% of nodes", points: curve,
	}
	return os.WriteFile(path, c.svg(), 0o644)
}
