package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/sdnctl/sdnctl/integration/lab"
)

// usage is what sdnd uses of the machine's resources.
type usage struct {
	goroutines int
	memory     int64 // resident, in bytes
}

func (s *soak) usage(ctx context.Context) (u usage, err error) {
	var text string
	if err := s.lab.Controller.Get(ctx, "/metrics", &text); err != nil {
		return u, err
	}
	for line := range strings.Lines(text) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), " ")
		v, _ := strconv.ParseFloat(value, 64) // of others: zero, and not looked at
		switch name {
		case "go_goroutines":
			u.goroutines = int(v)
		case "process_resident_memory_bytes":
			u.memory = int64(v)
		}
	}
	if u.goroutines == 0 || u.memory == 0 {
		err = errors.New("the metrics tell neither goroutines nor memory")
	}
	return u, err
}

// returned waits until sdnd uses no more than at first, except for what a Go program does not
// return at once, and the 64 MB of garbage that sdnd lets lie.
func (s *soak) returned(ctx context.Context) error {
	const slack, extra = 6, 128 << 20
	return lab.PollFor(ctx, settleTimeout, "goroutines and memory to return to base", func(ctx context.Context) error {
		s.api.Close() // each connection costs sdnd a goroutine
		u, err := s.usage(ctx)
		if err != nil {
			return err
		}
		s.now = u
		s.most.goroutines = max(s.most.goroutines, u.goroutines)
		s.most.memory = max(s.most.memory, u.memory)
		if s.base.goroutines > 0 && (u.goroutines > s.base.goroutines+slack || u.memory > s.base.memory+extra) {
			return fmt.Errorf("%d goroutines and %d MB, %d and %d at first", u.goroutines, u.memory>>20, s.base.goroutines, s.base.memory>>20)
		}
		return nil
	})
}
