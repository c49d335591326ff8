package chaos

import (
	"bufio"
	"context"
	"io"
	"net"
	"sync"
	"time"
)

const (
	// drainTime is how long a switch may take to read what it was sent before
	// a cut, and to close its end.
	drainTime = 2 * time.Second
	// settleTime is how long a second connection may take to be shaken hands on.
	settleTime = time.Second
)

// relay is one connection, both halves of it.
type relay struct {
	p      *Proxy
	number int
	faults []Fault

	sw, ctl net.Conn
	// shaken is closed when the controller was told that the switch's first
	// barrier is done, which ends our handshake.
	shaken    chan struct{}
	shakeOnce sync.Once
	// lost is closed when the switch has closed its half.
	lost chan struct{}

	mu    sync.Mutex
	ended bool // guarded by mu: nothing is passed on any more
	mute  bool // guarded by mu: the controller's half stays open
}

// run passes messages on until the connection has ended, and closes both halves.
// It returns early, with the controller's half still open in a goroutine of the
// proxy, when the connection is half open.
func (r *relay) run(ctx context.Context) {
	stop := context.AfterFunc(ctx, func() {
		r.sw.Close()
		r.ctl.Close()
	})
	var pumps sync.WaitGroup
	pumps.Go(func() {
		defer close(r.lost)
		r.pump(ctx, ToController, r.sw, r.ctl)
		r.sw.Close()
		r.over(false)
	})
	done := make(chan struct{})
	r.p.running.Go(func() {
		defer close(done)
		r.pump(ctx, ToSwitch, r.ctl, r.sw)
		r.over(true)
	})
	pumps.Wait()
	if r.silent() {
		// The controller's half goes on alone.
		r.p.running.Go(func() {
			<-done
			r.ctl.Close()
			stop()
		})
		return
	}
	r.ctl.Close()
	<-done
	stop()
}

// pump passes messages on in one direction; it reads on, without passing on,
// when the connection has ended.
func (r *relay) pump(ctx context.Context, dir Direction, from, to net.Conn) {
	in := bufio.NewReaderSize(from, 64<<10)
	for at := 0; ; {
		b, err := readMessage(in)
		if err != nil {
			return
		}
		if counted(b[1]) {
			b = r.strike(ctx, dir, at, b)
			if !r.isOver() {
				r.p.observe(Message{Conn: r.number, Dir: dir, At: at, Type: b[1], Len: len(b)})
			}
			at++
		}
		if r.isOver() {
			continue
		}
		if _, err := to.Write(b); err != nil {
			r.over(dir == ToController)
			continue
		}
		if dir == ToController && b[1] == typeBarrierReply {
			r.shakeOnce.Do(func() { close(r.shaken) })
		}
	}
}

// strike does the faults at a place. It returns the message.
func (r *relay) strike(ctx context.Context, dir Direction, at int, b []byte) []byte {
	for _, f := range r.faults {
		if f.Dir != dir || f.At != at || r.isOver() {
			continue
		}
		r.p.struck(r.number, f)
		switch f.Kind {
		case Truncate:
			to := r.sw
			if dir == ToController {
				to = r.ctl
			}
			_, _ = to.Write(b[:len(b)/2]) // it may have gone already
			r.cut(dir, false)
		case Cut, Reset:
			r.cut(dir, f.Kind == Reset)
		case Delay:
			wait(ctx, f.Delay)
		case HalfOpen:
			r.mu.Lock()
			r.mute = true
			r.mu.Unlock()
			r.cut(dir, false)
		case Duplicate:
			r.p.again(ctx)
		case Takeover:
			r.p.again(ctx)
			r.cut(dir, false)
		}
	}
	return b
}

// cut ends the connection, called by the pump of the direction: first the
// switch's half, whose end it awaits, then the controller's.
func (r *relay) cut(dir Direction, reset bool) {
	r.mu.Lock()
	r.ended = true
	mute := r.mute
	r.mu.Unlock()
	r.endSwitch()
	if dir == ToController {
		_, _ = io.Copy(io.Discard, r.sw)
	} else {
		<-r.lost
	}
	r.sw.Close()
	if mute {
		return
	}
	if tcp, ok := r.ctl.(*net.TCPConn); ok && reset {
		_ = tcp.SetLinger(0)
	}
	r.ctl.Close()
}

// over notes that one half has ended by itself. If it was the controller's, the
// switch reads to the end what it was sent.
func (r *relay) over(byController bool) {
	r.mu.Lock()
	was := r.ended
	r.ended = true
	r.mu.Unlock()
	if byController && !was {
		r.endSwitch()
	}
}

// endSwitch tells the switch that no more comes, so that it closes its half.
func (r *relay) endSwitch() {
	if half, ok := r.sw.(interface{ CloseWrite() error }); !ok || half.CloseWrite() != nil {
		r.sw.Close()
	}
	_ = r.sw.SetReadDeadline(time.Now().Add(drainTime)) // fails only if closed
}

func (r *relay) isOver() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.ended
}

func (r *relay) silent() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.mute
}

func wait(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}
