package bench

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"time"
)

// ofnetLimit is the time limit of one run of the ofnet program.
const ofnetLimit = 20 * time.Second

// ofnet installs flows with the program of the nested module, and returns the time that the
// program reports.
func ofnet(ctx context.Context, e *Env, socket, mods string) (time.Duration, error) {
	program, err := e.program("ofnetbench")
	if err != nil {
		return 0, err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, ofnetLimit, fmt.Errorf("took longer than %v", ofnetLimit))
	defer cancel()
	var stderr strings.Builder
	cmd := exec.CommandContext(ctx, program, socket, mods)
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		lines := strings.Split(strings.TrimSpace(stderr.String()), "\n")
		return 0, errors.Join(context.Cause(ctx), fmt.Errorf("%w: %s", err, lines[len(lines)-1]))
	}
	return time.ParseDuration(strings.TrimSpace(string(out)))
}
