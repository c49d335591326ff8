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

// Config is what all workers have in common. All but Extra and NoMonitor must be set.
type Config struct {
	// Logger receives what workers do and find.
	Logger *slog.Logger
	// Extra adds items to those of the pipeline; nil adds none.
	Extra pipeline.Extra
	// Fragments is how switches must treat IP fragments.
	Fragments uint16
	// NoMonitor does not ask switches to tell of changes by others, and relies on
	// audits.
	NoMonitor bool
	// AnswerTimeout is how long a switch may take to tell a part of its flows, or
	// to confirm a bundle, beside 1 ms for each flow of it.
	AnswerTimeout time.Duration
	// RetryAfter is how long a switch that refused its flows is left alone
	// before it is tried again; it doubles up to 30 times that.
	RetryAfter time.Duration
	// AuditEvery is about how often a switch is compared as a whole that cannot
	// tell of changes by others; one that can is compared a tenth as often.
	AuditEvery time.Duration
	// DropsEvery is how often switches are asked whether ports sent what they may
	// not.
	DropsEvery time.Duration
	// Now is the clock for what people see.
	Now func() time.Time
}

// Pool makes workers, and bounds the memory that they take together.
type Pool struct {
	cfg     Config
	metrics *metrics
	// slots bounds the switches whose whole table is held in memory at a
	// time, when a thousand connect at once.
	slots      chan struct{}
	workspaces sync.Pool // of *workspace
}

// NewPool makes a Pool, whose metrics it registers unless reg is nil.
func NewPool(cfg Config, reg prometheus.Registerer) *Pool {
	p := &Pool{cfg: cfg, metrics: newMetrics(reg), slots: make(chan struct{}, 4*runtime.GOMAXPROCS(0))}
	p.workspaces.New = func() any { return newWorkspace(cfg.Extra) }
	return p
}

// slotTime is how long a switch may keep others from being compared: one that
// takes its flows more slowly than that holds up nobody else.
const slotTime = 2 * time.Second

// slot waits for leave to hold the table of a switch in memory. The
// caller must call release when it has done.
func (p *Pool) slot(ctx context.Context) (release func(), err error) {
	select {
	case p.slots <- struct{}{}:
		return p.freeSlot(), nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// trySlot is slot without waiting: release is nil if there is none.
func (p *Pool) trySlot() (release func()) {
	select {
	case p.slots <- struct{}{}:
		return p.freeSlot()
	default:
		return nil
	}
}

// freeSlot returns what gives a slot back, which it does by itself in a while.
func (p *Pool) freeSlot() (release func()) {
	free := sync.OnceFunc(func() { <-p.slots })
	timer := time.AfterFunc(slotTime, free)
	return func() {
		timer.Stop()
		free()
	}
}
