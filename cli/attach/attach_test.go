package attach

import (
	"context"
	"errors"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/sdnctl/sdnctl/controller/api"
	"github.com/sdnctl/sdnctl/topology/model"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// attached is a machine with a container that is attached.
func attached(t *testing.T) (*machine, Node, string) {
	t.Helper()
	m := newMachine()
	n := m.node(filepath.Join(t.TempDir(), "lock"))
	id := m.run("web", 100)
	if _, err := n.Attach(t.Context(), Request{Name: "web", Network: "blue"}); err != nil {
		t.Fatal(err)
	}
	return m, n, id
}

// A failure at any step, before or after the step has had its effect, leaves
// what was there before.
func TestFailureLeavesNothing(t *testing.T) {
	for _, late := range []bool{false, true} {
		for failAt := 1; ; failAt++ {
			m := newMachine()
			m.run("web", 100)
			before := m.state()
			m.failAt, m.late = failAt, late
			_, err := m.node(filepath.Join(t.TempDir(), "lock")).Attach(t.Context(), Request{Name: "web", Network: "blue"})
			if err == nil {
				if failAt <= 4 { // declare, make, configure, add
					t.Errorf("only %d steps", failAt-1)
				}
				break
			}
			if !errors.Is(err, errInjected) {
				t.Errorf("failure %d: %v", failAt, err)
			}
			if diff := cmp.Diff(before, m.state()); diff != "" {
				t.Errorf("failure %d (late %t) leaves (-before +after):\n%s", failAt, late, diff)
			}
		}
	}
}

// What an earlier call made is not taken away when a later one fails.
func TestFailedRepairKeepsWhatWas(t *testing.T) {
	m, n, _ := attached(t)
	before := m.state()
	m.inside[processNamespace(100)][DefaultInterface].MTU = 1500
	m.failAt = m.changes + 1
	if _, err := n.Attach(t.Context(), Request{Name: "web"}); !errors.Is(err, errInjected) {
		t.Fatal(err)
	}
	if diff := cmp.Diff(strings.ReplaceAll(before, " 1450 ", " 1500 "), m.state()); diff != "" {
		t.Errorf("(-before +after):\n%s", diff)
	}
}

// Open vSwitch takes a device that it cannot open without an error.
func TestRefusedByOpenVSwitch(t *testing.T) {
	m := newMachine()
	m.unplugged = true
	m.run("web", 100)
	before := m.state()
	_, err := m.node(filepath.Join(t.TempDir(), "lock")).Attach(t.Context(), Request{Name: "web", Network: "blue"})
	if err == nil || !strings.Contains(err.Error(), "could not open") {
		t.Errorf("error %v", err)
	}
	if diff := cmp.Diff(before, m.state()); diff != "" {
		t.Errorf("left (-before +after):\n%s", diff)
	}
}

func TestAttachAgain(t *testing.T) {
	m, n, id := attached(t)
	whole := m.state()
	changes := m.changes
	r, err := n.Attach(t.Context(), Request{Name: "web", Network: "blue"})
	if err != nil || len(r.Done) != 0 || r.Declared || m.changes != changes {
		t.Errorf("attached again: %+v, %v", r, err)
	}
	// By the beginning of its id it is the same container.
	if r, err := n.Attach(t.Context(), Request{Name: id, Network: "blue"}); err != nil || len(r.Done) != 0 {
		t.Errorf("attached by id: %+v, %v", r, err)
	}
	// A restart leaves the row of the bridge, and a new namespace.
	m.stop(id)
	m.run("web", 200)
	delete(m.containers, "c0de"+strings.Repeat("0", 57)+"200")
	c := m.containers[id]
	c.PID = 200
	m.containers[id] = c
	if _, err := n.Attach(t.Context(), Request{Name: "web"}); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(strings.ReplaceAll(whole, "/100/", "/200/"), m.state()); diff != "" {
		t.Errorf("after a restart (-before +after):\n%s", diff)
	}
}

// TestAgain attaches what was restarted, with the interfaces and routes that it
// had, and nothing else.
func TestAgain(t *testing.T) {
	m, n, web := attached(t)
	db := m.run("db", 300)
	gone := m.run("gone", 400)
	m.inside["/run/netns/ns1"] = map[string]*Device{}
	for _, r := range []Request{
		{Name: "web", Network: "seg", Interface: "eth1", NoDefaultRoute: true}, {Name: "web", Network: "blue", Interface: "lan", Port: "odd"},
		{Name: "db", Network: "seg"}, {Name: "gone", Network: "blue"}, {Name: "ns", Netns: "ns1", Network: "blue"},
	} {
		if _, err := n.Attach(t.Context(), r); err != nil {
			t.Fatal(err)
		}
	}
	again := func(want ...string) {
		t.Helper()
		done, err := n.Again(t.Context())
		var got []string
		for _, r := range done {
			got = append(got, r.Port.Name+" "+r.Link.Inner)
		}
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("attached again (-want +got):\n%s%v", diff, err)
		}
	}
	whole := m.state()
	again()
	restart := func(id string, pid int) {
		m.stop(id)
		m.inside[processNamespace(pid)] = map[string]*Device{}
		c := m.containers[id]
		c.PID = pid
		m.containers[id] = c
	}
	m.stop(db)
	delete(m.containers, gone)
	restart(web, 500)
	again("web eth0", "odd lan", "web-eth1 eth1")
	restart(db, 300)
	again("db eth0")
	again()
	is := strings.Split(strings.ReplaceAll(m.state(), "/500/", "/100/"), "\n")
	slices.Sort(is)
	if diff := cmp.Diff(strings.Split(whole, "\n"), is); diff != "" {
		t.Errorf("other than before the restarts (-before +after):\n%s", diff)
	}

	// What was collected meanwhile is found by its declared port, and so is what an
	// older sdnctl attached, that recorded less.
	m.stop(db)
	if _, err := n.Collect(t.Context()); err != nil {
		t.Fatal(err)
	}
	restart(db, 600)
	again("db eth0")
	restart(web, 700)
	for _, r := range m.rows {
		delete(r.IDs, InnerKey)
		delete(r.IDs, RouteKey)
	}
	done, err := n.Again(t.Context())
	if len(done) != 2 || err == nil || !strings.Contains(err.Error(), "port odd: the name of the interface in container web was not recorded") {
		t.Errorf("of an older sdnctl: %+v, %v", done, err)
	}
	// Without Docker nothing is known.
	m.noDocker = true
	if done, err := n.Again(t.Context()); len(done) > 0 || err == nil {
		t.Errorf("without Docker: %v, %v", done, err)
	}
}

// A container of the same name is another container: what is left of the first
// goes, its port too.
func TestContainerMadeAnew(t *testing.T) {
	m, n, id := attached(t)
	m.stop(id)
	delete(m.containers, id)
	m.run("web", 200)
	r, err := n.Attach(t.Context(), Request{Name: "web", Network: "seg"})
	if err != nil || !r.Declared || r.Port.Spec.Network != "seg" || len(r.Link.Gateways) != 1 {
		t.Errorf("%+v, %v", r, err)
	}
	if len(m.rows) != 1 || len(m.devices) != 1 || len(m.ports) != 1 {
		t.Errorf("left:\n%s", m.state())
	}
}

func TestDetach(t *testing.T) {
	m, n, _ := attached(t)
	r, err := n.Detach(t.Context(), "web")
	if err != nil || !r.Deleted || r.Interface != HostName("web") || m.state() != "" {
		t.Errorf("%+v, %v\n%s", r, err, m.state())
	}
	var e *Error
	if _, err := n.Detach(t.Context(), "web"); !errors.As(err, &e) || e.Code != NotFound {
		t.Errorf("detached twice: %v", err)
	}
	// A port that was declared before stays.
	m.declare("web", nil, model.PortSpec{Network: "blue", InterfaceID: "3c5e"})
	if _, err := n.Attach(t.Context(), Request{Name: "web"}); err != nil {
		t.Fatal(err)
	}
	if id := m.rows[HostName("web")].IDs["iface-id"]; id != "3c5e" {
		t.Errorf("iface-id %q", id)
	}
	if r, err := n.Detach(t.Context(), "web"); err != nil || r.Deleted || len(m.ports) != 1 || len(m.rows) != 0 {
		t.Errorf("%+v, %v\n%s", r, err, m.state())
	}
}

func TestCollect(t *testing.T) {
	m, n, id := attached(t)
	m.run("db", 300)
	m.inside["/run/netns/ns1"] = map[string]*Device{}
	for _, r := range []Request{{Name: "db", Network: "blue"}, {Name: "ns", Netns: "ns1", Network: "blue"}} {
		if _, err := n.Attach(t.Context(), r); err != nil {
			t.Fatal(err)
		}
	}
	// What others made is none of attach's business.
	m.declare("other", nil, model.PortSpec{Network: "blue", Node: "node1"})
	m.rows["veth9"] = Interface{Name: "veth9", Bridge: "br-int", OFPort: -1, IDs: map[string]string{"iface-id": "other"}}
	m.devices["veth8"] = &Device{Alias: "mine"}
	collect := func(want ...Removed) {
		t.Helper()
		got, err := n.Collect(t.Context())
		for i := range got {
			got[i].Why = ""
		}
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("collected (-want +got):\n%s%v", diff, err)
		}
	}
	whole := m.state()
	collect()
	if diff := cmp.Diff(whole, m.state()); diff != "" {
		t.Errorf("something live was collected:\n%s", diff)
	}
	// A stopped container keeps its port, and its address.
	m.stop(id)
	collect(Removed{Port: "web", Interface: HostName("web")})
	collect()
	// While Docker does not answer nothing is known to be gone.
	delete(m.containers, id)
	m.noDocker = true
	if got, err := n.Collect(t.Context()); err == nil || len(got) != 0 {
		t.Errorf("without Docker: %v, %v", got, err)
	}
	m.noDocker = false
	collect(Removed{Port: "web", Deleted: true})
	// What another program keeps of the namespace of a container that was removed
	// keeps nothing of it on the bridge.
	held := m.run("held", 800)
	if _, err := n.Attach(t.Context(), Request{Name: "held", Network: "blue"}); err != nil {
		t.Fatal(err)
	}
	delete(m.containers, held)
	collect(Removed{Port: "held", Interface: HostName("held"), Deleted: true})
	// A namespace that is gone took the device with it.
	delete(m.inside, "/run/netns/ns1")
	delete(m.devices, HostName("ns"))
	collect(Removed{Port: "ns", Interface: HostName("ns"), Deleted: true})
	// A crash between two steps left a device alone.
	m.devices["sdn123"] = &Device{Alias: aliasPrefix + "docker/abc"}
	collect(Removed{Interface: "sdn123"})
	if _, ok := m.ports["other"]; !ok || len(m.rows) != 2 || len(m.devices) != 2 {
		t.Errorf("left:\n%s", m.state())
	}
}

// Errors say what is in the way, and nothing is changed.
func TestRefusals(t *testing.T) {
	for _, tt := range []struct {
		name    string
		setUp   func(*machine)
		request Request
		code    Code
		want    string
	}{
		{"no such container", nil, Request{Name: "nope", Network: "blue"}, NotFound, "no container nope"},
		{"not running", func(m *machine) { m.stop(m.run("off", 9)) }, Request{Name: "off", Network: "blue"}, Failed, "docker start off"},
		{"no such namespace", nil, Request{Name: "x", Netns: "nope", Network: "blue"}, NotFound, "no network namespace nope"},
		{"not declared", nil, Request{Name: "web"}, NotFound, "--network"},
		{"another network", func(m *machine) { m.declare("web", nil, model.PortSpec{Network: "seg"}) }, Request{Name: "web", Network: "blue"}, Conflict, "on network seg, not blue"},
		{"another node", func(m *machine) { m.declare("web", nil, model.PortSpec{Network: "blue", Node: "node2"}) }, Request{Name: "web"}, Conflict, "pinned to node node2"},
		{"another container", func(m *machine) {
			m.declare("web", map[string]string{TargetLabel: "docker/" + m.run("older", 7)}, model.PortSpec{Network: "blue", Node: "node1"})
		}, Request{Name: "web"}, Conflict, "sdnctl detach web"},
		{"another address", func(m *machine) { m.declare("web", nil, model.PortSpec{Network: "blue"}) }, Request{Name: "web", IP: "10.0.0.77"}, Conflict, "--ip 10.0.0.77"},
		{"an interface of the name", func(m *machine) { m.inside[processNamespace(100)]["eth0"] = &Device{Index: 3} }, Request{Name: "web", Network: "blue"}, Conflict, "--network none"},
		{"a device of the name", func(m *machine) { m.devices[HostName("web")] = &Device{Index: 3} }, Request{Name: "web", Network: "blue"}, Conflict, "did not make"},
		{"claimed by another interface", func(m *machine) {
			m.rows["veth1"] = Interface{Name: "veth1", Bridge: "br-int", IDs: map[string]string{"iface-id": "web"}}
		}, Request{Name: "web", Network: "blue"}, Conflict, "ovs-vsctl del-port veth1"},
		{"no node", func(m *machine) { m.bridge.IDs = nil }, Request{Name: "web", Network: "blue"}, NotFound, "sdnctl node join"},
		{"the machine's own network", func(m *machine) {
			m.own = processNamespace(100)
		}, Request{Name: "web", Network: "blue"}, Conflict, "of the machine itself"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m := newMachine()
			m.run("web", 100)
			if tt.setUp != nil {
				tt.setUp(m)
			}
			before := m.state()
			_, err := m.node(filepath.Join(t.TempDir(), "lock")).Attach(t.Context(), tt.request)
			var e *Error
			if !errors.As(err, &e) || e.Code != tt.code || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %q, want %s with %q", err, tt.code, tt.want)
			}
			if diff := cmp.Diff(before, m.state()); diff != "" {
				t.Errorf("changed (-before +after):\n%s", diff)
			}
		})
	}
}

// TestNamespaceByPath: two processes named by the files of their namespaces are two targets, and
// the port of one is not taken over by the other; a named namespace is the same by its path.
func TestNamespaceByPath(t *testing.T) {
	m := newMachine()
	m.run("web", 100)
	m.run("db", 200)
	m.inside["/run/netns/blue"] = map[string]*Device{}
	n := m.node(filepath.Join(t.TempDir(), "lock"))
	for request, want := range map[*Request]string{
		{Name: "web", Netns: "/proc/100/ns/net", Network: "blue"}:    "pid/100",
		{Name: "web2", Netns: "/run/netns/blue", Network: "blue"}:    "netns/blue",
		{Name: "web3", PID: 200, Network: "blue", Interface: "eth1"}: "pid/200",
	} {
		r, err := n.Attach(t.Context(), *request)
		if err != nil || r.Target.String() != want {
			t.Errorf("%+v is attached to %v, want %s (%v)", *request, r.Target, want, err)
		}
	}
	before := m.state()
	_, err := n.Attach(t.Context(), Request{Name: "web", Netns: "/proc/200/ns/net", Network: "blue"})
	if err == nil || !strings.Contains(err.Error(), "process 100") {
		t.Errorf("the port of process 100 for process 200: %v", err)
	}
	if r, err := n.Attach(t.Context(), Request{Name: "web2", Netns: "blue", Network: "blue"}); err != nil || len(r.Done) > 0 {
		t.Errorf("by name after by path: %+v, %v", r, err)
	}
	if diff := cmp.Diff(before, m.state()); diff != "" {
		t.Errorf("(-before +after):\n%s", diff)
	}
}

// The namespace is that of the container that was asked for: one whose process
// ended in between, so that another has its number, is not touched.
func TestProcessNumberReused(t *testing.T) {
	m := newMachine()
	id := m.run("web", 100)
	n := m.node(filepath.Join(t.TempDir(), "lock"))
	n.Containers = restarting{m, id, new(int)}
	_, err := n.Attach(t.Context(), Request{Name: "web", Network: "blue"})
	if err == nil || !strings.Contains(err.Error(), "restarted") || m.changes != 0 {
		t.Errorf("%v\n%s", err, m.state())
	}
}

// restarting tells another process number each time.
type restarting struct {
	*machine
	id    string
	asked *int
}

func (r restarting) Container(ctx context.Context, name string) (Container, error) {
	c, err := r.machine.Container(ctx, name)
	c.PID += *r.asked
	*r.asked++
	return c, err
}

// The default route of another interface is left alone.
func TestOtherDefaultRoute(t *testing.T) {
	m := newMachine()
	m.run("web", 100)
	m.otherRoutes = "eth9"
	r, err := m.node(filepath.Join(t.TempDir(), "lock")).Attach(t.Context(), Request{Name: "web", Network: "seg"})
	if err != nil || r.OtherDefault != "eth9" || len(r.Link.Gateways) > 0 {
		t.Errorf("%+v, %v", r, err)
	}
}

func TestGateway(t *testing.T) {
	for _, tt := range []struct {
		name, network string
		none, want    bool
	}{
		{name: "none answers", network: "blue"},
		{name: "one answers", network: "seg", want: true},
		{name: "not wanted", network: "seg", none: true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m := newMachine()
			m.run("web", 100)
			r, err := m.node(filepath.Join(t.TempDir(), "lock")).Attach(t.Context(), Request{Name: "web", Network: tt.network, NoDefaultRoute: tt.none})
			if got := m.inside[processNamespace(100)]["eth0"].Gateways; err != nil || len(got) > 0 != tt.want || len(got) != len(r.Link.Gateways) {
				t.Errorf("a gateway: %v, want %t (%v)", got, tt.want, err)
			}
		})
	}
}

// Waiting ends well only if packets flow; else it says why not, and what to do.
func TestWait(t *testing.T) {
	condition := func(reason, severity string) api.Condition {
		return api.Condition{Reason: reason, Severity: severity, Message: "the fact of " + reason, Action: "the cure of " + reason}
	}
	for _, tt := range []struct {
		name       string
		unbound    bool
		conditions []api.Condition
		code       Code // "" for success
		want       string
	}{
		{name: "all is well"},
		{name: "a warning", conditions: []api.Condition{condition("FailModeStandalone", api.SeverityWarning)}},
		{name: "no tunnel", conditions: []api.Condition{condition("TunnelPortMissing", api.SeverityError)}, code: Failed, want: "the cure of TunnelPortMissing"},
		{name: "not yet confirmed", conditions: []api.Condition{condition("NotInSync", api.SeverityError)}, code: Late, want: "the fact of NotInSync"},
		{name: "not bound, and the node says why", unbound: true, conditions: []api.Condition{condition("OVSDBNotConnected", api.SeverityError)}, code: Late, want: "the cure of OVSDBNotConnected"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m, n, _ := attached(t)
			r, err := n.Attach(t.Context(), Request{Name: "web"})
			if err != nil {
				t.Fatal(err)
			}
			m.ports["web"].Status.Bound, m.ports["web"].Status.Interface = !tt.unbound, HostName("web")
			m.conditions = tt.conditions
			ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
			defer cancel()
			_, err = n.Wait(ctx, r, nil)
			var e *Error
			if tt.code == "" && err != nil || tt.code != "" && (!errors.As(err, &e) || e.Code != tt.code || !strings.Contains(err.Error(), tt.want)) {
				t.Errorf("%v, want %q with %q", err, tt.code, tt.want)
			}
		})
	}
}

// away is an sdnd that cannot be reached.
type away struct{ sdnd }

func (away) Port(context.Context, string) (api.Port, error) { return api.Port{}, errInjected }

// Without sdnd the device is taken away, and the error says what is left.
func TestDetachWithoutController(t *testing.T) {
	m, n, _ := attached(t)
	n.Controller = away{sdnd{m}}
	r, err := n.Detach(t.Context(), "web")
	if !errors.Is(err, errInjected) || !strings.Contains(err.Error(), "sdnctl attach --gc") || r.Interface == "" || len(m.rows)+len(m.devices) != 0 {
		t.Errorf("%+v, %v\n%s", r, err, m.state())
	}
	n.Controller = sdnd{m}
	if r, err := n.Detach(t.Context(), "web"); err != nil || !r.Deleted {
		t.Errorf("when sdnd is back: %+v, %v", r, err)
	}
}

// TestWithoutContainers: a caller that knows no containers, such as a CNI plugin, attaches
// namespaces, and leaves what was attached to containers as it is.
func TestWithoutContainers(t *testing.T) {
	m, n, _ := attached(t)
	n.Containers = nil
	m.inside["/var/run/netns/pod"] = map[string]*Device{}
	if _, err := n.Attach(t.Context(), Request{Name: "pod", Netns: "/var/run/netns/pod", Network: "blue"}); err != nil {
		t.Fatal(err)
	}
	before := m.state()
	if removed, err := n.Collect(t.Context()); err == nil || len(removed) > 0 {
		t.Errorf("removed %v: %v", removed, err)
	}
	if diff := cmp.Diff(before, m.state()); diff != "" {
		t.Errorf("changed (-before +after):\n%s", diff)
	}
	_, err := n.Attach(t.Context(), Request{Name: "db", Network: "blue"})
	var e *Error
	if !errors.As(err, &e) || e.Code != Failed {
		t.Error(err)
	}
}

// TestHostEndsHaveFiles: what the package has systemd-networkd and NetworkManager leave alone are the ends on the
// machine that attach makes, and no links of others (P-DHC-18).
func TestHostEndsHaveFiles(t *testing.T) {
	for file, key := range map[string]string{"sdnctl.network": "Name=", "sdnctl.rules": `KERNEL=="`} {
		text, err := os.ReadFile("../../controller/sdnd/package/" + file)
		if err != nil {
			t.Fatal(err)
		}
		_, rest, _ := strings.Cut(string(text), key)
		glob := rest[:strings.IndexAny(rest, "\"\n")]
		for name, want := range map[string]bool{HostName("web"): true, HostName("a much longer name of a port"): true, "sdn0": false, "sdnsomething00": false, "eth0": false, "br-int": false} {
			if got, err := path.Match(glob, name); err != nil || got != want {
				t.Errorf("%s: %s matches %s: %t, %v", file, name, glob, got, err)
			}
		}
	}
}
