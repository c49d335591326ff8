package attach

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// DockerHost is the address of dockerd unless DOCKER_HOST is set.
const DockerHost = "unix:///var/run/docker.sock"

// dockerTimeout is the time limit of one request to dockerd.
const dockerTimeout = 10 * time.Second

// Container has the properties of a container that attach needs.
type Container struct {
	// ID is the full id; Name has no leading slash, unlike in Docker's API.
	ID, Name string
	// PID is its first process, 0 while it does not run.
	PID int
	// Network is the network mode that it was started with: "none", "host", "bridge" or
	// the name of a network.
	Network string
}

// Containers looks up containers of this machine.
type Containers interface {
	// Container returns a container by its name or id, or by the beginning of
	// its id. If it does not exist, the error is an *Error with NotFound.
	Container(ctx context.Context, name string) (Container, error)
}

// docker is the Docker daemon of this machine.
type docker struct {
	host   string
	client *http.Client
}

// NewDocker returns the containers of the Docker daemon at host, which is
// "unix:///path" as in DOCKER_HOST; "" is DockerHost. Podman's API works, too.
func NewDocker(host string) (Containers, error) {
	if host == "" {
		host = DockerHost
	}
	path, ok := strings.CutPrefix(host, "unix://")
	if !ok || path == "" {
		return nil, fault(Failed, "run this on the machine where the container runs, with DOCKER_HOST=unix:///path or without it",
			"DOCKER_HOST is %q, which is not a socket of this machine", host)
	}
	transport := &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "unix", path)
	}}
	return &docker{host, &http.Client{Transport: transport, Timeout: dockerTimeout}}, nil
}

// Container implements Containers, by "GET /containers/NAME/json" (Docker Engine API,
// ContainerInspect).
func (d *docker) Container(ctx context.Context, name string) (Container, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://docker/containers/"+url.PathEscape(name)+"/json", nil)
	if err != nil {
		return Container{}, err
	}
	resp, err := d.client.Do(req)
	if err != nil {
		return Container{}, d.unreachable(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 16<<20))
	if err != nil {
		return Container{}, d.unreachable(err)
	}
	switch resp.StatusCode {
	case http.StatusOK:
	case http.StatusNotFound:
		return Container{}, fault(NotFound, "list the containers with: docker ps --all (or give a namespace with --netns, or a process with --pid)",
			"there is no container %s on this machine", name)
	default:
		return Container{}, fmt.Errorf("docker at %s: %s: %.300s", d.host, resp.Status, body)
	}
	var answer struct {
		ID    string `json:"Id"`
		Name  string
		State struct {
			Running bool
			Pid     int
		}
		HostConfig struct{ NetworkMode string }
	}
	if err := json.Unmarshal(body, &answer); err != nil {
		return Container{}, fmt.Errorf("docker at %s: %w", d.host, err)
	}
	c := Container{ID: answer.ID, Name: strings.TrimPrefix(answer.Name, "/"), Network: answer.HostConfig.NetworkMode}
	if answer.State.Running {
		c.PID = answer.State.Pid
	}
	return c, nil
}

// unreachable returns the error for a Docker daemon that does not answer.
func (d *docker) unreachable(err error) error {
	var ue *url.Error
	if errors.As(err, &ue) {
		err = ue.Err
	}
	e := fault(Failed, "start it with: systemctl start docker (or set DOCKER_HOST, or give a namespace with --netns or a process with --pid)",
		"Docker does not answer at %s", d.host)
	if errors.Is(err, fs.ErrPermission) {
		e.Code, e.Fix = Denied, "run this as root, for example with sudo"
	}
	e.Err = err
	return e
}
