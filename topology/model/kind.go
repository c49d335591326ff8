package model

import (
	"fmt"
	"reflect"
	"strings"
)

// Kind names a kind of object, as in a reference: "port".
type Kind string

// The kinds of objects that a user declares.
const (
	KindNode    Kind = "node"
	KindNetwork Kind = "network"
	// KindUplink is a way from nodes to networks outside of sdnd.
	KindUplink Kind = "uplink"
	KindRouter Kind = "router"
	KindPort   Kind = "port"
	// KindPortGroup is a set of ports that policies and services name.
	KindPortGroup Kind = "portgroup"
	// KindPolicy decides which ports may communicate.
	KindPolicy Kind = "policy"
	// KindService is addresses under which clients reach one of several ports.
	KindService Kind = "service"
	// KindFloatingIP is an address of an uplink that leads to ports from outside.
	KindFloatingIP Kind = "floatingip"
	// KindEgressIP is addresses of an uplink with which selected ports leave.
	KindEgressIP Kind = "egressip"
	// KindDNSRecord is records of DNS beside those of ports and services.
	KindDNSRecord Kind = "dnsrecord"
)

// numKinds is how many kinds there are.
const numKinds = 11

// PerKind has one value for each kind. Make it with ForEachKind, which does not
// compile while a kind is missing.
type PerKind[T any] struct{ values [numKinds]T }

// ForEachKind returns the values of the kinds. The order is the one in which
// objects are planned, stored and listed: what is referred to comes before what
// refers to it.
func ForEachKind[T any](node, network, uplink, router, port, portGroup, policy, service, floatingIP, egressIP, dnsRecord T) PerKind[T] {
	return PerKind[T]{[...]T{node, network, uplink, router, port, portGroup, policy, service, floatingIP, egressIP, dnsRecord}}
}

// All returns the values in the order of the kinds.
func (p *PerKind[T]) All() []T { return p.values[:] }

// Of returns the value of a kind; ok is false if there is no such kind.
func (p *PerKind[T]) Of(k Kind) (value T, ok bool) {
	i := k.Order()
	if i < 0 {
		return value, false
	}
	return p.values[i], true
}

// kinds is the one list of kinds.
var kinds = ForEachKind(
	kindInfo{KindNode, "Node", "nodes", NodeSpec{}},
	kindInfo{KindNetwork, "Network", "networks", NetworkSpec{}},
	kindInfo{KindUplink, "Uplink", "uplinks", UplinkSpec{}},
	kindInfo{KindRouter, "Router", "routers", RouterSpec{}},
	kindInfo{KindPort, "Port", "ports", PortSpec{}},
	kindInfo{KindPortGroup, "PortGroup", "portgroups", PortGroupSpec{}},
	kindInfo{KindPolicy, "Policy", "policies", PolicySpec{Priority: DefaultPolicyPriority}},
	kindInfo{KindService, "Service", "services", ServiceSpec{}},
	kindInfo{KindFloatingIP, "FloatingIP", "floatingips", FloatingIPSpec{}},
	kindInfo{KindEgressIP, "EgressIP", "egressips", EgressIPSpec{}},
	kindInfo{KindDNSRecord, "DNSRecord", "dnsrecords", DNSRecordSpec{}},
)

// kindInfo is what the list says of a kind.
type kindInfo struct {
	kind          Kind
	title, plural string
	zero          Spec
}

// Kinds returns all kinds in their order.
func Kinds() []Kind {
	all := kinds.All()
	out := make([]Kind, len(all))
	for i, d := range all {
		out[i] = d.kind
	}
	return out
}

// Order returns the kind's place in Kinds, -1 if it is none of them.
func (k Kind) Order() int {
	for i := range kinds.values {
		if kinds.values[i].kind == k {
			return i
		}
	}
	return -1
}

// info returns what the list says of a kind; the zero value for a word that
// is none.
func (k Kind) info() kindInfo {
	d, _ := kinds.Of(k)
	return d
}

// Title returns the kind as the field "kind" of an object has it: "Port".
func (k Kind) Title() string { return k.info().title }

// Plural returns the kind as paths and buckets have it: "ports".
func (k Kind) Plural() string { return k.info().plural }

// NewSpec returns a pointer to a new spec of the kind, into which JSON can be decoded;
// nil for a word that is none. A field whose zero value can be meant has its default.
func (k Kind) NewSpec() any {
	zero := k.info().zero
	if zero == nil {
		return nil
	}
	spec := reflect.New(reflect.TypeOf(zero))
	spec.Elem().Set(reflect.ValueOf(zero))
	return spec.Interface()
}

// Deref returns the spec that a pointer of NewSpec points to.
func Deref(spec any) Spec { return reflect.ValueOf(spec).Elem().Interface().(Spec) }

// Writer returns the least role that may write objects of the kind; Admin for a
// word that is none. A spec may demand more by its own Writer.
func (k Kind) Writer() Role {
	if zero := k.info().zero; zero != nil {
		return zero.Writer()
	}
	return Admin
}

// ParseKind reads a kind in any case, singular or plural.
func ParseKind(s string) (Kind, error) {
	for _, d := range kinds.All() {
		if strings.EqualFold(s, string(d.kind)) || strings.EqualFold(s, d.plural) {
			return d.kind, nil
		}
	}
	return "", fmt.Errorf("%q is not a kind of object: want %s", s, KindList())
}

// KindList returns the kinds as text: "Node, Network, Router or Port".
func KindList() string {
	var titles []string
	for _, d := range kinds.All() {
		titles = append(titles, d.title)
	}
	last := len(titles) - 1
	return strings.Join(titles[:last], ", ") + " or " + titles[last]
}

// Ref names one declared object. Its text form is "kind/name".
type Ref struct {
	Kind Kind
	Name string
}

// String returns "kind/name", for example "port/web1".
func (r Ref) String() string { return string(r.Kind) + "/" + r.Name }

// MarshalText writes the reference as String does.
func (r Ref) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// UnmarshalText reads what MarshalText writes.
func (r *Ref) UnmarshalText(b []byte) error {
	kind, name, ok := strings.Cut(string(b), "/")
	if !ok {
		return fmt.Errorf("%q does not name an object: want kind/name, such as port/web1", b)
	}
	*r = Ref{Kind(kind), name}
	return nil
}
