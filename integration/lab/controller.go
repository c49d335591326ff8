package lab

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// Controller runs sdnd in the hub namespace, with its data, socket and log in
// the lab's directory.
type Controller struct {
	// Addr is the address at which switches reach sdnd.
	Addr netip.Addr
	// Addr6 is its IPv6 address; the zero Addr where the underlay has none.
	Addr6 netip.Addr
	// DataDir holds the daemon's data file.
	DataDir string
	// LogFile has the output of the daemon, of all its runs.
	LogFile string

	lab    *Lab
	socket string
	pid    string
}

func newController(l *Lab) *Controller {
	return &Controller{
		Addr:    underlayAddr(0),
		Addr6:   l.underlayAddr6(0),
		DataDir: filepath.Join(l.Dir, "sdnd"),
		LogFile: filepath.Join(l.Dir, "sdnd.log"),
		lab:     l,
		socket:  filepath.Join(l.Dir, "sdnd.sock"),
		pid:     filepath.Join(l.Dir, "sdnd.pid"),
	}
}

// Host returns the address of the daemon's API, for sdnctl's --host and SDNCTL_HOST.
func (c *Controller) Host() string { return "unix://" + c.socket }

// Command returns a command that runs on the controller's machine.
func (c *Controller) Command(ctx context.Context, args ...string) *exec.Cmd {
	return c.lab.command(ctx, append([]string{"ip", "netns", "exec", c.lab.netns("hub")}, args...)...)
}

// Exec runs a command on the controller's machine.
func (c *Controller) Exec(ctx context.Context, args ...string) (string, error) {
	return output(c.Command(ctx, args...))
}

// SDNCtl runs sdnctl on the controller's machine.
func (c *Controller) SDNCtl(ctx context.Context, args ...string) (string, error) {
	return c.Exec(ctx, append([]string{"sdnctl"}, args...)...)
}

// Apply applies objects in YAML.
func (c *Controller) Apply(ctx context.Context, yaml string, args ...string) (string, error) {
	cmd := c.Command(ctx, append([]string{"sdnctl", "apply", "-f", "-"}, args...)...)
	cmd.Stdin = strings.NewReader(yaml)
	return output(cmd)
}

// Start starts sdnd with extra flags and returns when it is ready.
func (c *Controller) Start(ctx context.Context, flags ...string) error {
	log, err := os.OpenFile(c.LogFile, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer log.Close() // the daemon has its own copy
	// The daemon does not use the caller's context, as it outlives the call and, in sdnlab,
	// also this process.
	args := append([]string{"sdnd",
		"--data", filepath.Join(c.DataDir, "sdnd.db"), "--api-socket", c.socket,
		// An empty configuration, so that the machine's /etc/sdnctl/sdnd.yaml is not read
		"--config", filepath.Join(c.DataDir, "sdnd.yaml"),
		// The network of the lab is isolated.
		"--insecure",
	}, flags...)
	if err := os.MkdirAll(c.DataDir, 0o700); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(c.DataDir, "sdnd.yaml"), []byte("{}\n"), 0o600); err != nil {
		return err
	}
	cmd := c.Command(context.WithoutCancel(ctx), args...)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		return err
	}
	// "ip netns exec" replaces itself by the daemon, which keeps the process id.
	pid := cmd.Process.Pid
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }() // reaps it, and ends with it
	if err := os.WriteFile(c.pid, fmt.Append(nil, pid), 0o600); err != nil {
		return err
	}
	return PollFor(ctx, 10*time.Second, "sdnd to be ready", func(ctx context.Context) error {
		select {
		case err := <-ended:
			ended <- err
			return fmt.Errorf("it ended (%v), see its log: %s", err, c.logTail())
		default:
			return c.Get(ctx, "/readyz", nil)
		}
	})
}

// logTail returns the last few lines of the daemon's log.
func (c *Controller) logTail() string {
	b, err := os.ReadFile(c.LogFile)
	if err != nil {
		return err.Error()
	}
	lines := strings.Split(strings.TrimSpace(string(b)), "\n")
	return strings.Join(lines[max(0, len(lines)-8):], "\n")
}

// Stop sends sig to sdnd and waits for its end.
func (c *Controller) Stop(ctx context.Context, sig syscall.Signal) error {
	pid, err := readPID(c.pid)
	if err != nil {
		return err
	}
	if !c.lab.owns(pid) {
		return fmt.Errorf("process %d is not this lab's sdnd: it has gone already; see %s", pid, c.LogFile)
	}
	if err := syscall.Kill(pid, sig); err != nil {
		return err
	}
	return awaitGone(ctx, pid, 15*time.Second)
}

// PID returns the daemon's process id.
func (c *Controller) PID() (int, error) { return readPID(c.pid) }

// Get reads one path of the API into out: a pointer to a JSON value, a *string for the text, or
// nil to discard the response.
func (c *Controller) Get(ctx context.Context, path string, out any) error {
	return c.Do(ctx, http.MethodGet, path, nil, out)
}

// Do sends one request to the API; body, if not nil, as JSON. A status other
// than 2xx is an error with the answer's text.
func (c *Controller) Do(ctx context.Context, method, path string, body, out any) error {
	var payload io.Reader
	switch b := body.(type) {
	case nil:
	case io.Reader:
		payload = b
	default:
		text, err := json.Marshal(b)
		if err != nil {
			return err
		}
		payload = strings.NewReader(string(text))
	}
	req, err := http.NewRequestWithContext(ctx, method, "http://sdnd"+path, payload)
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	transport := &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			var d net.Dialer
			return d.DialContext(ctx, "unix", c.socket)
		},
	}
	resp, err := (&http.Client{Transport: transport}).Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	if resp.StatusCode/100 != 2 {
		return &StatusError{Code: resp.StatusCode, Body: string(text)}
	}
	switch o := out.(type) {
	case nil:
		return nil
	case *string:
		*o = string(text)
		return nil
	}
	if err := json.Unmarshal(text, out); err != nil {
		return errors.Join(fmt.Errorf("%s %s: %w", method, path, err), errors.New(string(text)))
	}
	return nil
}

// StatusError is a response of the API with an error status.
type StatusError struct {
	// Code is the HTTP status.
	Code int
	// Body is the body of the response, usually application/problem+json.
	Body string
}

// Error returns the status and the answer.
func (e *StatusError) Error() string { return fmt.Sprintf("status %d: %s", e.Code, e.Body) }
