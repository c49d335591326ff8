package lab

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// ExitError is a command that ran and failed.
type ExitError struct {
	// Args is the command as it was run.
	Args []string
	// Stdout and Stderr are what it printed.
	Stdout, Stderr string
	// Code is its exit code, -1 when a signal ended it.
	Code int
}

// Error says which command failed, how, and what it printed.
func (e *ExitError) Error() string {
	out := strings.TrimSpace(e.Stderr)
	if out == "" {
		out = strings.TrimSpace(e.Stdout)
	}
	return fmt.Sprintf("%s: exit %d: %s", strings.Join(e.Args, " "), e.Code, out)
}

// output runs cmd to its end and returns what it printed on stdout, also when
// it failed. A failure of the command is an *ExitError.
func output(cmd *exec.Cmd) (string, error) {
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	// Not in the terminal's foreground: its Ctrl-C is for the caller, who ends
	// what it has begun.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	err := cmd.Run()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return stdout.String(), &ExitError{cmd.Args, stdout.String(), stderr.String(), exit.ExitCode()}
	}
	if err != nil {
		return stdout.String(), fmt.Errorf("%s: %w", strings.Join(cmd.Args, " "), err)
	}
	return stdout.String(), nil
}

// run runs a command of the machine, outside all of the lab's namespaces.
func (l *Lab) run(ctx context.Context, args ...string) (string, error) {
	return output(l.command(ctx, args...))
}

// command prepares a command of the machine with the lab's environment.
func (l *Lab) command(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Env = l.environ()
	// A child that keeps a pipe open must not hold up the end of the context.
	cmd.WaitDelay = 2 * time.Second
	return cmd
}
