package worker

import (
	"context"
	"log/slog"
	"runtime"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/sdnctl/sdnctl/controller/pipeline"
)

// Config has the settings that all workers share. All but Extra and NoMonitor must be set.
type Config struct {
	// Logger receives what workers do and find.
	Logger *slog.Logger
	// Extra adds items to those of the pipeline; nil adds none.
	Extra pipeline.Extra
	// Fragments is the mode for IP fragments that switches must have.
	Fragments uint16
	// NoMonitor does not ask switches to report changes by others; only audits find them.
	NoMonitor bool
	// AnswerTimeout is how long a switch may take to answer a request for flows, or to
	// confirm a bundle, plus 1 ms for each flow.
	AnswerTimeout time.Duration
	// RetryAfter is the pause before a worker tries again after a switch refused its
	// flows; each further failure doubles it, up to 30 times RetryAfter.
	RetryAfter time.Duration
	// AuditEvery is the approximate interval at which a switch that cannot report changes
	// by others is compared as a whole; other switches are compared a tenth as often.
	AuditEvery time.Duration
	// DropsEvery is the interval at which the counters of drops are read.
	DropsEvery time.Duration
	// Now is the clock for the times that users see.
	Now func() time.Time
}

// Pool makes workers, and bounds the memory that they use together.
type Pool struct {
	cfg     Config
	metrics *metrics
	// slots bounds the number of switches whose whole table is in memory at the same time, such
	// as when a thousand connect at once.
	slots      chan struct{}
	workspaces sync.Pool // of *workspace
}

// NewPool makes a Pool, whose metrics it registers unless reg is nil.
func NewPool(cfg Config, reg prometheus.Registerer) *Pool {
	p := &Pool{cfg: cfg, metrics: newMetrics(reg), slots: make(chan struct{}, 4*runtime.GOMAXPROCS(0))}
	p.workspaces.New = func() any { return newWorkspace(cfg.Extra) }
	return p
}

// slotTime is the longest time for which one switch keeps others from being compared, however
// slowly it accepts its flows.
const slotTime = 2 * time.Second

// slot waits for a slot, which allows the caller to hold the table of a switch in memory. The
// caller must call release at the end.
func (p *Pool) slot(ctx context.Context) (release func(), err error) {
	select {
	case p.slots <- struct{}{}:
		return p.freeSlot(), nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// trySlot does what slot does without waiting: release is nil if no slot is free.
func (p *Pool) trySlot() (release func()) {
	select {
	case p.slots <- struct{}{}:
		return p.freeSlot()
	default:
		return nil
	}
}

// freeSlot returns a function that frees a slot. The slot is freed after slotTime in any case.
func (p *Pool) freeSlot() (release func()) {
	free := sync.OnceFunc(func() { <-p.slots })
	timer := time.AfterFunc(slotTime, free)
	return func() {
		timer.Stop()
		free()
	}
}
