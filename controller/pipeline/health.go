package pipeline

import (
	"cmp"
	"iter"
	"net/netip"
	"slices"
	"strings"

	"github.com/sdnctl/sdnctl/openflow"
	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/model"
)

// Health is what the health checks of a service's backend have found.
type Health struct {
	// Healthy says that the backend gets new connections.
	Healthy bool
	// Why says why it does not; "" while its first probe has no result.
	Why string
}

// HealthChange says that the health of a service's backend is another. The zero Health is of
// a backend that waits for its first success.
type HealthChange struct {
	Service, Port string
	After         Health
}

// Health returns what is known of a backend of a service.
func (v *View) Health(service, port string) Health {
	h, _ := v.health.Get(pairOf(service, port))
	return h
}

// Healths yields what is known of all backends, by service and port.
func (v *View) Healths() iter.Seq[HealthChange] {
	return func(yield func(HealthChange) bool) {
		v.health.Scan(func(k pair, h Health) bool {
			service, port, _ := strings.Cut(string(k), "\x00")
			return yield(HealthChange{service, port, h})
		})
	}
}

// passes reports whether the health checks of a service let a port get new connections.
func (v *View) passes(o *topology.Service, port string) bool {
	return o.Spec.HealthCheck == nil || v.Health(o.Name, port).Healthy
}

// learnHealth puts what an update says of the health of backends into the view. A service
// that gets a health check goes on with the backends that it has, until they fail. A backend whose
// link goes down has failed, and then waits for its first success, as one that had no interface does.
func (v *View) learnHealth(before *View, u Update) {
	for _, c := range u.Changes {
		was, _ := c.Before.(*topology.Service)
		is, _ := c.After.(*topology.Service)
		switch {
		case was != nil && was.Spec.HealthCheck != nil && (is == nil || is.Spec.HealthCheck == nil):
			for port := range before.healthOf(was.Name) {
				v.health.Delete(pairOf(was.Name, port))
			}
		case was != nil && was.Spec.HealthCheck == nil && is != nil && is.Spec.HealthCheck != nil:
			for b := range before.Topo.Backends(was) {
				if !v.LinkDown(b.Name) {
					v.health.Set(pairOf(is.Name, b.Name), Health{Healthy: true})
				}
			}
		}
	}
	for _, h := range u.Health {
		if h.After == (Health{}) || v.LinkDown(h.Port) {
			v.health.Delete(pairOf(h.Service, h.Port))
		} else {
			v.health.Set(pairOf(h.Service, h.Port), h.After)
		}
	}
	v.eachFailedByLink(u, func(service, port string) { v.health.Delete(pairOf(service, port)) })
}

// eachFailedByLink calls visit for the backends with health checks whose link an update may have found
// to be down.
func (v *View) eachFailedByLink(u Update, visit func(service, port string)) {
	if !v.Topo.Checks() {
		return
	}
	u.portsLinked(func(port string) {
		if p, ok := v.Topo.Port(port); ok && v.LinkDown(port) {
			for o := range v.Topo.ServicesChecking(p) {
				visit(o.Name, port)
			}
		}
	})
}

// healthOf yields the ports of which something is known as backends of a service.
func (v *View) healthOf(service string) iter.Seq[string] { return seconds(v.health, service) }

// HealthChanges returns the differences in what is known of backends that an update to the
// view after makes, for those that it names and for services that get or lose a check.
func HealthChanges(before, after *View, u Update) (all []HealthChange) {
	seen := map[pair]bool{}
	look := func(service, port string) {
		k := pairOf(service, port)
		if is := after.Health(service, port); !seen[k] && is != before.Health(service, port) {
			seen[k] = true
			all = append(all, HealthChange{service, port, is})
		}
	}
	for _, h := range u.Health {
		look(h.Service, h.Port)
	}
	after.eachFailedByLink(u, look)
	for _, c := range u.Changes {
		if c.Ref.Kind != model.KindService {
			continue
		}
		for _, v := range []*View{before, after} {
			for port := range v.healthOf(c.Ref.Name) {
				look(c.Ref.Name, port)
			}
		}
	}
	return all
}

// health marks the services whose backends' health has changed.
func (a *affected) health(u Update) {
	for _, h := range u.Health {
		if a.before.Health(h.Service, h.Port).Healthy == h.After.Healthy {
			continue
		}
		if o, ok := a.after.Topo.Service(h.Service); ok {
			for node := range a.after.nodesServing(o) {
				a.mark(node, Unit{Kind: UnitService, Name: o.Name})
			}
		}
	}
}

// checked marks a backend on its own node if a service checks it.
func (a *affected) checked(v *View, o *topology.Service, p *topology.Port) {
	if node := v.Location(p); o.Spec.HealthCheck != nil && node != "" {
		a.mark(node, Unit{Kind: UnitPort, Name: p.Name})
	}
}

// Check is how sdnd checks a backend of a service.
type Check struct {
	Service, Port string
	// Node and OFPort are where the backend is; OFPort is 0 while that is not known.
	Node   string
	OFPort openflow.PortNo
	// Spec says how often, and when the backend has failed.
	Spec *model.HealthCheck
	Probe
}

// Probe is what a probe asks a port, and as whom.
type Probe struct {
	// TCP is the port that is probed, for its answer by HTTP too; 0 is a ping.
	TCP uint16
	// Gateway is the address and MAC of the gateway, from which the probe comes, and
	// Backend those of the backend.
	Gateway, Backend       netip.Addr
	GatewayMAC, BackendMAC topology.MAC
}

// Checks yields the checks of all backends that have an interface whose link is up, as far as is known.
func (v *View) Checks() iter.Seq[Check] {
	return func(yield func(Check) bool) {
		for o := range v.Topo.Services() {
			if o.Spec.HealthCheck == nil {
				continue
			}
			for b := range v.Topo.Backends(o) {
				if !v.answers(b.Port) || v.LinkDown(b.Name) {
					continue
				}
				at := v.Place(b.Name)
				probe, obstacle := v.probe(o, b.Port, at.Node)
				if obstacle == (Obstacle{}) && !yield(Check{Service: o.Name, Port: b.Name, Node: at.Node, OFPort: at.OFPort, Spec: o.Spec.HealthCheck, Probe: probe}) {
					return
				}
			}
		}
	}
}

// Obstacle is why a backend cannot be checked; the zero Obstacle if it can. One of its fields
// is set.
type Obstacle struct {
	// NamedPort is the port that is checked, by the name that the backend has not.
	NamedPort string
	// NoFamily is a network that has no address of the families of the service.
	NoFamily string
	// NoGateway is a network that has no gateway, from which probes come.
	NoGateway string
}

// Obstacle returns why a backend of a service that has a health check cannot be checked where
// it is.
func (v *View) Obstacle(o *topology.Service, p *topology.Port) Obstacle {
	_, obstacle := v.probe(o, p, v.Location(p))
	return obstacle
}

// probe returns how a service checks a port on a node: by IPv4 if both have it.
func (v *View) probe(o *topology.Service, p *topology.Port, node string) (c Probe, _ Obstacle) {
	h := o.Spec.HealthCheck
	if h.Protocol != model.CheckICMP {
		if c.TCP = h.Number(p.Spec.NamedPorts); c.TCP == 0 {
			return c, Obstacle{NamedPort: h.Port.Name}
		}
	}
	obstacle := Obstacle{NoFamily: p.Spec.Network}
	for _, f := range model.Families() {
		if !hasFamily(o, f) {
			continue
		}
		l := v.LinkOf(p, node, f)
		if l.Gateway.IsValid() {
			c.Gateway, c.GatewayMAC, c.Backend, c.BackendMAC = l.Gateway, l.MAC, l.Address, p.MAC
			return c, Obstacle{}
		}
		if l.Address.IsValid() {
			obstacle = Obstacle{NoGateway: p.Spec.Network}
		}
	}
	return c, obstacle
}

// probesOf returns the probes that a port on a node gets, each once.
func (v *View) probesOf(p *topology.Port, node string) (all []Probe) {
	for o := range v.Topo.ServicesChecking(p) {
		if c, obstacle := v.probe(o, p, node); obstacle == (Obstacle{}) && !slices.Contains(all, c) {
			all = append(all, c)
		}
	}
	slices.SortFunc(all, func(a, b Probe) int { return cmp.Or(a.Backend.Compare(b.Backend), cmp.Compare(a.TCP, b.TCP)) })
	return all
}

// classifyProbed sends what the port answers to health checks to sdnd, at the rate of what
// ports ask sdnd. Nothing else is sent to a gateway from a port of TCP that is checked, and
// gateways ping nobody. Policies do not judge it.
func (c *Compiler) classifyProbed(p *topology.Port, in openflow.PortNo) {
	for _, k := range c.view.probesOf(p, c.node) {
		f := model.FamilyOf(k.Backend)
		m := c.fromPort(p, in, ethTypes[f])
		if f == topology.IPv4 {
			m = m.IPv4Src(host(k.Backend)).IPv4Dst(host(k.Gateway))
		} else {
			m = m.IPv6Src(host(k.Backend)).IPv6Dst(host(k.Gateway))
		}
		why := Rule("sends answers to health checks by TCP to sdnd")
		switch {
		case k.TCP != 0:
			m = m.IPProto(protoTCP).TCPSrc(k.TCP)
		case f == topology.IPv4:
			m, why = m.IPProto(protoICMP).ICMPType(echoReply), "sends answers to health checks by pings to sdnd"
		default:
			m, why = m.IPProto(protoICMPv6).ICMPv6Type(echoReply6), "sends answers to health checks by pings to sdnd"
		}
		c.match = m
		c.actions = c.actions[:0].Controller(openflow.ControllerNoBuffer)
		c.instr = c.instr[:0].Meter(uint32(in)).ApplyActions(c.actions)
		c.emit(prioAsk, why+" over "+familyNames[f])
	}
}
