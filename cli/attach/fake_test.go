package attach

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"

	"github.com/sdnctl/sdnctl/controller/api"
	"github.com/sdnctl/sdnctl/topology/model"
)

var errInjected = errors.New("injected failure")

// machine is a node with its kernel, Open vSwitch, Docker and sdnd in memory.
// Every call that changes something is counted, and the failAt-th fails.
type machine struct {
	devices    map[string]*Device // on the machine, by name
	inside     map[string]map[string]*Device
	rows       map[string]Interface
	containers map[string]Container // by id
	ports      map[string]api.Port
	// gateways are the gateways of networks, "" for one where none answers.
	gateways   map[string]string
	conditions []api.Condition // of the node
	rev        api.Revision
	changes    int
	failAt     int
	// late fails after the change instead of before: as when a program is
	// interrupted that has done its work.
	late bool
	// unplugged has Open vSwitch not take devices.
	unplugged   bool
	bridge      Bridge
	noDocker    bool
	own         string // the namespace of this process
	otherRoutes string
	index       int
}

func newMachine() *machine {
	return &machine{
		devices: map[string]*Device{}, inside: map[string]map[string]*Device{}, rows: map[string]Interface{},
		containers: map[string]Container{}, ports: map[string]api.Port{},
		gateways: map[string]string{"blue": "", "seg": "10.0.0.1"},
		bridge:   Bridge{Name: "br-int", DatapathType: "netdev", IDs: map[string]string{nodeKey: "node1"}},
	}
}

// run starts a container and returns its id.
func (m *machine) run(name string, pid int) string {
	id := fmt.Sprintf("%s%060d", "c0de", pid)
	m.containers[id] = Container{ID: id, Name: name, PID: pid, Network: "none"}
	m.inside[processNamespace(pid)] = map[string]*Device{}
	return id
}

// stop ends a container, and its namespace with what is in it.
func (m *machine) stop(id string) {
	c := m.containers[id]
	for _, in := range m.inside[processNamespace(c.PID)] {
		for name, d := range m.devices {
			if d.Index == in.Peer {
				delete(m.devices, name)
			}
		}
	}
	delete(m.inside, processNamespace(c.PID))
	c.PID = 0
	m.containers[id] = c
}

func (m *machine) node(lock string) Node {
	return Node{Lock: lock, Kernel: m, Switch: ovs{m}, Containers: m, Controller: sdnd{m}}
}

// state is what there is of attachments.
func (m *machine) state() string {
	var lines []string
	for n, d := range m.devices {
		lines = append(lines, fmt.Sprintf("device %s %q", n, d.Alias))
	}
	for path, ds := range m.inside {
		for n, d := range ds {
			lines = append(lines, fmt.Sprintf("%s %s %v %v %d %s", path, n, d.Addresses, d.Gateways, d.MTU, d.MAC))
		}
	}
	for n, r := range m.rows {
		lines = append(lines, fmt.Sprintf("row %s %v", n, r.IDs))
	}
	for n, p := range m.ports {
		lines = append(lines, fmt.Sprintf("port %s %v", n, p.Labels))
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

// change counts a change, and does it unless it is to fail.
func (m *machine) change(do func()) error {
	m.changes++
	if m.changes != m.failAt {
		do()
		return nil
	}
	if m.late {
		do()
	}
	return errInjected
}

// The kernel.

type fakeNamespace struct {
	path string
	own  bool
}

func (fakeNamespace) Close() error { return nil }
func (n fakeNamespace) Own() bool  { return n.own }

func (m *machine) Open(path string) (Namespace, error) {
	if _, ok := m.inside[path]; !ok {
		return nil, &fs.PathError{Op: "open", Path: path, Err: fs.ErrNotExist}
	}
	return fakeNamespace{path, path == m.own}, nil
}

func (m *machine) Look(ns Namespace, host, inner string) (Seen, error) {
	s := Seen{OtherDefault: [2]string{m.otherRoutes}}
	if d, ok := m.devices[host]; ok {
		copied := *d
		s.Host = &copied
	}
	if d, ok := m.inside[ns.(fakeNamespace).path][inner]; ok {
		copied := *d
		s.Inner = &copied
	}
	return s, nil
}

func (m *machine) Make(ns Namespace, l Link) error {
	m.changes++
	if m.changes == m.failAt { // the kernel does it or not, whatever happens here
		return errInjected
	}
	m.index += 2
	m.devices[l.Host] = &Device{Index: m.index, Peer: m.index + 1, Alias: l.Alias()}
	m.inside[ns.(fakeNamespace).path][l.Inner] = &Device{Index: m.index + 1, Peer: m.index, MAC: l.MAC, Offload: true}
	return nil
}

func (m *machine) Configure(ns Namespace, l Link) error {
	return m.change(func() {
		host, in := m.devices[l.Host], m.inside[ns.(fakeNamespace).path][l.Inner]
		host.Up, host.MTU = true, l.MTU
		in.Up, in.MTU, in.MAC, in.Gateways, in.Offload = true, l.MTU, l.MAC, l.Gateways, !l.Checksums
		in.Addresses = slices.Clone(l.Addresses)
	})
}

func (m *machine) Remove(host string) error {
	return m.change(func() {
		d, ok := m.devices[host]
		if !ok {
			return
		}
		delete(m.devices, host)
		for _, ds := range m.inside {
			maps.DeleteFunc(ds, func(_ string, in *Device) bool { return in.Index == d.Peer })
		}
	})
}

func (m *machine) Veths(prefix string) ([]Veth, error) {
	var all []Veth
	for n, d := range m.devices {
		if strings.HasPrefix(d.Alias, prefix) {
			all = append(all, Veth{n, d.Alias})
		}
	}
	return all, nil
}

// Docker.

func (m *machine) Container(_ context.Context, name string) (Container, error) {
	if m.noDocker {
		return Container{}, errInjected
	}
	for id, c := range m.containers {
		if id == name || c.Name == name {
			return c, nil
		}
	}
	return Container{}, fault(NotFound, "", "there is no container %s", name)
}

// Open vSwitch.

type ovs struct{ *machine }

func (o ovs) Bridge(context.Context, string) (Bridge, error) { return o.bridge, nil }

func (o ovs) Interfaces(_ context.Context, column, value string) ([]Interface, error) {
	var all []Interface
	for _, n := range slices.Sorted(maps.Keys(o.rows)) {
		r := o.rows[n]
		if column == "name" && n == value || column != "name" && r.IDs[column] != "" && (value == "" || r.IDs[column] == value) {
			all = append(all, r)
		}
	}
	return all, nil
}

func (o ovs) Add(_ context.Context, bridge, name string, ids map[string]string) error {
	return o.change(func() {
		r := o.rows[name]
		r.Name, r.Bridge, r.OFPort = name, bridge, 5
		if o.unplugged {
			r.OFPort, r.Error = -1, "could not open"
		}
		r.IDs = maps.Clone(r.IDs)
		if r.IDs == nil {
			r.IDs = map[string]string{}
		}
		maps.Copy(r.IDs, ids)
		o.rows[name] = r
	})
}

func (o ovs) Remove(_ context.Context, names ...string) error {
	return o.change(func() {
		for _, n := range names {
			delete(o.rows, n)
		}
	})
}

// sdnd.

type sdnd struct{ *machine }

func (s sdnd) Port(_ context.Context, name string) (api.Port, error) {
	p, ok := s.ports[name]
	if !ok {
		return p, &api.Error{Code: api.CodeNotFound, Message: "no port " + name}
	}
	return p, nil
}

func (s sdnd) Ports(context.Context, api.ListOptions) (l api.List[api.Port], err error) {
	for _, n := range slices.Sorted(maps.Keys(s.ports)) {
		if s.ports[n].Labels[TargetLabel] != "" {
			l.Items = append(l.Items, s.ports[n])
		}
	}
	return l, nil
}

func (s sdnd) Node(_ context.Context, name string) (api.Node, error) {
	return api.Node{Name: name, Status: &api.NodeStatus{Conditions: s.conditions}}, nil
}

func (s sdnd) Create(_ context.Context, o api.Object) (api.Object, error) {
	var spec model.PortSpec
	if err := json.Unmarshal(o.Spec, &spec); err != nil {
		return o, err
	}
	if _, ok := s.gateways[spec.Network]; !ok {
		return o, &api.Error{Code: api.CodeInvalid, Message: "no network " + spec.Network}
	}
	return o, s.change(func() { s.declare(o.Name, o.Labels, spec) })
}

func (m *machine) declare(name string, labels map[string]string, spec model.PortSpec) {
	m.rev++
	m.ports[name] = api.Port{Name: name, Labels: labels, Spec: spec, Meta: &api.Meta{Revision: m.rev}, Status: &api.PortStatus{
		IP: fmt.Sprintf("10.0.0.%d", 2+len(m.ports)), PrefixLength: 24, Gateway: m.gateways[spec.Network], MAC: "02:00:00:00:00:01", MTU: 1450, Node: spec.Node,
	}}
}

func (s sdnd) Delete(_ context.Context, _ api.Kind, name string, _ api.Revision) (api.Revision, error) {
	s.rev++
	return s.rev, s.change(func() { delete(s.ports, name) })
}

func (s sdnd) Status(context.Context) (api.Status, error) { return api.Status{Revision: s.rev}, nil }

func (s sdnd) Wait(context.Context, api.Revision, func(api.Acks)) error { return nil }
