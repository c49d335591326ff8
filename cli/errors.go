package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"syscall"

	"github.com/sdnctl/sdnctl/cli/attach"
	"github.com/sdnctl/sdnctl/cli/membership"
	"github.com/sdnctl/sdnctl/cli/nodeconfig"
	"github.com/sdnctl/sdnctl/controller/api"
)

// The exit codes. "sdnctl help exit-codes" lists them.
const (
	ExitOK          = 0
	ExitFailure     = 1 // also: diff found a difference
	ExitUsage       = 2
	ExitNotFound    = 3
	ExitTimeout     = 4
	ExitConflict    = 5
	ExitInvalid     = 6
	ExitUnreachable = 7
	ExitDenied      = 8
	ExitNotReady    = 9
	ExitInterrupted = 130 // 128 + SIGINT, as shells have it
)

// A usageError is an invalid command line. The usage is printed after it.
type usageError struct{ error }

// Unwrap returns the cause.
func (e usageError) Unwrap() error { return e.error }

func usageErrorf(format string, args ...any) error {
	return usageError{fmt.Errorf(format, args...)}
}

// A codedError ends the program with a given exit code.
type codedError struct {
	code int
	error
}

// Unwrap returns the cause.
func (e codedError) Unwrap() error { return e.error }

// errDifferent is returned by diff when it has printed a difference. It has no message.
var errDifferent = errors.New("there are differences")

// errNotReady is returned by status --exit-code when it has printed a problem.
var errNotReady = errors.New("there are problems")

// exitCode is the one place that maps errors to exit codes.
func exitCode(err error) int {
	var (
		coded       codedError
		usage       usageError
		refused     *api.Error
		unreachable *api.UnreachableError
		files       fileErrors
		manifests   manifestError
		plugging    *attach.Error
		member      *membership.Error
		portsInUse  *nodeconfig.PortsInUseError
		otherBridge *nodeconfig.OtherBridgeError
	)
	switch {
	case err == nil:
		return ExitOK
	case errors.As(err, &coded):
		return coded.code
	case errors.As(err, &usage):
		return ExitUsage
	case errors.As(err, &refused):
		return refusedCode(refused.Code)
	case errors.As(err, &unreachable):
		return ExitUnreachable
	case errors.As(err, &manifests), errors.As(err, &files):
		return ExitInvalid
	case errors.As(err, &plugging):
		return attachCode(plugging.Code)
	case errors.As(err, &member):
		return membershipCode(member.Code)
	case errors.As(err, &portsInUse), errors.As(err, &otherBridge):
		return ExitConflict
	case errors.Is(err, context.Canceled):
		return ExitInterrupted
	case errors.Is(err, context.DeadlineExceeded):
		return ExitTimeout
	}
	return ExitFailure
}

// attachCode maps the error codes of attach.
func attachCode(code attach.Code) int {
	switch code {
	case attach.NotFound:
		return ExitNotFound
	case attach.Conflict:
		return ExitConflict
	case attach.Invalid:
		return ExitInvalid
	case attach.Denied:
		return ExitDenied
	case attach.Late:
		return ExitTimeout
	}
	return ExitFailure
}

// membershipCode maps the error codes of membership.
func membershipCode(code membership.Code) int {
	switch code {
	case membership.Invalid:
		return ExitUsage
	case membership.Conflict:
		return ExitConflict
	case membership.Unreachable:
		return ExitUnreachable
	case membership.Late:
		return ExitTimeout
	}
	return ExitFailure
}

// refusedCode maps the error codes of the API.
func refusedCode(code string) int {
	switch code {
	case api.CodeNotFound:
		return ExitNotFound
	case api.CodeExists, api.CodeConflict, api.CodeInUse, api.CodeExhausted, api.CodePrecondition:
		return ExitConflict
	case api.CodeInvalid, api.CodeMalformed, api.CodeTooLarge:
		return ExitInvalid
	case api.CodeUnauthenticated, api.CodeForbidden:
		return ExitDenied
	case api.CodeUnavailable, api.CodeTooMany:
		return ExitUnreachable
	}
	return ExitFailure
}

// explain returns an error's text for the user, with the remedy.
func explain(err error) string {
	var (
		unreachable *api.UnreachableError
		refused     *api.Error
		manifests   manifestError
	)
	switch {
	case errors.As(err, &manifests):
		return manifests.Error()
	case errors.As(err, &unreachable):
		return explainUnreachable(unreachable)
	case errors.As(err, &refused):
		return explainRefused(err, refused)
	case errors.Is(err, context.Canceled):
		return "interrupted"
	}
	return err.Error()
}

// explainRefused adds the remedy, which the daemon sends beside its message.
func explainRefused(err error, refused *api.Error) string {
	if len(refused.Errors) == 1 && refused.Errors[0].Fix != "" {
		if text := err.Error(); !strings.Contains(text, refused.Errors[0].Fix) {
			return text + " (" + refused.Errors[0].Fix + ")"
		}
	}
	return err.Error()
}

// explainUnreachable says why the daemon does not answer, and the remedy.
func explainUnreachable(e *api.UnreachableError) string {
	path, unix := strings.CutPrefix(e.Host, "unix://")
	elsewhere := "name another with --host or SDNCTL_HOST"
	switch {
	case e.MaybeDone:
		return fmt.Sprintf("the connection to sdnd at %s ended before it answered: %v\nthe change may have been made; 'sdnctl history' shows whether it was", e.Host, e.Err)
	case unix && errors.Is(e.Err, fs.ErrNotExist):
		return fmt.Sprintf("sdnd is not running here: there is no socket %s\nstart it with: systemctl start sdnd (or run: sdnd); or %s", path, elsewhere)
	case unix && errors.Is(e.Err, fs.ErrPermission):
		return fmt.Sprintf("you may not use sdnd's socket %s: permission denied\nuse sudo, or join the group that owns it (see: ls -l %s)", path, path)
	case unix && errors.Is(e.Err, syscall.ECONNREFUSED):
		return fmt.Sprintf("sdnd is not running: nothing answers at the socket %s, which an earlier sdnd left there\nstart it with: systemctl start sdnd (or run: sdnd); or %s", path, elsewhere)
	case errors.Is(e.Err, syscall.ECONNREFUSED):
		return fmt.Sprintf("sdnd does not answer at %s: connection refused\nit listens on TCP only when started with --api-listen; or %s", e.Host, elsewhere)
	}
	return fmt.Sprintf("sdnd does not answer at %s: %v\nis it running, and is that its address? else %s", e.Host, e.Err, elsewhere)
}
