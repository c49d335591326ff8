package attach

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// netnsDir is the folder of named namespaces (ip-netns(8)).
const netnsDir = "/run/netns"

// Namespaces returns the names of this machine's network namespaces.
func Namespaces() []string {
	entries, err := os.ReadDir(netnsDir)
	if err != nil {
		return nil // "ip netns add" creates the folder
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

// target is a Target with its open namespace, which the caller must close.
type target struct {
	Target
	ns    Namespace
	whose string // describes the target, such as "container web"
}

// target finds the target of a request, and sets the port's name if the request has none.
func (n Node) target(ctx context.Context, r *Request) (target, error) {
	t, path, name, err := n.find(ctx, *r)
	if err != nil {
		return target{}, err
	}
	ns, err := n.Kernel.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return target{}, fault(NotFound, "list namespaces with: ip netns; processes with: ps", "there is no %s", t.Describe())
	}
	if err != nil {
		return target{}, err
	}
	if err := n.same(ctx, *r, t, path, ns); err != nil {
		return target{}, errors.Join(err, ns.Close())
	}
	if r.Port == "" {
		r.Port = PortName(name, r.Interface)
	}
	whose := t.Describe()
	if t.Kind == Docker {
		whose = "container " + name
	}
	return target{t, ns, whose}, nil
}

// find returns the target of a request, the file of its namespace, and its name.
func (n Node) find(ctx context.Context, r Request) (t Target, path, name string, err error) {
	switch {
	case r.Netns != "" && strings.Contains(r.Netns, "/"):
		return targetOf(r.Netns), r.Netns, r.Name, nil
	case r.Netns != "":
		return Target{Netns, r.Netns}, filepath.Join(netnsDir, r.Netns), r.Name, nil
	case r.PID != 0:
		return Target{PID, strconv.Itoa(r.PID)}, processNamespace(r.PID), r.Name, nil
	}
	c, err := n.container(ctx, r.Name)
	if err != nil {
		return Target{}, "", "", err
	}
	if c.PID == 0 {
		return Target{}, "", "", fault(Failed, "start it with: docker start "+c.Name, "container %s is not running", c.Name)
	}
	return Target{Docker, c.ID}, processNamespace(c.PID), c.Name, nil
}

// targetOf returns the target for the path of a namespace: a process, if the path is that of
// one in /proc (proc(5)); the name of a namespace, if the path is in a folder such as
// /run/netns; otherwise the whole path, because files in different folders may have the same
// name.
func targetOf(path string) Target {
	path = filepath.Clean(path)
	if rest, ok := strings.CutPrefix(path, "/proc/"); ok && strings.HasSuffix(path, "/ns/net") {
		pid, _, _ := strings.Cut(rest, "/")
		if _, err := strconv.Atoi(pid); err == nil {
			return Target{PID, pid}
		}
	}
	if filepath.Base(filepath.Dir(path)) == filepath.Base(netnsDir) {
		return Target{Netns, filepath.Base(path)}
	}
	return Target{Netns, path}
}

// container looks a container up by its name or id.
func (n Node) container(ctx context.Context, name string) (Container, error) {
	if n.Containers == nil {
		return Container{}, fault(Failed, "give its network namespace instead", "container %s cannot be looked up: no container engine is configured", name)
	}
	return n.Containers.Container(ctx, name)
}

// processNamespace returns the path of a process's network namespace (proc(5)).
func processNamespace(pid int) string { return fmt.Sprintf("/proc/%d/ns/net", pid) }

// same returns an error if the open namespace is not, or no longer, that of the request. The
// process may have ended since it was found, and another process may have its id.
func (n Node) same(ctx context.Context, r Request, t Target, path string, ns Namespace) error {
	if ns.Own() {
		return fault(Conflict, "a container needs a network namespace of its own: start it with --network none",
			"%s is in the network namespace of the machine itself", t.Describe())
	}
	if t.Kind != Docker {
		return nil
	}
	again, still, _, err := n.find(ctx, r)
	if err != nil {
		return err
	}
	if again != t || still != path {
		return fault(Failed, "try again", "%s was restarted just now", t.Describe())
	}
	return nil
}

// gone reports whether a target no longer exists and cannot come back. A stopped container
// is not gone: it may be started again. For a namespace or process the caller must already
// know that nothing is attached to it.
func (n Node) gone(ctx context.Context, t Target) (bool, error) {
	if t.Kind != Docker {
		return true, nil
	}
	_, err := n.container(ctx, t.ID)
	var e *Error
	if errors.As(err, &e) && e.Code == NotFound {
		return true, nil
	}
	return false, err
}
