package model

import (
	"fmt"
	"iter"
	"net/netip"
	"slices"
	"strings"
	"time"
)

// ServiceSpec is the declared part of a service: addresses under which clients reach one of
// several backends.
//
// A new connection from a port of one of the networks to an address and port of the
// service goes to one of the backends, chosen by the switch at the client's node. The
// backend sees the client's own address, and policies judge the connection as one from the
// client to the backend.
type ServiceSpec struct {
	Addresses []netip.Addr `json:"addresses,omitempty" doc:"Addresses of the service, of one or both families. They are in no subnet of the networks that may use it. 1 to 16; none if the service is headless" example:"[\"10.96.0.10\"]"`
	// Headless services have no flows.
	Headless bool `json:"headless,omitempty" doc:"Whether the service has no addresses, and clients connect to its backends directly: its name has the addresses of the backends that it would give new connections to, and each backend has a name below it"`
	// PublishNotReadyAddresses is of headless services.
	PublishNotReadyAddresses bool     `json:"publishNotReadyAddresses,omitempty" doc:"Whether the name of a headless service has the addresses of backends that have no interface or do not pass the health check, too, as peers need that find each other before they are ready. Those that are draining are left out in any case"`
	Networks                 []string `json:"networks,omitempty" doc:"Networks whose ports may use the service, beside those of the routers. They must be segmented or joined by a router" example:"[\"blue\"]"`
	Routers                  []string `json:"routers,omitempty" doc:"Routers all of whose networks may use the service" example:"[\"r1\"]"`
	// Ports as stored are never empty.
	Ports       []ServicePort   `json:"ports" doc:"Protocols and ports of the service; at most 64"`
	Backends    ServiceBackends `json:"backends,omitzero" doc:"The ports that answer. While there are none, the service refuses connections"`
	HealthCheck *HealthCheck    `json:"healthCheck,omitempty" doc:"How sdnd finds out which backends answer; only these get new connections. Without it all do that have an interface"`
	// SessionAffinity "" is AffinityNone.
	SessionAffinity SessionAffinity `json:"sessionAffinity,omitempty" doc:"None: each connection goes to any backend. ClientIP: new connections from one address go to the backend that the last one went to, as long as it gets new connections" enum:"None,ClientIP" default:"None" example:"ClientIP"`
	// SessionAffinityTimeout as stored is 0 without affinity and else never.
	SessionAffinityTimeout Duration `json:"sessionAffinityTimeout,omitzero" doc:"How long after its last new connection a client keeps its backend, 1s to 18h; 3h when absent" example:"10m"`
	// DrainingTime 0 is forever.
	DrainingTime Duration `json:"drainingTime,omitzero" doc:"How long connections to a backend that gets no new ones go on, because it is draining or no backend any more: 1s to 18h. Then they are reset. As long as they like when absent" example:"5m"`
	// Uplink is nil for a service without addresses on an uplink.
	Uplink *ServiceUplink `json:"uplink,omitempty" doc:"Addresses of the service on the network of an uplink of the type bridge, where one node that has it answers for them. Machines outside reach the service there, at its own ports, and ports of the networks, too. Such a service names one network or one router"`
	// InternalTrafficPolicy "" is TrafficCluster.
	InternalTrafficPolicy TrafficPolicy `json:"internalTrafficPolicy,omitempty" doc:"Which backends connections from ports of the networks go to. Cluster: any. Local: those on the client's own node; where there are none, they are refused" enum:"Cluster,Local" default:"Cluster" example:"Local"`
	// ExternalTrafficPolicy "" is TrafficCluster.
	ExternalTrafficPolicy TrafficPolicy `json:"externalTrafficPolicy,omitempty" doc:"Which backends connections from outside go to. Cluster: any. Local: those on the node whose node port the client uses, and if all there are draining, these; where there are none, they are refused. Addresses on an uplink are on a node with backends then" enum:"Cluster,Local" default:"Cluster" example:"Local"`
	// HealthCheckNodePort as stored is the user's; what is chosen for auto is in topology.Service.
	HealthCheckNodePort NodePort `json:"healthCheckNodePort,omitzero" doc:"Port of the nodes' own addresses at which a load balancer outside asks, by HTTP, whether the node has backends that get new connections: 200 if it has, 503 if not, and how many. 30000 to 32767, no node port of TCP; auto for a free one. With node ports and the externalTrafficPolicy Local only" example:"30999"`
}

// TrafficPolicy says on which nodes the backends are that connections go to.
type TrafficPolicy string

// The traffic policies.
const (
	TrafficCluster TrafficPolicy = "Cluster"
	TrafficLocal   TrafficPolicy = "Local"
)

// UnmarshalText reads it in any case.
func (t *TrafficPolicy) UnmarshalText(b []byte) error {
	*t = TrafficPolicy(b)
	for _, known := range []TrafficPolicy{TrafficCluster, TrafficLocal} {
		if strings.EqualFold(string(b), string(known)) {
			*t = known
		}
	}
	return nil
}

// normal checks the policy, and returns "" for the default.
func (t TrafficPolicy) normal(field string, bad Reporter) TrafficPolicy {
	switch t {
	case "", TrafficCluster:
		return ""
	case TrafficLocal:
	default:
		bad(Invalid, field, fmt.Sprintf("%q is not a traffic policy", string(t)), "write Cluster or Local")
	}
	return t
}

// SessionAffinity says whether a client keeps its backend.
type SessionAffinity string

// The kinds of affinity.
const (
	AffinityNone     SessionAffinity = "None"
	AffinityClientIP SessionAffinity = "ClientIP"
)

// UnmarshalText reads it in any case.
func (s *SessionAffinity) UnmarshalText(b []byte) error {
	*s = SessionAffinity(b)
	for _, known := range []SessionAffinity{AffinityNone, AffinityClientIP} {
		if strings.EqualFold(string(b), string(known)) {
			*s = known
		}
	}
	return nil
}

// Bounds of ServiceSpec.SessionAffinityTimeout. An OpenFlow timeout has 16 bits.
const (
	DefaultAffinityTimeout = Duration(3 * time.Hour)
	MaxAffinityTimeout     = Duration(18 * time.Hour)
)

// MaxDrainingTime is the highest ServiceSpec.DrainingTime.
const MaxDrainingTime = Duration(18 * time.Hour)

// ServicePort is a port of a service.
type ServicePort struct {
	Name string `json:"name,omitempty" doc:"Name of the port; needed if the service has several" maxLength:"63" example:"http"`
	// Protocol as stored is never empty.
	Protocol PolicyProtocol `json:"protocol" required:"false" doc:"Protocol of the port" enum:"tcp,udp" default:"tcp" example:"tcp"`
	Port     uint16         `json:"port" doc:"Number of the port at the service's addresses" minimum:"1" maximum:"65535" example:"80"`
	// TargetPort as stored is never zero.
	TargetPort TargetPort `json:"targetPort" required:"false" doc:"Port at the backends: its number, or a name that each backend has among its namedPorts, with the number that it has there. The number of the service's port if left out" example:"8080"`
	// NodePort as stored is the user's; what is chosen for auto is in topology.Service.
	NodePort NodePort `json:"nodePort,omitzero" doc:"Port of the nodes' own addresses by which machines outside reach this port, 30000 to 32767, of no other service with the same protocol; auto for a free one. Nodes that have an uplink are reached. A service with node ports names one network or one router" example:"30080"`
}

// ServiceBackends are the ports that serve a service: those that a selection picks, or
// those that are listed. Backends outside of a client's routing domain do not serve that
// client.
type ServiceBackends struct {
	PolicySelection
	// Endpoints as stored are in the order of their ports.
	Endpoints []ServiceEndpoint `json:"endpoints,omitempty" doc:"The backends one by one, instead of a selection; at most 4096"`
}

// ServiceEndpoint is one backend of a service.
type ServiceEndpoint struct {
	Port        string            `json:"port" doc:"Name of the network port that answers" example:"web1"`
	TargetPorts map[string]uint16 `json:"targetPorts,omitempty" doc:"Numbers of ports at this backend, by the names of the service's ports, where they differ from the targetPort" example:"{\"http\":8081}"`
	// State as stored is never empty.
	State EndpointState `json:"state" required:"false" doc:"ready: gets new connections. draining: keeps those that it has" enum:"ready,draining" default:"ready" example:"ready"`
}

// EndpointState says whether a backend gets new connections.
type EndpointState string

// The states.
const (
	EndpointReady    EndpointState = "ready"
	EndpointDraining EndpointState = "draining"
)

// UnmarshalText reads a state in any case.
func (s *EndpointState) UnmarshalText(b []byte) error {
	*s = EndpointState(strings.ToLower(string(b)))
	return nil
}

// Limits of a service.
const (
	// MaxServiceAddresses of one service.
	MaxServiceAddresses = 16
	// MaxServiceScopes is how many networks and routers a service may name.
	MaxServiceScopes = 64
	// MaxServicePorts of one service.
	MaxServicePorts = 64
	// MaxServiceEndpoints is how many backends a service may list.
	MaxServiceEndpoints = 4096
)

// Kind returns KindService.
func (ServiceSpec) Kind() Kind { return KindService }

// Writer returns Operator.
func (ServiceSpec) Writer() Role { return Operator }

// References yields the networks, routers, uplink, ports and port groups that the service names.
func (s ServiceSpec) References() iter.Seq2[string, Ref] {
	return func(yield func(string, Ref) bool) {
		for field, ref := range s.Scopes() {
			if !yield(field, ref) {
				return
			}
		}
		if s.Uplink != nil && !yield("spec.uplink.name", Ref{KindUplink, s.Uplink.Name}) {
			return
		}
		if !s.Backends.references("spec.backends", yield) {
			return
		}
		for _, e := range s.Backends.Endpoints { // whose order is not that in which they were given
			if !yield("spec.backends.endpoints", Ref{KindPort, e.Port}) {
				return
			}
		}
	}
}

// Scopes yields the networks and routers whose ports may use the service.
func (s ServiceSpec) Scopes() iter.Seq2[string, Ref] {
	return func(yield func(string, Ref) bool) {
		for i, n := range s.Networks {
			if !yield(fmt.Sprintf("spec.networks[%d]", i), Ref{KindNetwork, n}) {
				return
			}
		}
		for i, r := range s.Routers {
			if !yield(fmt.Sprintf("spec.routers[%d]", i), Ref{KindRouter, r}) {
				return
			}
		}
	}
}

// Endpoint returns the entry of the list of stored backends for a port; ok is false if the port
// is not listed.
func (b *ServiceBackends) Endpoint(port string) (e ServiceEndpoint, ok bool) {
	i, ok := slices.BinarySearchFunc(b.Endpoints, port, func(e ServiceEndpoint, port string) int { return strings.Compare(e.Port, port) })
	if ok {
		e = b.Endpoints[i]
	}
	return e, ok
}

// SortEndpoints puts the endpoints in the order of their ports, in which they are stored.
func (b *ServiceBackends) SortEndpoints() {
	slices.SortStableFunc(b.Endpoints, func(a, b ServiceEndpoint) int { return strings.Compare(a.Port, b.Port) })
}

// Selects reports whether the backends are those that a selection picks.
func (b *ServiceBackends) Selects() bool { return !b.isZero() }

// Called returns how a port of the service calls its port at a backend.
func (e ServiceEndpoint) Called(p ServicePort) TargetPort {
	if n, ok := e.TargetPorts[p.Name]; ok {
		return TargetPort{Number: n}
	}
	return p.TargetPort
}

// Target returns the number that a port of the service has at a backend with named ports; 0
// if the service names a port that the backend has not.
func (e ServiceEndpoint) Target(p ServicePort, named map[string]PolicyPort) uint16 {
	called := e.Called(p)
	if called.Name == "" {
		return called.Number
	}
	if is := named[called.Name]; is.Protocol == p.Protocol {
		return is.First
	}
	return 0
}

// Normal implements Spec. It fills in protocols, target ports and states.
func (s ServiceSpec) Normal(bad Reporter) Spec {
	if s.Headless {
		s.checkHeadless(bad)
	} else {
		s.normalAddresses(bad)
		if s.PublishNotReadyAddresses {
			bad(Invalid, "spec.publishNotReadyAddresses", "the service is not headless, so its name has its own addresses", "set headless and remove the addresses, or leave publishNotReadyAddresses out")
		}
	}
	s.Addresses, s.Networks, s.Routers = cloned(s.Addresses), cloned(s.Networks), cloned(s.Routers)
	if n := len(s.Networks) + len(s.Routers); n == 0 {
		bad(Invalid, "spec", "nobody may use it: it names neither networks nor routers", "give spec.networks or spec.routers")
	} else if n > MaxServiceScopes {
		bad(Invalid, "spec.networks", fmt.Sprintf("%d networks and routers, at most %d are allowed", n, MaxServiceScopes), "name the router that joins the networks")
	}
	checkListed(s.Networks, KindNetwork, "spec.networks", bad)
	checkListed(s.Routers, KindRouter, "spec.routers", bad)
	s.Ports = s.normalPorts(bad)
	s.Backends = s.Backends.normal(s.Ports, bad)
	s.HealthCheck = s.HealthCheck.normal(s.Ports, bad)
	s.normalAffinity(bad)
	if s.DrainingTime > MaxDrainingTime {
		bad(Invalid, "spec.drainingTime", s.DrainingTime.String()+" is too long", fmt.Sprintf("give 1s to %v, or leave it out for connections that go on as long as they like", MaxDrainingTime))
	}
	s.InternalTrafficPolicy = s.InternalTrafficPolicy.normal("spec.internalTrafficPolicy", bad)
	s.ExternalTrafficPolicy = s.ExternalTrafficPolicy.normal("spec.externalTrafficPolicy", bad)
	s.Uplink = s.Uplink.normal(&s, bad)
	s.checkNodePorts(bad)
	return s
}

// HasNodePorts reports whether any port of the service has a node port.
func (s ServiceSpec) HasNodePorts() bool {
	return slices.ContainsFunc(s.Ports, func(p ServicePort) bool { return !p.NodePort.IsZero() })
}

// checkNodePorts checks the node ports, and what is about them.
func (s ServiceSpec) checkNodePorts(bad Reporter) {
	for i, p := range s.Ports {
		for j, o := range s.Ports[:i] {
			if p.NodePort.Number != 0 && p.NodePort == o.NodePort && p.Protocol == o.Protocol {
				bad(Invalid, fmt.Sprintf("spec.ports[%d].nodePort", i), fmt.Sprintf("spec.ports[%d] has the node port %s of %s, too", j, p.NodePort, p.Protocol), "give each port of one protocol another, or auto")
			}
		}
	}
	if n := s.HealthCheckNodePort; n.Number != 0 {
		if i := slices.IndexFunc(s.Ports, func(p ServicePort) bool { return p.Protocol == ProtocolTCP && p.NodePort == n }); i >= 0 {
			bad(Invalid, "spec.healthCheckNodePort", fmt.Sprintf("spec.ports[%d] has the node port %s of tcp, too", i, n), "give another number, or auto")
		}
	}
	switch {
	case !s.HealthCheckNodePort.IsZero() && (s.ExternalTrafficPolicy != TrafficLocal || !s.HasNodePorts()):
		bad(Invalid, "spec.healthCheckNodePort", "each node takes connections for all backends, so there is nothing to ask it", "give ports a nodePort and set externalTrafficPolicy to Local, or leave healthCheckNodePort out")
	case s.Uplink != nil && len(s.Networks)+len(s.Routers) > 1:
		bad(Invalid, "spec.uplink", "a service with addresses on an uplink names several networks or routers, and a client outside is in none of them, so it is not clear which backends are meant", "name the one router that joins the networks, or make a service for each")
	case s.HasNodePorts() && len(s.Networks)+len(s.Routers) > 1:
		bad(Invalid, "spec.ports", "a service with node ports names several networks or routers, and a client outside is in none of them, so it is not clear which backends are meant", "name the one router that joins the networks, or make a service for each")
	case !s.Exposed() && s.ExternalTrafficPolicy != "":
		bad(Invalid, "spec.externalTrafficPolicy", "the service has neither a node port nor addresses on an uplink, so nobody outside reaches it", "give a port a nodePort, give uplink, or leave externalTrafficPolicy out")
	}
}

// normalAffinity checks the affinity, and fills in its timeout.
func (s *ServiceSpec) normalAffinity(bad Reporter) {
	switch s.SessionAffinity {
	case "", AffinityNone:
		if s.SessionAffinityTimeout != 0 {
			bad(Invalid, "spec.sessionAffinityTimeout", "the service has no session affinity", "set sessionAffinity to ClientIP, or leave the timeout out")
		}
		s.SessionAffinity = ""
	case AffinityClientIP:
		if s.SessionAffinityTimeout == 0 {
			s.SessionAffinityTimeout = DefaultAffinityTimeout
		}
		if s.SessionAffinityTimeout > MaxAffinityTimeout {
			bad(Invalid, "spec.sessionAffinityTimeout", s.SessionAffinityTimeout.String()+" is too long", fmt.Sprintf("give 1s to %v", MaxAffinityTimeout))
		}
	default:
		bad(Invalid, "spec.sessionAffinity", fmt.Sprintf("%q is not a session affinity", string(s.SessionAffinity)), "write None or ClientIP")
	}
}

// checkHeadless refuses what is about connections that switches give to backends, of which a
// headless service has none.
func (s ServiceSpec) checkHeadless(bad Reporter) {
	for _, c := range []struct {
		given bool
		field string
	}{
		{len(s.Addresses) > 0, "spec.addresses"},
		{s.Uplink != nil, "spec.uplink"},
		{s.SessionAffinity != "" && s.SessionAffinity != AffinityNone, "spec.sessionAffinity"},
		{s.DrainingTime != 0, "spec.drainingTime"},
		{s.InternalTrafficPolicy != "" && s.InternalTrafficPolicy != TrafficCluster, "spec.internalTrafficPolicy"},
	} {
		if c.given {
			bad(Invalid, c.field, "the service is headless: clients connect to its backends directly", "leave it out, or set headless to false")
		}
	}
	for i, p := range s.Ports {
		if !p.NodePort.IsZero() {
			bad(Invalid, fmt.Sprintf("spec.ports[%d].nodePort", i), "the service is headless: clients connect to its backends directly", "leave it out, or set headless to false")
		}
	}
}

func (s ServiceSpec) normalAddresses(bad Reporter) {
	if n := len(s.Addresses); n == 0 {
		bad(Invalid, "spec.addresses", "the address is missing", "give one that no subnet of the networks has, such as 10.96.0.10, or set headless for a service without")
	} else if n > MaxServiceAddresses {
		bad(Invalid, "spec.addresses", fmt.Sprintf("%d addresses, at most %d are allowed", n, MaxServiceAddresses), "make several services with the same backends")
	}
	for i, a := range s.Addresses {
		at := fmt.Sprintf("spec.addresses[%d]", i)
		switch {
		case !a.IsValid():
			bad(Invalid, at, "the address is missing", "write it as 10.96.0.10, or remove the entry")
		case a.Is4In6():
			bad(Invalid, at, a.String()+" is IPv4 mapped into IPv6, which no packet has", "write it as IPv4, such as 10.96.0.10")
		case a.Zone() != "" || !a.IsGlobalUnicast():
			bad(Invalid, at, a.String()+" is not an address that packets can be routed to", "give a unicast address that is not link-local")
		case slices.Contains(s.Addresses[:i], a):
			bad(Invalid, at, a.String()+" is listed twice", "list it once")
		}
	}
}

// normalPorts checks the ports, and returns a copy of them.
func (s ServiceSpec) normalPorts(bad Reporter) []ServicePort {
	ports := cloned(s.Ports)
	if n := len(ports); n == 0 {
		bad(Invalid, "spec.ports", "the service has no ports", "give one, such as {port: 80}")
	} else if n > MaxServicePorts {
		bad(Invalid, "spec.ports", fmt.Sprintf("%d ports, at most %d are allowed", n, MaxServicePorts), "make several services")
		return nil
	}
	for i := range ports {
		p, at := &ports[i], fmt.Sprintf("spec.ports[%d]", i)
		if p.Protocol == "" {
			p.Protocol = ProtocolTCP
		}
		p.Protocol = PolicyProtocol(strings.ToLower(string(p.Protocol)))
		if p.Protocol != ProtocolTCP && p.Protocol != ProtocolUDP {
			bad(Invalid, at+".protocol", fmt.Sprintf("%q is not a protocol of services", p.Protocol), "write tcp or udp")
		}
		if p.Port == 0 {
			bad(Invalid, at+".port", "the port is missing", "give a number from 1 to 65535")
		}
		if p.TargetPort.IsZero() {
			p.TargetPort.Number = p.Port
		}
		if len(p.Name) > MaxNameLength || !printable(p.Name, false) {
			bad(Invalid, at+".name", fmt.Sprintf("%.70q is not the name of a port", p.Name), fmt.Sprintf("use at most %d characters of printable ASCII without spaces", MaxNameLength))
		}
		if p.Name == "" && len(ports) > 1 {
			bad(Invalid, at+".name", "a service with several ports needs names for them", "give each a name, such as http")
		}
		for j, o := range ports[:i] {
			switch {
			case o.Protocol == p.Protocol && o.Port == p.Port:
				bad(Invalid, at, fmt.Sprintf("%s/%d is listed twice", p.Protocol, p.Port), "list it once")
			case o.Name == p.Name && p.Name != "":
				bad(Invalid, at+".name", fmt.Sprintf("spec.ports[%d] is called %q too", j, p.Name), "give each port a name of its own")
			}
		}
	}
	return ports
}

// normal checks the backends, and returns a copy of them.
func (b ServiceBackends) normal(ports []ServicePort, bad Reporter) ServiceBackends {
	const field = "spec.backends"
	b.PolicySelection = b.PolicySelection.normal(field, bad)
	b.Endpoints = cloned(b.Endpoints)
	if b.Selects() && len(b.Endpoints) > 0 {
		bad(Invalid, field, "has both a selection of ports and endpoints", "give one of the two")
	}
	if n := len(b.Endpoints); n > MaxServiceEndpoints {
		bad(Invalid, field+".endpoints", fmt.Sprintf("%d endpoints, at most %d are allowed", n, MaxServiceEndpoints), "use a selector")
		return b
	}
	seen := map[string]bool{}
	for i := range b.Endpoints {
		e, at := &b.Endpoints[i], fmt.Sprintf("%s.endpoints[%d]", field, i)
		if e.State == "" {
			e.State = EndpointReady
		}
		if e.State != EndpointReady && e.State != EndpointDraining {
			bad(Invalid, at+".state", fmt.Sprintf("%q is not a state", e.State), fmt.Sprintf("write %s or %s", EndpointReady, EndpointDraining))
		}
		if e.Port == "" {
			bad(Invalid, at+".port", "the name of the port is empty", "name a port or remove the entry")
		} else if seen[e.Port] {
			bad(Invalid, at+".port", fmt.Sprintf("port %q is listed twice", e.Port), "list it once")
		}
		seen[e.Port] = true
		e.TargetPorts = e.normalTargets(ports, at, bad)
	}
	b.SortEndpoints()
	return b
}

func (e ServiceEndpoint) normalTargets(ports []ServicePort, at string, bad Reporter) map[string]uint16 {
	if len(e.TargetPorts) == 0 {
		return nil
	}
	out := make(map[string]uint16, len(e.TargetPorts))
	for name, n := range e.TargetPorts {
		out[name] = n
		if !slices.ContainsFunc(ports, func(p ServicePort) bool { return p.Name == name }) {
			bad(Invalid, at+".targetPorts", fmt.Sprintf("the service has no port %q", name), "use the names of spec.ports")
		} else if n == 0 {
			bad(Invalid, at+".targetPorts", fmt.Sprintf("the number of %q is missing", name), "give a number from 1 to 65535")
		}
	}
	return out
}
