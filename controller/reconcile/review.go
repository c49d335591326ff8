package reconcile

import (
	"context"
	"time"
)

// reviews regularly evaluates what changes with the time alone. The cost depends on what has
// changed, the ports that dropped packets, and the machines that were refused recently.
func (f *Fabric) reviews(ctx context.Context) error {
	tick := time.NewTicker(f.cfg.ReviewEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			f.post(timePassed{})
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// timePassed: it is time to evaluate what changes with the time alone.
type timePassed struct{}

func (timePassed) happen(d *dispatcher) {
	now := d.f.cfg.Now()
	ports, nodes := d.f.drops.Past()
	for _, port := range ports {
		d.assessPort(port)
	}
	for _, node := range nodes {
		d.assessSourcePorts(node)
	}
	d.f.board.Review(now)
	d.readdressed()
}
