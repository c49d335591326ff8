package lab

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"regexp"
	"strconv"
	"time"
)

// Reply is one answer to a ping.
type Reply struct {
	// Seq is the request's number, from 1.
	Seq int
	// TTL is the time to live of the received answer.
	TTL int
	// RTT is the round trip.
	RTT time.Duration
}

// Ping sends count echo requests, five a second, waits a second for the last
// answer and returns the answers. It is no error if there are none.
func (c *Container) Ping(ctx context.Context, to netip.Addr, count int) ([]Reply, error) {
	out, err := c.Exec(ctx, "ping", "-n", "-c", strconv.Itoa(count), "-i", "0.2", "-W", "1", to.String())
	var exit *ExitError
	if errors.As(err, &exit) && exit.Code == 1 {
		err = nil // ping fails if a request was not answered
	}
	return parseReplies(out), err
}

// parseReplies parses the output of ping.
func parseReplies(out string) []Reply {
	line := regexp.MustCompile(`(?m)icmp_seq=(\d+) ttl=(\d+) time=([\d.]+) ms$`)
	var replies []Reply
	for _, m := range line.FindAllStringSubmatch(out, -1) {
		// The expression admits digits only.
		seq, _ := strconv.Atoi(m[1])
		ttl, _ := strconv.Atoi(m[2])
		ms, _ := strconv.ParseFloat(m[3], 64)
		replies = append(replies, Reply{seq, ttl, time.Duration(ms * float64(time.Millisecond))})
	}
	return replies
}

// Reaches waits until an echo request is answered and returns the answer.
func (c *Container) Reaches(ctx context.Context, to netip.Addr) (Reply, error) {
	var got Reply
	what := fmt.Sprintf("%s (%s) to reach %s", c.Name, c.IP.Addr(), to)
	err := PollFor(ctx, 10*time.Second, what, func(ctx context.Context) error {
		replies, err := c.Ping(ctx, to, 1)
		if err == nil && len(replies) == 0 {
			err = errors.New("no answer")
		}
		if err == nil {
			got = replies[0]
		}
		return err
	})
	return got, err
}

// CheckMatrix does what CheckReach does for each pair of containers, in each family that both
// have.
func CheckMatrix(ctx context.Context, all []*Container, want func(from, to *Container) bool) error {
	var pairs []Reach
	for _, a := range all {
		for _, b := range all {
			for _, to := range a.Shared(b) {
				if a != b {
					pairs = append(pairs, Reach{From: a, To: to, Want: want(a, b)})
				}
			}
		}
	}
	return CheckReach(ctx, pairs)
}
