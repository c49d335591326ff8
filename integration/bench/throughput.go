package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"github.com/sdnctl/sdnctl/integration/lab"
)

// throughput measures TCP by iperf3.
func (b *dataBed) throughput(ctx context.Context, e *Env, r *Report) error {
	if _, err := exec.LookPath("iperf3"); err != nil {
		return errors.New("TCP throughput: no iperf3; as root: integration/deps.sh bench")
	}
	port := 5200
	for range e.Pick(3, 1) {
		for _, p := range b.shuffled() {
			port++
			v, err := iperf(ctx, p, port, e.Pick(2, 1))
			if err != nil {
				return fmt.Errorf("iperf3 from %s to %s: %w", p.from.Name, p.to.Name, err)
			}
			p.mbits = append(p.mbits, v)
		}
	}
	b.compare(r, "TCP throughput, ", "Mbit/s", true, true, func(p *path) float64 {
		best := 0.0
		for _, v := range p.mbits {
			best = max(best, v)
		}
		return best
	})
	return nil
}

// iperf sends for some seconds, and returns how many Mbit/s arrived.
func iperf(ctx context.Context, p *path, port, seconds int) (_ float64, err error) {
	ctx, cancel := context.WithTimeout(ctx, time.Duration(seconds+10)*time.Second)
	defer cancel()
	server := p.to.Command(ctx, "iperf3", "-s", "-1", "-p", strconv.Itoa(port))
	if err := server.Start(); err != nil {
		return 0, err
	}
	defer func() {
		cancel()
		_ = server.Wait() // it ends with its client or is killed; the error does not matter
	}()
	address := net.JoinHostPort(p.to.IP.Addr().String(), strconv.Itoa(port))
	if err := lab.PollFor(ctx, 5*time.Second, "iperf3 to listen", func(context.Context) error {
		out, err := p.to.Exec(ctx, "ss", "-Hltn", "sport", "=", ":"+strconv.Itoa(port))
		if err == nil && strings.TrimSpace(out) == "" {
			err = errors.New("nobody listens at " + address)
		}
		return err
	}); err != nil {
		return 0, err
	}
	out, err := p.from.Exec(ctx, "iperf3", "-c", p.to.IP.Addr().String(), "-p", strconv.Itoa(port), "-t", strconv.Itoa(seconds), "-J")
	if err != nil {
		return 0, err
	}
	var result struct {
		End struct {
			Received struct {
				BitsPerSecond float64 `json:"bits_per_second"`
			} `json:"sum_received"`
		} `json:"end"`
	}
	if err := json.Unmarshal([]byte(out), &result); err != nil {
		return 0, err
	}
	return result.End.Received.BitsPerSecond / 1e6, nil
}
