package chaos

import (
	"bufio"
	"context"
	"io"
	"net"
	"slices"
	"sync"
	"time"
)

const (
	// drainTime is how long a switch may take, after a cut, to read the messages sent before
	// it and to close its end.
	drainTime = 2 * time.Second
	// settleTime is how long the handshake of a second connection may take.
	settleTime = time.Second
)

// relay is one connection: the half to the switch and the half to the controller.
type relay struct {
	p      *Proxy
	number int

	sw, ctl net.Conn
	// handshaken is closed when the controller has received the switch's first barrier
	// reply, which ends sdnd's handshake.
	handshaken chan struct{}
	shakeOnce  sync.Once
	// lost is closed when the switch has closed its half.
	lost chan struct{}

	mu     sync.Mutex
	faults []Fault // guarded by mu: faults that have not occurred yet
	at     [2]int  // guarded by mu: number of messages so far, by direction
	ended  bool    // guarded by mu: no messages are passed on any more
	mute   bool    // guarded by mu: the controller's half stays open
}

// harm adds a fault, whose place counts from the next message.
func (r *relay) harm(f Fault) {
	r.mu.Lock()
	defer r.mu.Unlock()
	f.At += r.at[f.Dir]
	r.faults = append(r.faults, f)
}

// clearFaults removes the faults that have not occurred yet.
func (r *relay) clearFaults() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.faults = nil
}

// due returns the faults at the place of the next message of a direction, and advances to the
// place after it.
func (r *relay) due(dir Direction) (at int, faults []Fault) {
	r.mu.Lock()
	defer r.mu.Unlock()
	at = r.at[dir]
	r.at[dir]++
	r.faults = slices.DeleteFunc(r.faults, func(f Fault) bool {
		now := f.Dir == dir && f.At == at
		if now {
			faults = append(faults, f)
		}
		return now
	})
	return at, faults
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
		// The controller's half continues alone.
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

// pump passes messages on in one direction. When the connection has ended, it continues to
// read, and discards the messages.
func (r *relay) pump(ctx context.Context, dir Direction, from, to net.Conn) {
	in := bufio.NewReaderSize(from, 64<<10)
	for {
		b, err := readMessage(in)
		if err != nil {
			return
		}
		if counted(b[1]) {
			at := r.strike(ctx, dir, b)
			if !r.isOver() {
				r.p.observe(Message{Conn: r.number, Dir: dir, At: at, Type: b[1], Len: len(b)})
			}
		}
		if r.isOver() {
			continue
		}
		if _, err := to.Write(b); err != nil {
			r.over(dir == ToController)
			continue
		}
		if dir == ToController && b[1] == typeBarrierReply {
			r.shakeOnce.Do(func() { close(r.handshaken) })
		}
	}
}

// strike carries out the faults that are due before a message, and returns the message's place.
func (r *relay) strike(ctx context.Context, dir Direction, b []byte) (at int) {
	at, faults := r.due(dir)
	for _, f := range faults {
		if r.isOver() {
			break
		}
		r.p.struck(r.number, f)
		switch f.Kind {
		case Truncate:
			to := r.sw
			if dir == ToController {
				to = r.ctl
			}
			_, _ = to.Write(b[:len(b)/2]) // the connection may be closed already
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
	return at
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

// over records that one half has ended by itself. If it was the controller's, the switch still
// reads the messages that were sent to it.
func (r *relay) over(byController bool) {
	r.mu.Lock()
	was := r.ended
	r.ended = true
	r.mu.Unlock()
	if byController && !was {
		r.endSwitch()
	}
}

// endSwitch closes the write side of the switch's half, so that the switch closes its end.
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
