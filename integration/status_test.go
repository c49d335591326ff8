package integration

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sdnctl/sdnctl/cli"
	"github.com/sdnctl/sdnctl/controller/api"
	"github.com/sdnctl/sdnctl/integration/lab"
)

// TestStatus makes on a real Open vSwitch, one after the other, faults that stop traffic or
// will, checks that "sdnctl status --exit-code" shows each, and cures it with the command
// that the status names.
func TestStatus(t *testing.T) {
	t.Parallel()
	b := newBed(t, 2)
	b.join("node1", "node2")
	b.apply(statusTopology)
	b.plug("web", "node1")
	b.plug("db", "node2")
	b.bound("web", "db")
	b.healthy()
	web := b.interfaceOf("web")

	b.sdnctl("wait", "--for", "bound", "port/web", "port/db", "--timeout", "10s")
	b.sdnctl("wait", "--for", "ready", "node/node1", "port/web", "--timeout", "10s")
	watch := b.watchStatus()

	faults := []struct {
		name, object, reason string
		// make are commands on node1; cure, unless "", replaces the action's own.
		make, cure string
	}{
		{"tunnel port gone", "node/node1", "TunnelPortMissing", "ovs-vsctl del-port vxlan-sdn", ""},
		{"tunnel port renamed", "node/node1", "TunnelPortMissing",
			"ovs-vsctl del-port vxlan-sdn -- add-port br-int vx0 -- set interface vx0 type=vxlan options:remote_ip=flow options:key=flow", ""},
		{"tunnel port administratively down", "node/node1", "TunnelPortDisabled", "ovs-ofctl -O OpenFlow13 mod-port br-int vxlan-sdn no-forward", ""},
		{"tunnel to one address", "node/node1", "TunnelOptionsWrong", "ovs-vsctl set interface vxlan-sdn options:remote_ip=192.0.2.7", ""},
		{"tunnel with one key", "node/node1", "TunnelOptionsWrong", "ovs-vsctl set interface vxlan-sdn options:key=7", ""},
		{"tunnel at another UDP port", "node/node1", "TunnelOptionsWrong", "ovs-vsctl set interface vxlan-sdn options:dst_port=8472", ""},
		{"fail mode not secure", "node/node1", "FailModeStandalone", "ovs-vsctl set-fail-mode br-int standalone", ""},
		{"fragments dropped", "node/node1", "FragmentsWrong", "ovs-ofctl -O OpenFlow13 set-frags br-int drop", "until ovs-ofctl -O OpenFlow13 get-frags br-int | grep nx-match; do sleep 0.1; done"},
		{"underlay too small", "network/blue", "UnderlayMTUTooSmall", "ovs-vsctl set bridge br-int external_ids:sdnctl-underlay-mtu=1400",
			"ovs-vsctl set bridge br-int external_ids:sdnctl-underlay-mtu=1500"},
		{"OpenFlow version refused", "node/node1", "SwitchRefused", "ovs-vsctl set bridge br-int protocols=OpenFlow10", ""},
		{"no OVSDB connection", "node/node1", "OVSDBNotConnected", "ovs-vsctl --id=@m find manager; ovs-vsctl del-manager", "sdnctl node join node1"},
		{"interface set not to receive", "port/web", "InterfaceDisabled", "ovs-ofctl -O OpenFlow13 mod-port br-int " + web + " no-receive", ""},
		{"interface down", "port/web", "InterfaceDisabled", "ip link set " + web + " down", ""},
		{"interface without the port's id", "port/web", "NotBound", "ovs-vsctl remove interface " + web + " external_ids iface-id",
			"ovs-vsctl set interface " + web + " external_ids:iface-id=web"},
		{"interface id that no port has", "node/node1", "UnknownInterfaceID",
			"ovs-vsctl add-port br-int stray0 -- set interface stray0 type=internal external_ids:iface-id=nosuch",
			"ovs-vsctl remove interface stray0 external_ids iface-id"},
		{"device gone", "port/gone", "InterfaceFailed",
			"ovs-vsctl add-port br-int gone0 -- set interface gone0 external_ids:iface-id=gone",
			"ip link add gone0 type veth peer name gone1 && ip link set gone0 up && ip link set gone1 up"},
		{"internal port with another MAC", "port/host", "MACMismatch",
			"ovs-vsctl add-port br-int host0 -- set interface host0 type=internal external_ids:iface-id=host && ip link set host0 up", ""},
		{"the bridge's own interface with another MAC", "port/bridge", "MACMismatch",
			"ovs-vsctl set interface br-int external_ids:iface-id=bridge && ip link set br-int up", ""},
	}
	for _, f := range faults {
		b.run(f.name, func(t *testing.T, b *bed) {
			n := b.node("node1")
			if port, ok := strings.CutPrefix(f.object, "port/"); ok && port != "web" {
				b.apply("kind: Port\nname: " + port + "\nspec: {network: blue, node: node1}\n")
				defer func() {
					b.on(n, "ovs-vsctl --if-exists del-port br-int "+port+"0 -- remove interface br-int external_ids iface-id")
					b.sdnctl("port", "delete", port)
				}()
			}
			b.on(n, f.make)
			c := b.condition(f.object, f.reason)
			if f.reason == "OVSDBNotConnected" {
				b.apply("kind: Port\nname: late\nspec: {network: blue, node: node1}\n")
				if late := b.condition("port/late", "NotBound"); !strings.Contains(late.Message, "ovsdb-server of node1 is not connected") {
					t.Errorf("of a port there is said %q", late.Message)
				}
				b.sdnctl("port", "delete", "late")
			}
			if c.Message == "" || time.Since(c.Since) > time.Minute {
				t.Errorf("%+v", c)
			}
			out, code := b.status()
			if code != cli.ExitNotReady || !strings.Contains(out, f.object+": "+f.reason) || !strings.Contains(out, "fix: "+c.Action) {
				t.Errorf("status exits with %d and says\n%s", code, out)
			}
			switch cure, here := strings.CutPrefix(c.Action, "on node1: "); {
			case f.cure == "sdnctl node join node1":
				b.rejoin(n)
			case f.cure != "":
				b.on(n, f.cure)
			case here:
				b.on(n, cure)
			default:
				t.Fatalf("action %q is no command", c.Action)
			}
			b.healthy()
			watch.reported(b, f.object+" "+f.reason, f.object+" well")
		})
	}
	// Last, since node2 does not recover from it.
	b.run("bridge by another name", func(t *testing.T, b *bed) {
		n := b.node("node2")
		id, controller := b.datapathID("node2"), b.Controller.Addr.String()
		b.on(n, "sdnctl node leave --force")
		b.on(n, "ovs-vsctl set-manager tcp:"+controller+":6640 -- add-br ovs-br1"+
			" -- set bridge ovs-br1 datapath_type=netdev protocols=OpenFlow13 fail_mode=secure other_config:datapath-id="+id+
			" -- set-controller ovs-br1 tcp:"+controller+":6653")
		if c := b.condition("node/node2", "BridgeNameWrong"); !strings.Contains(c.Message, "its bridge is ovs-br1, but sdnd looks for interfaces on br-int") {
			t.Errorf("%+v", c)
		}
		if c := b.condition("port/db", "NotBound"); !strings.Contains(c.Message, "the bridge of node2 is ovs-br1") {
			t.Errorf("%+v", c)
		}
	})

	// Conditions that appeared and disappeared are in the log.
	log, err := os.ReadFile(b.Controller.LogFile)
	b.must(err)
	for _, line := range []string{`"port bound" component=reconcile port=web`, `"port unbound" component=reconcile port=web node=node1 interface=` + web} {
		if !strings.Contains(string(log), line) {
			t.Errorf("the log has no line with %s", line)
		}
	}
	if !strings.Contains(b.refused("wait", "--for", "bound", "port/nosuch"), "nosuch") {
		t.Error("waiting for a port that does not exist")
	}
}

// statusWatch collects the states of objects that a watch reports.
type statusWatch struct {
	mu      sync.Mutex
	reports []string // such as "network/blue UnderlayMTUTooSmall" and "network/blue well"
}

// watchStatus watches until the end of the test.
func (b *bed) watchStatus() *statusWatch {
	b.t.Helper()
	ctx, cancel := context.WithCancel(b.ctx)
	w, ready := &statusWatch{}, make(chan struct{})
	var done sync.WaitGroup
	done.Go(func() {
		_ = b.api.Watch(ctx, api.WatchOptions{}, func(e api.Event) error {
			if e.Type == api.EventReady {
				close(ready)
			}
			w.event(e)
			return nil
		})
	})
	b.t.Cleanup(func() {
		cancel()
		done.Wait()
	})
	<-ready
	return w
}

func (w *statusWatch) event(e api.Event) {
	w.mu.Lock()
	defer w.mu.Unlock()
	say := func(text string) { w.reports = append(w.reports, e.Object+" "+text) }
	var all []api.Condition
	switch {
	case e.Node != nil:
		all = e.Node.Conditions
	case e.Network != nil:
		all = e.Network.Conditions
	case e.Port != nil:
		all = e.Port.Conditions
	default:
		return
	}
	for _, c := range all {
		say(c.Reason)
	}
	if len(all) == 0 {
		say("well")
	}
}

// reported waits until the watch has reported the texts in that order, and discards
// everything up to there.
func (w *statusWatch) reported(b *bed, texts ...string) {
	b.t.Helper()
	b.must(lab.PollFor(b.ctx, 10*time.Second, "the watch to tell "+strings.Join(texts, ", then "), func(context.Context) error {
		w.mu.Lock()
		defer w.mu.Unlock()
		next := 0
		for i, report := range w.reports {
			if report == texts[next] {
				next++
			}
			if next == len(texts) {
				w.reports = w.reports[i+1:]
				return nil
			}
		}
		return fmt.Errorf("it reported %q", w.reports)
	}))
}

const statusTopology = `
kind: Node
name: node1
spec: {tunnelIP: 172.16.56.2}
---
kind: Node
name: node2
spec: {tunnelIP: 172.16.56.3}
---
kind: Network
name: blue
spec: {cidr: 10.0.0.0/24}
---
kind: Port
name: web
spec: {network: blue, node: node1}
---
kind: Port
name: db
spec: {network: blue, node: node2}
`

// interfaceOf returns the interface that a port is bound to.
func (b *bed) interfaceOf(port string) string {
	b.t.Helper()
	p, err := b.api.Port(b.ctx, port)
	b.must(err)
	return p.Status.Interface
}

// datapathID returns the datapath id of a node.
func (b *bed) datapathID(node string) string {
	b.t.Helper()
	n, err := b.api.Node(b.ctx, node)
	b.must(err)
	return n.Status.DatapathID
}

// on runs a shell command on a node.
func (b *bed) on(n *lab.Node, command string) {
	b.t.Helper()
	_, err := n.Exec(b.ctx, "sh", "-c", command)
	b.must(err)
}

// rejoin runs "sdnctl node join" again on a node that was joined.
func (b *bed) rejoin(n *lab.Node) {
	b.t.Helper()
	_, err := n.Exec(b.ctx, "sdnctl", "node", "join", n.Name, "--controller", b.Controller.Addr.String(), "--tunnel-ip", n.Addr.String())
	b.must(err)
}

// status runs "sdnctl status --exit-code".
func (b *bed) status() (out string, code int) {
	b.t.Helper()
	out, err := b.Controller.SDNCtl(b.ctx, "status", "--exit-code")
	var exit *lab.ExitError
	if errors.As(err, &exit) {
		return out + exit.Stdout, exit.Code
	}
	b.must(err)
	return out, 0
}

// healthy waits until there are no conditions, and the status is green.
func (b *bed) healthy() {
	b.t.Helper()
	b.must(lab.PollFor(b.ctx, 15*time.Second, "everything to be ready", func(context.Context) error {
		out, code := b.status()
		if code != 0 || !strings.Contains(out, "everything is ready") {
			return fmt.Errorf("status exits with %d and says\n%s", code, out)
		}
		return nil
	}))
}

// condition waits until an object has a condition of a reason.
func (b *bed) condition(object, reason string) (c api.Condition) {
	b.t.Helper()
	kind, name, _ := strings.Cut(object, "/")
	b.must(lab.PollFor(b.ctx, 10*time.Second, object+" to have "+reason, func(ctx context.Context) error {
		o, err := b.api.Object(ctx, api.Kind(strings.ToUpper(kind[:1])+kind[1:]), name)
		if err != nil {
			return err
		}
		var s struct{ Conditions []api.Condition }
		if err := json.Unmarshal(o.Status, &s); err != nil {
			return err
		}
		for _, c = range s.Conditions {
			if c.Reason == reason {
				return nil
			}
		}
		return fmt.Errorf("it has %+v", s.Conditions)
	}))
	return c
}
