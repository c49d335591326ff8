package pipeline_test

import (
	"fmt"
	"testing"

	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/model"
)

// policyVerb is one change of policies, or of the ports that they select.
type policyVerb struct {
	name    string
	prepare func(*contractBed)
	do      func(*contractBed) cost
	// bounds are those of docs/cost.md; f is the number of families.
	bounds func(b *contractBed, f int) bounds
}

// TestContractOfPolicies holds the rows of docs/cost.md about policies, as TestContract
// does the others.
func TestContractOfPolicies(t *testing.T) {
	for _, families := range [][]topology.Family{{topology.IPv4}, {topology.IPv4, topology.IPv6}} {
		for _, mode := range []topology.Mode{topology.Stretched, topology.Segmented} {
			for _, size := range [][2]int{{6, 20}, {24, 80}} {
				bed := newContractBed(t, families, mode, true, size[0], size[1])
				for _, v := range policyVerbs() {
					t.Run(fmt.Sprintf("%v/%s/%s/%dx%d", families, mode, v.name, size[0], size[1]), func(t *testing.T) {
						b := bed.copy(t)
						if v.prepare != nil {
							v.prepare(b)
						}
						got, want := v.do(b), v.bounds(b, len(families))
						if got.flowMods > want.flowMods || got.nodes > want.nodes || got.units > want.units {
							t.Errorf("%d flow-mods to %d nodes, %d units; want at most %+v", got.flowMods, got.nodes, got.units, want)
						}
					})
				}
			}
		}
	}
}

// What policies cost; f is the number of families.
//
// perPolicedNode is what a node gets when ports of a domain that it has a part in first
// have identities, and perPolicedNetwork what it gets for each network of the domain.
func perPolicedNode(f int) int    { return 16 + 14*f }
func perPolicedNetwork(f int) int { return 1 + 5*f }

// perIdentity is what differs on a port's own node if the port gets another identity and is
// not judged, perJudged if it is.
func perIdentity(f int) int { return 2*f - 1 }
func perJudged(f int) int   { return 2 * f }

// ingressRule is what a rule costs with subjects, peers and TCP ports. Isolated subjects
// cost two flows each in addition. Later fragments are one match of ports.
func ingressRule(f, subjects, peers, ports int) int { return 3 + 3*subjects + peers + f*(ports+1) }

// shadowRule is what a rule costs in the shadow tables, with isolated subjects.
func shadowRule(f, subjects, peers, ports int) int { return 1 + 2*subjects + peers + f*(ports+1) }

// keptIngress is what a policy costs on a node if it keeps connections to its subjects.
func keptIngress(subjects int) int { return 1 + 2*subjects }

// egressRule is the cost of a rule for egress on a node that has peers.
func egressRule(f, subjects, peers, ports int) int { return 1 + subjects + peers + f*(ports+1) }

func policyVerbs() []policyVerb {
	shop := func(b *contractBed, f int) int { return 2*ingressRule(f, 1, 1, 1) + 2*perJudged(f) + perIdentity(f) }
	wideOn := func(f int) int { return ingressRule(f, 3, 4, 5) + ingressRule(f, 1, 4, 5) }
	// 1 flow for each subject in inbound, and 5 that lead on from table to table, besides the
	// rules about the subjects: its own one and that of "known".
	shadowOn := func(f int) int {
		return 3 + 1 + 2*5 + shadowRule(f, 3, 4, 5) + shadowRule(f, 1, 4, 5) + shadowRule(0, 3, 7, 0) + shadowRule(0, 1, 7, 0)
	}
	return []policyVerb{
		{"first policy of a domain", (*contractBed).shop, func(b *contractBed) cost { return b.apply(web(1)) },
			func(b *contractBed, f int) bounds {
				return bounds{b.relevant*(perPolicedNode(f)+perPolicedNetwork(f)) + shop(b, f), b.relevant, 3*b.relevant + 3}
			}},
		// The flows for identities stay until the domain changes again.
		{"last policy of a domain", func(b *contractBed) { b.shop(); b.apply(web(1)) },
			func(b *contractBed) cost { return b.apply(remove(model.KindPolicy, "web")) },
			func(b *contractBed, f int) bounds { return bounds{shop(b, f), 3, 3 + 3} }},
		{"first policy that selects a port", (*contractBed).policed,
			func(b *contractBed) cost {
				return b.apply(put(model.KindPolicy, "lone", policy(with("app", "lone"), model.PolicyRule{Peers: peers(with("app", "m1"))})))
			},
			func(b *contractBed, f int) bounds { return bounds{perJudged(f) + ingressRule(0, 1, 1, 0), 1, 2} }},
		{"create policy", (*contractBed).policed,
			func(b *contractBed) cost { return b.apply(put(model.KindPolicy, "new", wide(5, 4))) },
			func(b *contractBed, f int) bounds { return bounds{wideOn(f), 2, 2} }},
		{"create policy that keeps connections", (*contractBed).policed,
			func(b *contractBed) cost { return b.apply(put(model.KindPolicy, "new", keeping(wide(5, 4)))) },
			func(b *contractBed, f int) bounds { return bounds{wideOn(f) + keptIngress(3) + keptIngress(1), 2, 2} }},
		{"create egress policy that keeps connections", func(b *contractBed) { b.policed(); b.apply(egress("out", nil)) },
			func(b *contractBed) cost {
				op := egress("more", []model.PolicyDirection{})
				op.Spec = keeping(op.Spec.(model.PolicySpec))
				return b.apply(op)
			},
			func(b *contractBed, f int) bounds {
				return bounds{2*egressRule(f, 3, 2, 2) + b.relevant*3, b.relevant, b.relevant}
			}},
		{"delete policy", func(b *contractBed) { b.policed(); b.apply(put(model.KindPolicy, "new", wide(5, 4))) },
			func(b *contractBed) cost { return b.apply(remove(model.KindPolicy, "new")) },
			func(b *contractBed, f int) bounds { return bounds{wideOn(f), 2, 2} }},
		{"one port more in a rule", func(b *contractBed) { b.policed(); b.apply(put(model.KindPolicy, "new", wide(5, 4))) },
			func(b *contractBed) cost { return b.apply(put(model.KindPolicy, "new", wide(6, 4))) },
			func(b *contractBed, f int) bounds { return bounds{2 * f, 2, 2} }},
		{"one peer more in a rule", func(b *contractBed) { b.policed(); b.apply(put(model.KindPolicy, "new", wide(5, 3))) },
			func(b *contractBed) cost { return b.apply(put(model.KindPolicy, "new", wide(5, 4))) },
			func(b *contractBed, f int) bounds { return bounds{2, 2, 2} }},
		{"first egress policy of a domain", (*contractBed).policed, func(b *contractBed) cost { return b.apply(egress("out", nil)) },
			func(b *contractBed, f int) bounds {
				unjudged := b.ports + 6
				return bounds{unjudged*perJudged(f) + b.relevant*3 + 2*egressRule(f, 3, 2, 2), b.relevant, unjudged + 5 + b.relevant}
			}},
		{"create egress policy", func(b *contractBed) { b.policed(); b.apply(egress("out", nil)) },
			func(b *contractBed) cost { return b.apply(egress("more", []model.PolicyDirection{})) },
			func(b *contractBed, f int) bounds { return bounds{2 * egressRule(f, 3, 2, 2), 2, 2} }},
		{"create egress policy that isolates", func(b *contractBed) { b.policed(); b.apply(egress("out", []model.PolicyDirection{})) },
			func(b *contractBed) cost { return b.apply(egress("more", nil)) },
			func(b *contractBed, f int) bounds {
				return bounds{b.relevant*3 + 2*egressRule(f, 3, 2, 2), b.relevant, b.relevant}
			}},
		{"create policy in shadow mode", (*contractBed).policed, func(b *contractBed) cost { return b.apply(put(model.KindPolicy, "new", inShadow(wide(5, 4)))) },
			func(b *contractBed, f int) bounds { return bounds{shadowOn(f), 2, 2} }},
		{"a policy in shadow mode is put in force", func(b *contractBed) { b.policed(); b.apply(put(model.KindPolicy, "new", inShadow(wide(5, 4)))) },
			func(b *contractBed) cost { return b.apply(put(model.KindPolicy, "new", wide(5, 4))) },
			func(b *contractBed, f int) bounds { return bounds{shadowOn(f) + wideOn(f), 2, 2} }},
		{"relabel among known identities", (*contractBed).policed,
			func(b *contractBed) cost { return b.apply(labelled("s1", 1, "role", "s", "app", "s2")) },
			func(b *contractBed, f int) bounds { return bounds{min(perJudged(f), 4), 1, 1} }},
		{"relabel the last of an identity on a node", (*contractBed).policed,
			func(b *contractBed) cost { return b.apply(labelled("s3", 1, "role", "s", "app", "s2")) },
			func(b *contractBed, f int) bounds { return bounds{perJudged(f) + 3, 1, 2} }},
		{"new identity", (*contractBed).policed,
			func(b *contractBed) cost { return b.apply(labelled("m1", 3, "role", "m", "app", "s1")) },
			func(b *contractBed, f int) bounds { return bounds{perIdentity(f) + 2, 3, 4} }},
		{"one member more in a group", (*contractBed).grouped, func(b *contractBed) cost { return b.apply(group("p1", "p2", "p3")) },
			func(b *contractBed, f int) bounds { return bounds{perIdentity(f), 1, 2} }},
		{"labels grow", (*contractBed).almostGrown, func(b *contractBed) cost { return b.apply(identify(grown)...) },
			func(b *contractBed, f int) bounds {
				return bounds{b.relevant*(2*f+1) + perIdentity(f) + ingressRule(0, 1, 1, 0), b.relevant, b.relevant + 3}
			}},
		{"bind", func(b *contractBed) { b.policed(); b.apply(labelled("new", 1, "role", "s", "app", "s1")) },
			func(b *contractBed) cost { return b.bind("new", 1) },
			func(b *contractBed, f int) bounds { return bounds{perLocalPort + 1 + 7*(f-1), 1, 1} }},
	}
}

// labelled declares a port of "net" on a node with labels, given as key, value, …
func labelled(port string, node int, pairs ...string) topology.Op {
	op := portOp(port, "net", node)
	op.Labels = map[string]string{}
	for i := 0; i < len(pairs); i += 2 {
		op.Labels[pairs[i]] = pairs[i+1]
	}
	return op
}

// with is the selection of ports that have a label.
func with(key, value string) model.PolicySelection {
	return model.PolicySelection{Selector: &model.Selector{MatchLabels: map[string]string{key: value}}}
}

func peers(all ...model.PolicySelection) (peers []model.PolicyPeer) {
	for _, s := range all {
		peers = append(peers, model.PolicyPeer{PolicySelection: s})
	}
	return peers
}

func tcpPorts(n int) (all []model.PolicyPort) {
	for i := range n {
		all = append(all, model.PolicyPort{Protocol: model.ProtocolTCP, First: uint16(1000 + 2*i), Last: uint16(1000 + 2*i)})
	}
	return all
}

// policy lets peers talk to its subject.
func policy(subject model.PolicySelection, rules ...model.PolicyRule) model.PolicySpec {
	return model.PolicySpec{Subject: subject, Ingress: rules}
}

// web is a policy about the ports of shop.
func web(ports int) topology.Op {
	return put(model.KindPolicy, "web", policy(with("app", "web"), model.PolicyRule{Peers: peers(with("app", "lb")), Ports: tcpPorts(ports)}))
}

// shop declares ports that no policy selects yet.
func (b *contractBed) shop() {
	b.declare(labelled("web1", 1, "app", "web"), labelled("web2", 2, "app", "web"), labelled("lb3", 3, "app", "lb"))
}

// declare declares ports and binds them.
func (b *contractBed) declare(ports ...topology.Op) {
	b.apply(ports...)
	for _, p := range ports {
		b.bind(p.Ref.Name, int(p.Spec.(topology.PortSpec).Node[1]-'0'))
	}
}

// wide is a policy of three subjects, m peers and q ports, in a tier of its own.
func wide(q, m int) model.PolicySpec {
	r := model.PolicyRule{Ports: tcpPorts(q)}
	for i := range m {
		r.Peers = append(r.Peers, peers(with("app", fmt.Sprintf("m%d", i+1)))...)
	}
	return model.PolicySpec{Tier: model.TierAdmin, Subject: with("role", "s"), Isolates: []model.PolicyDirection{model.Ingress}, Ingress: []model.PolicyRule{r}}
}

// inShadow is a policy in shadow mode.
func inShadow(s model.PolicySpec) model.PolicySpec {
	s.Mode = model.ModeShadow
	return s
}

// keeping is a policy that keeps connections.
func keeping(s model.PolicySpec) model.PolicySpec {
	s.OnChange = model.OnChangeKeep
	return s
}

// egress is a policy about what the subjects of wide send to the peers of it.
func egress(name string, isolates []model.PolicyDirection) topology.Op {
	return put(model.KindPolicy, name, model.PolicySpec{Subject: with("role", "s"), Isolates: isolates, Egress: []model.PolicyRule{{Peers: peers(with("role", "m")), Ports: tcpPorts(2)}}})
}

// policed declares policies, and ports of known identities: three subjects, all of which
// are on node 1 and one on node 2 too, and four peers on nodes 3 and 4. "lone" has no identity.
func (b *contractBed) policed() {
	b.declare(labelled("s1", 1, "role", "s", "app", "s1"), labelled("s1b", 1, "role", "s", "app", "s1"), labelled("s2", 1, "role", "s", "app", "s2"), labelled("s3", 1, "role", "s", "app", "s3"),
		labelled("s4", 2, "role", "s", "app", "s1"), labelled("lone", 2, "app", "lone"),
		labelled("m1", 3, "role", "m", "app", "m1"), labelled("m1b", 3, "role", "m", "app", "m1"), labelled("m2", 3, "role", "m", "app", "m2"), labelled("m3", 4, "role", "m", "app", "m3"), labelled("m4", 4, "role", "m", "app", "m4"))
	var known []model.PolicySelection
	for _, app := range []string{"s1", "s2", "s3", "m1", "m2", "m3", "m4"} {
		known = append(known, with("app", app))
	}
	b.apply(put(model.KindPolicy, "known", policy(with("role", "s"), model.PolicyRule{Peers: peers(append(known, with("role", "m"))...)})))
}

func group(ports ...string) topology.Op {
	return put(model.KindPortGroup, "g", model.PortGroupSpec{Ports: ports})
}

// grouped is policed with a policy that lets the members of a group talk to its subjects.
func (b *contractBed) grouped() {
	b.policed()
	b.apply(group("p1", "p2"), put(model.KindPolicy, "group", policy(with("role", "s"), model.PolicyRule{Peers: peers(model.PolicySelection{PortGroup: "g"})})))
}

// grown is the number of the identity that does not fit into the first labels of a
// network beside those that policed has.
const grown = 55

// almostGrown is policed with as many identities as the labels of a network suffice for.
func (b *contractBed) almostGrown() {
	b.policed()
	var ports []topology.Op
	for i := range grown + 1 {
		ports = append(ports, portOp(fmt.Sprintf("i%d", i), "net", 5))
	}
	b.declare(ports...)
	var ops []topology.Op
	for i := range grown {
		ops = append(ops, identify(i)...)
	}
	b.sharing = grown
	b.apply(ops...)
	if n, _ := b.view.Topo.Numbering("network/net"); n.Labels.Size != 64 {
		b.Fatalf("%d labels", n.Labels.Size)
	}
}

// identify gives a port an identity of its own.
func identify(i int) []topology.Op {
	port := fmt.Sprintf("i%d", i)
	return []topology.Op{
		labelled(port, 5, "app", port),
		put(model.KindPolicy, port, policy(with("app", "lone"), model.PolicyRule{Peers: peers(with("app", port))})),
	}
}

// TestContractOfMembers: the 1,001st member of a group in a segmented network costs its
// own node what a port costs, and the nodes with policies that name the group nothing.
func TestContractOfMembers(t *testing.T) {
	b := newContractBed(t, []topology.Family{topology.IPv4}, topology.Segmented, false, 6, 20)
	b.declare(labelled("web1", 1, "app", "web"))
	var members []topology.Op
	for i := range 1000 {
		members = append(members, labelled(fmt.Sprintf("m%d", i), 2+i%4, "app", "lb"))
	}
	b.apply(append(members, web(1))...)
	if got := b.apply(labelled("new", 2, "app", "lb")); got.nodes != 1 || got.units != 1 {
		t.Errorf("declared: %+v, want its own node alone", got)
	}
	if got := b.bind("new", 2); got.nodes != 1 || got.units != 1 || got.flowMods > perLocalPort+1 {
		t.Errorf("bound: %+v, want its own node alone", got)
	}
	if got := b.apply(labelled("new", 2)); got.nodes != 1 || got.flowMods > perIdentity(1) {
		t.Errorf("no member any more: %+v, want its own node alone", got)
	}
}
