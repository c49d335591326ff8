package policymodel_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sdnctl/sdnctl/integration/policymodel"
	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/model"
)

// TestOVN: the naive evaluator has the same verdicts about random policies as OVN about equivalent
// ACLs, by the logical flows that ovn-northd computes. SDNCTL_LONG tries many more.
func TestOVN(t *testing.T) {
	rounds := 16
	if os.Getenv("SDNCTL_LONG") != "" {
		rounds = 150
	}
	o := startOVN(t)
	t.Cleanup(o.endTraces)
	s := pods(t)
	o.declare(s)
	asked, denied := 0, 0
	for seed := range uint64(rounds) {
		next := plan(t, s, policymodel.NewRandom(rand.New(rand.NewPCG(seed, 7)).IntN, s).Ops(1+int(seed%4))...)
		o.apply(aclsOf(next))
		for _, c := range policymodel.Matrix(next, policymodel.Probes()) {
			from, _ := next.Port(c.From)
			to, _ := next.Port(c.To)
			asked++
			if !c.Allowed {
				denied++
			}
			if got := o.allows(from, to, c.Family, c.What); got != c.Allowed {
				t.Fatalf("seed %d: %s; OVN allows it: %v\nACLs:\n%s", seed, c, got, strings.Join(aclsOf(next), "\n"))
			}
		}
	}
	t.Logf("%d sets of policies, %d connections, %d of them denied", rounds, asked, denied)
}

// pods returns a network with both families and ports with several labels.
func pods(t *testing.T) *topology.Snapshot {
	ops := []topology.Op{
		put(topology.KindNetwork, "pods", nil, topology.NetworkSpec{Subnets: []topology.Subnet{{Prefix: netip.MustParsePrefix("10.0.0.0/24")}, {Prefix: netip.MustParsePrefix("fd00:0:0:1::/64")}}}),
		put(model.KindPortGroup, "front", nil, model.PortGroupSpec{Selector: &model.Selector{MatchLabels: map[string]string{"tier": "front"}}}),
	}
	for i, labels := range []map[string]string{{"app": "web", "tier": "front"}, {"app": "db"}, {"app": "lb", "tier": "back"}, {}} {
		ops = append(ops, put(topology.KindPort, fmt.Sprintf("p%d", i+1), labels, topology.PortSpec{Network: "pods"}))
	}
	return plan(t, topology.NewSnapshot(), ops...)
}

// acl is a match of OVN with its action, "allow-related" or "drop".
type acl struct{ action, match string }

// aclsOf translates policies to ACLs of OVN, "DIRECTION PRIORITY ACTION MATCH". Tiers, priorities
// and the order of rules become priorities of ACLs.
func aclsOf(s *topology.Snapshot) (acls []string) {
	for _, d := range model.PolicyDirections() {
		direction := "to-lport"
		if d == model.Egress {
			direction = "from-lport"
		}
		for i, a := range aclsFrom(s, d, model.PolicyTiers()) {
			acls = append(acls, fmt.Sprintf("%s %d %s %s", direction, 32767-i, a.action, a.match))
		}
	}
	return acls
}

// aclsFrom returns the ACLs of tiers in the order in which they are tried. OVN before 23.06
// has no tiers: where a rule passes, all that later tiers say stands, for what the rule
// matches. The rule is not negated instead, as OVN does not negate what a match requires:
// !(ip4.src == X) matches no packet of IPv6 (ovn-sb(5), Expression Language).
func aclsFrom(s *topology.Snapshot, d model.PolicyDirection, tiers []model.PolicyTier) (acls []acl) {
	if len(tiers) == 0 {
		return nil
	}
	later := aclsFrom(s, d, tiers[1:])
	subjectPort, peerAddr := "outport", "src"
	if d == model.Egress {
		subjectPort, peerAddr = "inport", "dst"
	}
	var of []*topology.Policy
	for p := range s.Policies() {
		if p.Spec.Mode == model.ModeShadow {
			continue
		}
		if p.Spec.Tier == tiers[0] {
			of = append(of, p)
		}
	}
	slices.SortStableFunc(of, func(a, b *topology.Policy) int {
		if a.Spec.Priority != b.Spec.Priority {
			return a.Spec.Priority - b.Spec.Priority
		}
		return onlyAllows(a.Spec.Rules(d)) - onlyAllows(b.Spec.Rules(d))
	})
	for _, p := range of {
		subject := portsMatch(s, subjectPort, p.Spec.Subject)
		for _, r := range p.Spec.Rules(d) {
			match := fmt.Sprintf("%s && %s && %s", subject, peersMatch(s, peerAddr, r.Peers), portMatch(r.Ports))
			switch r.Action {
			case model.ActionPass:
				for _, l := range later {
					acls = append(acls, acl{l.action, match + " && " + l.match})
				}
				acls = append(acls, acl{"allow-related", match})
			case model.ActionAllow:
				acls = append(acls, acl{"allow-related", match})
			default:
				acls = append(acls, acl{"drop", match})
			}
		}
	}
	for _, p := range of {
		if slices.Contains(p.Spec.Isolates, d) {
			acls = append(acls, acl{"drop", portsMatch(s, subjectPort, p.Spec.Subject) + " && ip"})
		}
	}
	return append(acls, later...)
}

func onlyAllows(rules []model.PolicyRule) int {
	if slices.ContainsFunc(rules, func(r model.PolicyRule) bool { return r.Action != model.ActionAllow }) {
		return 0
	}
	return 1
}

// never and always are matches of OVN.
const (
	never  = "(ip.proto == 255)"
	always = "ip"
)

// selected returns the ports of a selection.
func selected(s *topology.Snapshot, by model.PolicySelection) (ports []*topology.Port) {
	for p := range s.Ports() {
		g, grouped := s.PortGroup(by.PortGroup)
		switch {
		case by.Selector != nil && !by.Selector.Matches(p.Labels),
			len(by.Networks) > 0 && !slices.Contains(by.Networks, p.Spec.Network),
			grouped && !slices.Contains(g.Spec.Ports, p.Name) && (g.Spec.Selector == nil || !g.Spec.Selector.Matches(p.Labels)):
		default:
			ports = append(ports, p)
		}
	}
	return ports
}

func portsMatch(s *topology.Snapshot, field string, by model.PolicySelection) string {
	var names []string
	for _, p := range selected(s, by) {
		names = append(names, fmt.Sprintf("%q", p.Name))
	}
	if len(names) == 0 {
		return never
	}
	return fmt.Sprintf("%s == {%s}", field, strings.Join(names, ", "))
}

func peersMatch(s *topology.Snapshot, field string, peers []model.PolicyPeer) string {
	if len(peers) == 0 {
		return always
	}
	var all []string
	of := func(p netip.Prefix) string {
		if p.Addr().Is4() {
			return fmt.Sprintf("ip4.%s == %s", field, p)
		}
		return fmt.Sprintf("ip6.%s == %s", field, p)
	}
	for _, p := range peers {
		if p.CIDR.IsValid() {
			m := of(p.CIDR)
			for _, e := range p.Except {
				m += " && !(" + of(e) + ")"
			}
			all = append(all, "("+m+")")
			continue
		}
		for _, port := range selected(s, p.PolicySelection) {
			for _, a := range port.Addresses {
				all = append(all, "("+of(netip.PrefixFrom(a, a.BitLen()))+")")
			}
		}
	}
	if len(all) == 0 {
		return never
	}
	return "(" + strings.Join(all, " || ") + ")"
}

func portMatch(ports []model.PolicyPort) string {
	if len(ports) == 0 {
		return always
	}
	var all []string
	for _, p := range ports {
		name := string(p.Protocol)
		switch {
		case p.Protocol == model.ProtocolICMP && p.Any:
			all = append(all, "icmp4", "icmp6")
		case p.Protocol == model.ProtocolICMP:
			all = append(all, fmt.Sprintf("icmp4.type == %d", p.First))
		case p.Protocol == model.ProtocolICMPv6 && p.Any:
			all = append(all, "icmp6")
		case p.Protocol == model.ProtocolICMPv6:
			all = append(all, fmt.Sprintf("icmp6.type == %d", p.First))
		case p.Any:
			all = append(all, name)
		default:
			all = append(all, fmt.Sprintf("(%s.dst >= %d && %s.dst <= %d)", name, p.First, name, p.Last))
		}
	}
	return "(" + strings.Join(all, " || ") + ")"
}

// ovn is OVN's databases and ovn-northd, without any node.
type ovn struct {
	t   *testing.T
	dir string
	// conn is the connection to ovn-trace; nil before the first query.
	conn    net.Conn
	answers *json.Decoder
}

func startOVN(t *testing.T) *ovn {
	t.Helper()
	const schemas = "/usr/share/ovn/"
	for _, name := range []string{"ovn-northd", "ovn-nbctl", "ovn-trace", "ovsdb-server", "ovsdb-tool", "ovs-appctl"} {
		if _, err := exec.LookPath(name); err != nil {
			t.Skipf("needs OVN: %v", err)
		}
	}
	dir, err := os.MkdirTemp("", "ovn") // short, as the paths of sockets must be
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	o := &ovn{t: t, dir: dir}
	for _, db := range []string{"nb", "sb"} {
		o.run("ovsdb-tool", "create", o.path(db+".db"), schemas+"ovn-"+db+".ovsschema")
		o.daemon(db, "ovsdb-server", o.path(db+".db"), "--remote=punix:"+o.path(db+".sock"))
	}
	o.daemon("northd", "ovn-northd", "--ovnnb-db=unix:"+o.path("nb.sock"), "--ovnsb-db=unix:"+o.path("sb.sock"))
	return o
}

func (o *ovn) path(name string) string { return filepath.Join(o.dir, name) }

func (o *ovn) command(ctx context.Context, name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Env = append(os.Environ(), "OVS_RUNDIR="+o.dir, "OVN_RUNDIR="+o.dir, "OVS_LOGDIR="+o.dir, "OVN_LOGDIR="+o.dir)
	return cmd
}

func (o *ovn) run(name string, args ...string) string {
	o.t.Helper()
	out, err := o.command(o.t.Context(), name, args...).CombinedOutput()
	if err != nil {
		o.t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return string(out)
}

// daemon starts a daemon that ends with the test, and waits for its control socket.
func (o *ovn) daemon(what, name string, args ...string) {
	o.t.Helper()
	cmd := o.command(context.Background(), name, append(args, "--unixctl="+o.path(what+".ctl"), "-vconsole:off", "-vsyslog:off", "--log-file="+o.path(what+".log"))...)
	if err := cmd.Start(); err != nil {
		o.t.Fatal(err)
	}
	o.t.Cleanup(func() {
		_ = cmd.Process.Kill() // it may have ended
		_ = cmd.Wait()         // says that it was killed
	})
	for end := time.Now().Add(15 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		if _, err := os.Stat(o.path(what + ".ctl")); err == nil {
			return
		} else if time.Now().After(end) {
			o.t.Fatal(err)
		}
	}
}

// nb changes the northbound database and waits until ovn-northd has updated the southbound one.
func (o *ovn) nb(args ...string) {
	o.t.Helper()
	o.run("ovn-nbctl", append([]string{"--db=unix:" + o.path("nb.sock"), "--wait=sb", "--timeout=20"}, args...)...)
}

// declare makes the switch and its ports.
func (o *ovn) declare(s *topology.Snapshot) {
	o.t.Helper()
	args := []string{"ls-add", "pods"}
	for p := range s.Ports() {
		addresses := p.MAC.String()
		for _, a := range p.Addresses {
			addresses += " " + a.String()
		}
		args = append(args, "--", "lsp-add", "pods", p.Name, "--", "lsp-set-addresses", p.Name, addresses)
	}
	o.nb(args...)
}

// traces starts a new ovn-trace. ovn-trace reads the database once, and serves queries only if it
// is detached.
func (o *ovn) traces() {
	o.t.Helper()
	o.endTraces()
	out := o.run("ovn-trace", "--db=unix:"+o.path("sb.sock"), "--ct=new", "--ct=new", "--detach", "--no-chdir", "--pidfile="+o.path("trace.pid"), "--unixctl="+o.path("trace.ctl"))
	if strings.Contains(out, "failed") {
		o.t.Fatalf("ovn-trace does not understand what ovn-northd made of the ACLs: %s", out)
	}
}

// endTraces ends ovn-trace, if it runs.
func (o *ovn) endTraces() {
	if o.conn != nil {
		_ = o.conn.Close() // all responses are read, so an error does not matter
		o.conn = nil
	}
	if _, err := os.Stat(o.path("trace.ctl")); err != nil {
		return
	}
	if out, err := o.command(context.Background(), "ovs-appctl", "-t", o.path("trace.ctl"), "exit").CombinedOutput(); err != nil {
		o.t.Errorf("ovn-trace: %v: %s", err, out)
	}
	for end := time.Now().Add(5 * time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if _, err := os.Stat(o.path("trace.ctl")); err != nil {
			return
		}
	}
	o.t.Error("ovn-trace does not end")
}

// apply replaces the ACLs.
func (o *ovn) apply(acls []string) {
	o.t.Helper()
	args := []string{"acl-del", "pods"}
	for _, a := range acls {
		f := strings.SplitN(a, " ", 4)
		args = append(args, "--", "acl-add", "pods", f[0], f[1], f[3], f[2])
	}
	o.nb(args...)
	o.traces()
}

// allows reports whether OVN delivers a connection.
func (o *ovn) allows(from, to *topology.Port, family model.Family, what model.PolicyPort) bool {
	o.t.Helper()
	m := fmt.Sprintf("inport == %q && eth.src == %s && eth.dst == %s && ip.ttl == 64", from.Name, from.MAC, to.MAC)
	for i, p := range []*topology.Port{from, to} {
		for _, a := range p.Addresses {
			if model.FamilyOf(a) == family {
				m += fmt.Sprintf(" && ip%d.%s == %s", []int{4, 6}[family], []string{"src", "dst"}[i], a)
			}
		}
	}
	switch what.Protocol {
	case model.ProtocolICMP:
		m += fmt.Sprintf(" && icmp4.type == %d && icmp4.code == 0", what.First)
	case model.ProtocolICMPv6:
		m += fmt.Sprintf(" && icmp6.type == %d && icmp6.code == 0", what.First)
	default:
		m += fmt.Sprintf(" && %s.src == 40000 && %s.dst == %d", what.Protocol, what.Protocol, what.First)
	}
	return strings.Contains(o.trace(m), fmt.Sprintf("output(%q)", to.Name))
}

// trace queries ovn-trace about a packet in the same way as ovs-appctl(8), which takes longer to
// start than the query takes.
func (o *ovn) trace(packet string) string {
	o.t.Helper()
	if o.conn == nil {
		var err error
		if o.conn, err = net.Dial("unix", o.path("trace.ctl")); err != nil {
			o.t.Fatal(err)
		}
		o.answers = json.NewDecoder(o.conn)
	}
	request, err := json.Marshal(map[string]any{"method": "trace", "params": []string{"--minimal", "pods", packet}, "id": 0})
	if err != nil {
		o.t.Fatal(err)
	}
	if _, err := o.conn.Write(request); err != nil {
		o.t.Fatal(err)
	}
	var answer struct {
		Result string
		Error  any
	}
	if err := o.answers.Decode(&answer); err != nil || answer.Error != nil {
		o.t.Fatalf("ovn-trace: %v, %v: %s", err, answer.Error, packet)
	}
	return answer.Result
}
