package chaos

import (
	"cmp"
	"context"
	"errors"
	"net"
	"sync"
	"time"
)

// Dialer opens a connection.
type Dialer func(context.Context) (net.Conn, error)

// Dial returns a Dialer to one address.
func Dial(network, address string) Dialer {
	return func(ctx context.Context) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, network, address)
	}
}

// Config has the settings of a Proxy.
type Config struct {
	// Controller connects to the controller.
	Controller Dialer
	// Switch connects to the switch. It is needed without a Listener, and for
	// the faults Duplicate and Takeover.
	Switch Dialer
	// Listener accepts the switch's connections; nil to connect with Switch instead. The
	// proxy closes it.
	Listener net.Listener
	// Plan returns the faults of a connection by its number, from 0. A nil Plan is for no
	// faults. It is not called for the second connections of Duplicate and Takeover, which
	// have no faults.
	Plan func(conn int) []Fault
	// Observe, unless nil, is called concurrently with every message that is passed on.
	Observe func(Message)
	// Again is the pause before a switch is connected again; 0 for 1 ms. With a Listener the
	// switch determines it.
	Again time.Duration
}

// Proxy is a running proxy; New makes one.
type Proxy struct {
	cfg Config
	// running are goroutines that outlive the relay which started them.
	running sync.WaitGroup

	mu      sync.Mutex
	calm    bool                // guarded by mu
	conns   int                 // guarded by mu: connections begun
	live    map[*relay]struct{} // guarded by mu: connections that the switch has
	idle    chan bool           // has an element when live may be empty
	strikes []Strike            // guarded by mu
}

// Strike is a fault that happened.
type Strike struct {
	Conn int
	Fault
}

// New returns a proxy. The caller must call Run.
func New(cfg Config) *Proxy {
	cfg.Again = cmp.Or(cfg.Again, time.Millisecond)
	return &Proxy{cfg: cfg, live: map[*relay]struct{}{}, idle: make(chan bool, 1)}
}

// Run proxies until ctx ends. When it returns, all connections are closed and
// no goroutine is left.
func (p *Proxy) Run(ctx context.Context) {
	defer p.running.Wait()
	if p.cfg.Listener != nil {
		p.serve(ctx)
		return
	}
	for ctx.Err() == nil {
		if p.count() == 0 {
			_, _ = p.connect(ctx, p.plan()) // after an error the loop tries again
			wait(ctx, p.cfg.Again)
			continue
		}
		select {
		case <-p.idle:
		case <-ctx.Done():
		}
	}
}

// serve accepts the connections of switches.
func (p *Proxy) serve(ctx context.Context) {
	stop := context.AfterFunc(ctx, func() { p.cfg.Listener.Close() })
	defer stop()
	for {
		sw, err := p.cfg.Listener.Accept()
		if err != nil {
			return
		}
		ctl, err := p.cfg.Controller(ctx)
		if err != nil {
			sw.Close()
			continue
		}
		p.relay(ctx, sw, ctl, p.plan())
	}
}

// Calm prevents all further faults. It does not undo those that have occurred.
func (p *Proxy) Calm() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.calm = true
	for r := range p.live {
		r.clearFaults()
	}
}

// Storm allows faults again, for new connections.
func (p *Proxy) Storm() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.calm = false
}

// Harm adds a fault to the present connections. Its place counts from the next message of its
// direction.
func (p *Proxy) Harm(f Fault) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for r := range p.live {
		r.harm(f)
	}
}

// Strikes returns the faults that happened, in order.
func (p *Proxy) Strikes() []Strike {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]Strike(nil), p.strikes...)
}

// Conns returns how many connections have begun.
func (p *Proxy) Conns() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.conns
}

// plan returns the faults of the next connection.
func (p *Proxy) plan() []Fault {
	p.mu.Lock()
	n, calm := p.conns, p.calm
	p.mu.Unlock()
	if calm || p.cfg.Plan == nil {
		return nil
	}
	return p.cfg.Plan(n)
}

// connect opens a connection and starts to relay.
func (p *Proxy) connect(ctx context.Context, faults []Fault) (*relay, error) {
	if p.cfg.Switch == nil {
		return nil, errors.New("chaos: no way to connect to the switch is configured")
	}
	sw, err := p.cfg.Switch(ctx)
	if err != nil {
		return nil, err
	}
	ctl, err := p.cfg.Controller(ctx)
	if err != nil {
		sw.Close()
		return nil, err
	}
	return p.relay(ctx, sw, ctl, faults), nil
}

// relay starts to relay between two connections.
func (p *Proxy) relay(ctx context.Context, sw, ctl net.Conn, faults []Fault) *relay {
	p.mu.Lock()
	r := &relay{
		p: p, number: p.conns, faults: faults, sw: sw, ctl: ctl,
		handshaken: make(chan struct{}), lost: make(chan struct{}),
	}
	p.conns++
	p.live[r] = struct{}{}
	p.mu.Unlock()
	p.running.Go(func() {
		r.run(ctx)
		p.mu.Lock()
		delete(p.live, r)
		p.mu.Unlock()
		select {
		case p.idle <- true:
		default:
		}
	})
	return r
}

// again connects the switch a second time, and waits until its handshake is done.
func (p *Proxy) again(ctx context.Context) {
	r, err := p.connect(ctx, nil)
	if err != nil {
		return
	}
	t := time.NewTimer(settleTime)
	defer t.Stop()
	select {
	case <-r.handshaken:
	case <-r.lost:
	case <-t.C:
	case <-ctx.Done():
	}
}

func (p *Proxy) count() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.live)
}

func (p *Proxy) struck(conn int, f Fault) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.strikes = append(p.strikes, Strike{conn, f})
}

func (p *Proxy) observe(m Message) {
	if p.cfg.Observe != nil {
		p.cfg.Observe(m)
	}
}
