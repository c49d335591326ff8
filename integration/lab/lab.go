package lab

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// prefix is the prefix of all names that a lab creates on the machine.
const prefix = "sdnlab-"

// ownerVar is the environment variable that marks a lab's processes.
const ownerVar = "SDNLAB_OWNER"

// Options are the settings of a lab.
type Options struct {
	// Nodes is the number of nodes, 1..200; they are called node1, node2, ….
	Nodes int
	// BinDir holds sdnd and sdnctl. It goes first in the PATH of every command
	// run in the lab. "" is for a lab without a controller.
	BinDir string
	// IPv6 gives nodes and the controller an IPv6 address on the underlay beside
	// the IPv4 one.
	IPv6 bool
}

// Lab is a running test bed. Its methods may be called concurrently, except
// Down with any other.
type Lab struct {
	// ID identifies this lab among those of the machine.
	ID string
	// Dir holds the lab's files: databases, logs, sockets, state.
	Dir string
	// Nodes in order: node1 first.
	Nodes []*Node
	// Controller runs sdnd and sdnctl in the hub.
	Controller *Controller

	binDir string
	ipv6   bool // on the underlay
}

// state has the options of a lab, for Open.
type state struct {
	Nodes  int    `json:"nodes"`
	BinDir string `json:"binDir"`
	IPv6   bool   `json:"ipv6,omitempty"`
}

// underlayAddr returns the i-th address of the network between the nodes. The hub has the
// first.
func underlayAddr(i int) netip.Addr { return netip.AddrFrom4([4]byte{172, 16, 56, byte(1 + i)}) }

// underlayAddr6 returns the IPv6 address beside it; the zero Addr in a lab without IPv6.
func (l *Lab) underlayAddr6(i int) netip.Addr {
	if !l.ipv6 {
		return netip.Addr{}
	}
	return netip.AddrFrom16([16]byte{0xfd, 3: 0x56, 15: byte(1 + i)})
}

// addresses returns the valid ones of some addresses.
func addresses(all ...netip.Addr) []netip.Addr {
	return slices.DeleteFunc(all, func(a netip.Addr) bool { return !a.IsValid() })
}

// onLink returns an address with the prefix length of the underlay.
func onLink(a netip.Addr) netip.Prefix {
	if a.Is6() {
		return netip.PrefixFrom(a, 64)
	}
	return netip.PrefixFrom(a, 24)
}

// Up brings a lab up: the hub, and the nodes, which reach each other over the underlay and have
// a running Open vSwitch with an empty br-int. If it fails, it takes the lab down again.
func Up(ctx context.Context, o Options) (*Lab, error) {
	if o.Nodes < 1 || o.Nodes > 200 {
		return nil, fmt.Errorf("a lab has 1 to 200 nodes, not %d", o.Nodes)
	}
	if why := Missing(); len(why) > 0 {
		return nil, fmt.Errorf("no lab can start here: %s", strings.Join(why, "; "))
	}
	var random [3]byte
	rand.Read(random[:]) // never fails: crypto/rand aborts the program instead
	id := hex.EncodeToString(random[:])
	dir := dirOf(id)
	if err := os.Mkdir(dir, 0o700); err != nil {
		return nil, err
	}
	l := newLab(id, state(o))
	if err := l.up(ctx, state(o)); err != nil {
		// The caller's context may have ended, so cleaning up needs another one.
		clean, cancel := context.WithTimeout(context.WithoutCancel(ctx), 20*time.Second)
		defer cancel()
		return nil, errors.Join(fmt.Errorf("bring lab %s up: %w", id, err), l.Down(clean))
	}
	return l, nil
}

// Open finds a lab that Up started, perhaps in another process.
func Open(id string) (*Lab, error) {
	b, err := os.ReadFile(filepath.Join(dirOf(id), "lab.json"))
	if err != nil {
		return nil, fmt.Errorf("no lab %q here: %w; see \"sdnlab list\"", id, err)
	}
	var st state
	if err := json.Unmarshal(b, &st); err != nil {
		return nil, fmt.Errorf("lab %q: lab.json: %w", id, err)
	}
	return newLab(id, st), nil
}

func newLab(id string, st state) *Lab {
	l := &Lab{ID: id, Dir: dirOf(id), binDir: st.BinDir, ipv6: st.IPv6}
	for i := 1; i <= st.Nodes; i++ {
		l.Nodes = append(l.Nodes, newNode(l, i))
	}
	l.Controller = newController(l)
	return l
}

// dirOf returns a short path, as the path of a socket must be shorter than 108 bytes (unix(7)).
func dirOf(id string) string { return filepath.Join(os.TempDir(), prefix+id) }

func (l *Lab) up(ctx context.Context, st state) error {
	b, err := json.Marshal(st)
	if err != nil {
		return err
	}
	for _, sub := range []string{"containers", "docker"} {
		if err := os.Mkdir(filepath.Join(l.Dir, sub), 0o700); err != nil {
			return err
		}
	}
	if err := l.startHub(ctx); err != nil {
		return err
	}
	for _, n := range l.Nodes {
		if err := n.start(ctx); err != nil {
			return fmt.Errorf("node %q: %w", n.Name, err)
		}
	}
	for _, n := range l.Nodes {
		if err := n.awaitUnderlay(ctx); err != nil {
			return fmt.Errorf("node %q: %w", n.Name, err)
		}
	}
	return os.WriteFile(filepath.Join(l.Dir, "lab.json"), b, 0o600)
}

// Node returns a node by its name.
func (l *Lab) Node(name string) (*Node, error) {
	for _, n := range l.Nodes {
		if n.Name == name {
			return n, nil
		}
	}
	return nil, fmt.Errorf("no node %q in lab %s: it has node1 to node%d", name, l.ID, len(l.Nodes))
}

// environ returns the environment of every process that the lab starts.
func (l *Lab) environ() []string {
	env := make([]string, 0, len(os.Environ())+4)
	for _, kv := range os.Environ() {
		name, _, _ := strings.Cut(kv, "=")
		switch {
		case name == "PATH", name == ownerVar, name == "DOCKER_HOST", name == "SDNCTL_HOST":
		case strings.HasPrefix(name, "OVS_"):
			// The processes must not use the directories of another Open vSwitch.
		default:
			env = append(env, kv)
		}
	}
	path := "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
	if l.binDir != "" {
		path = l.binDir + ":" + path
	}
	return append(env, "PATH="+path, ownerVar+"="+l.ID,
		"DOCKER_HOST="+l.dockerHost(), "SDNCTL_HOST="+l.Controller.Host())
}
