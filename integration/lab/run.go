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

// ExitError is the error of a command that ran and failed.
type ExitError struct {
	// Args is the command with its arguments.
	Args []string
	// Stdout and Stderr are its output.
	Stdout, Stderr string
	// Code is its exit code, -1 if a signal ended it.
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

// output runs cmd and returns its standard output, even if it fails. The error of a failed
// command is an *ExitError.
func output(cmd *exec.Cmd) (string, error) {
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	// The command is not in the terminal's foreground process group. Ctrl-C is for the
	// caller, which ends its commands.
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

// command returns a command of the machine with the lab's environment.
func (l *Lab) command(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Env = l.environ()
	// A child that keeps a pipe open must not delay the end of the command.
	cmd.WaitDelay = 2 * time.Second
	return cmd
}
