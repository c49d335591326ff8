package bench

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/sdnctl/sdnctl/controller/api"
	"github.com/sdnctl/sdnctl/topology/model"
)

// dnsperfRate is how many questions a second dnsperf asks: less than the 500 that a port's meter lets pass.
const dnsperfRate = 400

// dnsperf measures how long a container of a real node waits for an answer, by what others measure name servers with.
func dnsperf(ctx context.Context, e *Env, r *Report) (err error) {
	if _, err := exec.LookPath("dnsperf"); err != nil {
		return errors.New("no dnsperf; as root: integration/deps.sh bench")
	}
	b, err := newDaemonBed(ctx, e, 1)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.stop()) }()
	var req api.ApplyRequest
	err = errors.Join(add(&req, "n", model.NetworkSpec{CIDR: netip.MustParsePrefix("10.64.0.0/16"), DNS: model.DNS{Enabled: true}}),
		add(&req, "asker", model.PortSpec{Network: "n"}))
	if err != nil {
		return err
	}
	if err := b.apply(ctx, req); err != nil {
		return err
	}
	asker, err := b.plugContainer(ctx, "asker", "node1", true)
	if err != nil {
		return err
	}
	questions := filepath.Join(b.Dir, "questions")
	if err := os.WriteFile(questions, []byte("asker.n.internal A\nasker.n.internal AAAA\nmissing.n.internal A\n"), 0o644); err != nil {
		return err
	}
	seconds := e.Pick(10, 2)
	out, err := asker.Exec(ctx, "dnsperf", "-s", "10.64.0.1", "-d", questions, "-Q", strconv.Itoa(dnsperfRate), "-l", strconv.Itoa(seconds), "-t", "1", "-v")
	if err != nil {
		return err
	}
	took, lost, err := dnsperfTimes(out)
	if err != nil {
		return err
	}
	r.Add(Line{
		Name: fmt.Sprintf("%d questions a second: p99", dnsperfRate), Unit: "ms", Goal: AtMost(2),
		Ours: Value(took.at(0.99, time.Millisecond)).With("p50 %s, most %s; %s of %s without an answer", number(took.at(0.5, time.Millisecond)),
			number(took.at(1, time.Millisecond)), lost, number(float64(len(took)))),
		Note: fmt.Sprintf("%d s, a third each with an address, with none of the family asked for, and of no such name. A port's meter lets 500 a second pass.", seconds),
	})
	return nil
}

// dnsperfAnswer is a line of dnsperf -v: the response code, the name, the type, and how long the answer took.
var dnsperfAnswer = regexp.MustCompile(`^> (\w+) \S+ \w+ ([0-9.]+)$`)

// dnsperfTimes reads from the output of dnsperf -v how long each answer took, and how many questions had none.
func dnsperfTimes(out string) (took samples, lost string, err error) {
	for line := range strings.Lines(out) {
		m := dnsperfAnswer.FindStringSubmatch(strings.TrimSpace(line))
		if m == nil {
			continue
		}
		if m[1] != "NOERROR" && m[1] != "NXDOMAIN" {
			return nil, "", fmt.Errorf("dnsperf: %s", line)
		}
		seconds, err := strconv.ParseFloat(m[2], 64)
		if err != nil {
			return nil, "", fmt.Errorf("dnsperf: %q: %w", line, err)
		}
		took = append(took, time.Duration(seconds*float64(time.Second)))
	}
	if len(took) == 0 {
		return nil, "", fmt.Errorf("dnsperf: no answer in %q", out[:min(len(out), 200)])
	}
	lost, err = field(out, `Queries lost:\s+(\d+)`)
	return took, lost, err
}
