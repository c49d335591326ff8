package pipeline

import (
	"iter"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/model"
)

// Way is how a service leads to one of its backends: by which of its ports to which of the
// backend's.
type Way struct {
	// Service and Port are names of the service and of the backend.
	Service, Port string
	// Of is the port of the service and the number of the backend's, as in tcp/80:8080.
	Of string
}

func (w Way) key() string { return pairOf(w.Service, pairOf(w.Port, w.Of)) }

func wayOf(o *topology.Service, port string, p model.ServicePort, target uint16) Way {
	return Way{o.Name, port, endpoint{p.Protocol, p.Port}.String() + ":" + strconv.FormatUint(uint64(target), 10)}
}

// target returns the number of the backend's port.
func (w Way) target() uint16 {
	_, number, _ := strings.Cut(w.Of, ":")
	n, _ := strconv.ParseUint(number, 10, 16) // as wayOf wrote it
	return uint16(n)
}

// Leaving is since when a way gets no new connections, and whether its connections have had
// the service's draining time, so that they are cut.
type Leaving struct {
	Since time.Time
	Ended bool
}

// LeavingChange says that a way leaves, or that its time is over. The zero Leaving is of a
// way of which nothing is known: it serves, or its service has no draining time.
type LeavingChange struct {
	Way
	After Leaving
}

// Leavings yields what is known of all ways that get no new connections.
func (v *View) Leavings() iter.Seq[LeavingChange] { return v.leavingsOf("") }

// leavingsOf yields the ways that leave whose keys begin with a prefix.
func (v *View) leavingsOf(prefix string) iter.Seq[LeavingChange] {
	return func(yield func(LeavingChange) bool) {
		v.leaving.Ascend(prefix, func(k string, l Leaving) bool {
			part := strings.SplitN(k, "\x00", 3)
			return strings.HasPrefix(k, prefix) && yield(LeavingChange{Way{part[0], part[1], part[2]}, l})
		})
	}
}

// LeavingChanges returns how what is known of ways that leave differs from the View before.
func (v *View) LeavingChanges() (all []LeavingChange) {
	slices.SortFunc(v.left, func(a, b Way) int { return strings.Compare(a.key(), b.key()) })
	for _, w := range slices.Compact(v.left) {
		l, _ := v.leaving.Get(w.key())
		all = append(all, LeavingChange{w, l})
	}
	return all
}

func (v *View) setLeaving(w Way, l Leaving) {
	v.left = append(v.left, w)
	if l == (Leaving{}) {
		v.leaving.Delete(w.key())
	} else {
		v.leaving.Set(w.key(), l)
	}
}

// drains reports whether a service ends the connections of what leaves it.
func drains(o *topology.Service) bool { return o != nil && o.Spec.DrainingTime > 0 }

// learnLeaving finds out which ways leave with an update, and which return.
func (v *View) learnLeaving(before *View, u Update) {
	if u.Now.IsZero() { // of a change that is only planned
		u.Now = time.Unix(0, 0)
	}
	for _, c := range u.Changes {
		switch c.Ref.Kind {
		case model.KindService:
			v.serviceLeaves(before, c.Ref.Name, u.Now)
		case topology.KindPort:
			seen := map[string]bool{}
			for _, x := range []struct {
				in   *View
				port topology.Object
			}{{before, c.Before}, {v, c.After}} {
				p, ok := x.port.(*topology.Port)
				if !ok {
					continue
				}
				for _, o := range x.in.Topo.ServicesWith(p) {
					if !seen[o.Name] {
						seen[o.Name] = true
						v.backendLeaves(before, o.Name, p.Name, u.Now)
					}
				}
			}
		case model.KindPortGroup:
			for _, in := range []*View{before, v} {
				for o := range in.Topo.ServicesNaming(c.Ref) {
					v.serviceLeaves(before, o.Name, u.Now)
				}
			}
		}
	}
	for _, l := range u.Leaving {
		if l.After.Ended && !v.leads(l.Way) {
			l.After = Leaving{} // no flow leads there any more
		}
		v.setLeaving(l.Way, l.After)
	}
}

// serviceLeaves compares all backends of a service.
func (v *View) serviceLeaves(before *View, service string, now time.Time) {
	was, _ := before.Topo.Service(service)
	is, _ := v.Topo.Service(service)
	if !drains(was) && !drains(is) {
		return
	}
	ports := map[string]bool{}
	if was != nil {
		for b := range before.Topo.Backends(was) {
			ports[b.Name] = true
		}
	}
	if is != nil {
		for b := range v.Topo.Backends(is) {
			ports[b.Name] = true
		}
	}
	for l := range v.leavingsOf(service + "\x00") {
		ports[l.Port] = true
	}
	for port := range ports {
		v.backendLeaves(before, service, port, now)
	}
}

// backendLeaves compares the ways by which a service leads to a port.
func (v *View) backendLeaves(before *View, service, port string, now time.Time) {
	was, _ := before.Topo.Service(service)
	is, _ := v.Topo.Service(service)
	_, exists := v.Topo.Port(port)
	if !drains(is) || !exists {
		for l := range v.leavingsOf(pairOf(service, port) + "\x00") {
			v.setLeaving(l.Way, Leaving{})
		}
		return
	}
	led, leads := before.ways(was, port), v.ways(is, port)
	for w, ready := range leads {
		_, known := v.leaving.Get(w.key())
		switch {
		case ready && known:
			v.setLeaving(w, Leaving{})
		case !ready && !known:
			v.setLeaving(w, Leaving{Since: now})
		}
	}
	for w := range led {
		_, known := v.leaving.Get(w.key())
		if _, still := leads[w]; !still && !known {
			v.setLeaving(w, Leaving{Since: now})
		}
	}
}

// ways returns how a service leads to a port, and whether it gets new connections so.
func (v *View) ways(o *topology.Service, port string) map[Way]bool {
	all := map[Way]bool{}
	if o == nil {
		return all
	}
	p, ok := v.Topo.Port(port)
	if !ok {
		return all
	}
	b, ok := v.Topo.BackendOf(o, p)
	if !ok {
		return all
	}
	for _, sp := range o.Spec.Ports {
		if n := b.Target(sp); n != 0 {
			all[wayOf(o, port, sp, n)] = b.Endpoint.State == model.EndpointReady
		}
	}
	return all
}

// leads reports whether a service has a way, if only for connections that exist.
func (v *View) leads(w Way) bool {
	o, ok := v.Topo.Service(w.Service)
	if !ok {
		return false
	}
	_, has := v.ways(o, w.Port)[w]
	return has
}

// DrainedAt returns when the draining time of a way that leaves is over; ok is false for one
// that does not leave, or is cut already.
func (v *View) DrainedAt(l LeavingChange) (at time.Time, ok bool) {
	o, ok := v.Topo.Service(l.Service)
	if !ok || !drains(o) || l.After.Ended || l.After == (Leaving{}) {
		return at, false
	}
	return l.After.Since.Add(time.Duration(o.Spec.DrainingTime)), true
}

// NextDrained returns when the draining time of a way is over next; ok is false if there is
// none.
func (v *View) NextDrained() (at time.Time, ok bool) {
	for _, over := range v.drainedAt() {
		if !ok || over.Before(at) {
			at, ok = over, true
		}
	}
	return at, ok
}

// Drained returns the ways whose draining time is over, and that are not cut yet.
func (v *View) Drained(now time.Time) (all []LeavingChange) {
	for w, over := range v.drainedAt() {
		if l, _ := v.leaving.Get(w.key()); !now.Before(over) {
			all = append(all, LeavingChange{w, Leaving{l.Since, true}})
		}
	}
	return all
}

// drainedAt yields the ways that are not cut yet, and when they are to be.
func (v *View) drainedAt() iter.Seq2[Way, time.Time] {
	return func(yield func(Way, time.Time) bool) {
		for l := range v.Leavings() {
			if at, ok := v.DrainedAt(l); ok && !yield(l.Way, at) {
				return
			}
		}
	}
}

// served yields the backends to which connections by a port of a service may go on, with the
// number of their port: those that it has, except what has had its draining time, and those
// that leave and have time left.
func (v *View) served(o *topology.Service, p model.ServicePort) iter.Seq2[*topology.Port, uint16] {
	return func(yield func(*topology.Port, uint16) bool) {
		for b := range v.Topo.Backends(o) {
			n := b.Target(p)
			if n == 0 || p.Protocol == model.ProtocolUDP && !v.serves(o, b.Name) {
				continue
			}
			if l, _ := v.leaving.Get(wayOf(o, b.Name, p, n).key()); !l.Ended && !yield(b.Port, n) {
				return
			}
		}
		if !drains(o) {
			return
		}
		of := endpoint{p.Protocol, p.Port}.String() + ":"
		for l := range v.leavingsOf(o.Name + "\x00") {
			if port, ok := v.Topo.Port(l.Port); ok && strings.HasPrefix(l.Of, of) && !l.After.Ended && !v.leads(l.Way) && !yield(port, l.target()) {
				return
			}
		}
	}
}

// drained marks the services that cut connections.
func (a *affected) drained(u Update) {
	for _, l := range u.Leaving {
		if o, ok := a.after.Topo.Service(l.Service); ok {
			for node := range a.after.nodesServing(o) {
				a.mark(node, Unit{Kind: UnitService, Name: o.Name})
			}
		}
	}
}
