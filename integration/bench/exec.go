package bench

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"
)

// runProcess runs a program in dir, or in the present folder if dir is "", and returns how long
// it ran.
func runProcess(ctx context.Context, dir string, args ...string) (time.Duration, error) {
	_, took, err := outputOf(ctx, dir, nil, args...)
	return took, err
}

// outputOf does what runProcess does with additional environment variables, and returns the
// program's standard output, too.
func outputOf(ctx context.Context, dir string, env []string, args ...string) (string, time.Duration, error) {
	var stdout, stderr strings.Builder
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, &stdout, &stderr
	cmd.Env = append(os.Environ(), env...)
	cmd.WaitDelay = time.Second
	start := time.Now()
	err := cmd.Run()
	took := time.Since(start)
	if err != nil {
		text := strings.TrimSpace(stderr.String())
		if len(text) > 300 {
			text = "…" + text[len(text)-300:]
		}
		return stdout.String(), took, fmt.Errorf("%s: %w: %s", strings.Join(args[:min(len(args), 4)], " "), err, text)
	}
	return stdout.String(), took, nil
}
