package pipeline

import (
	"net/netip"
	"slices"

	"github.com/cespare/xxhash/v2"

	"github.com/sdnctl/sdnctl/openflow"
	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/model"
)

const (
	// maxBuckets is how many backends a group has: one message of group-mod has room for
	// their buckets, in both families.
	maxBuckets = 512
	// partSize is how many backends a part of a service has at most on average. Which part a
	// backend is in follows from its name, so that parts differ in size.
	partSize = maxBuckets / 2
	// maxParts is how many parts a service has at most: each gets some eight of the values of
	// the hash.
	maxParts = 32
	// groupsOfService is how many numbers of groups each service has.
	groupsOfService = 1 << 13
)

// serviceGroup returns the number of the group of a service's port, for a family and one of
// the networks or routers whose ports may use it. It is below 2^31, and no other group has
// it: model.MaxServiceScopes and model.MaxServicePorts are 64.
func serviceGroup(o *topology.Service, scope, port int, f topology.Family) uint32 {
	return o.ID*groupsOfService + uint32(scope)<<7 | uint32(port)<<1 | uint32(f)
}

// partGroup returns the number of the group of a part of the backends of a service's port.
// These are the last of the service's numbers.
func partGroup(o *topology.Service, scope, port int, f topology.Family, part int) uint32 {
	index := (scope*len(o.Spec.Ports)+port)*len(model.Families()) + int(f)
	return (o.ID+1)*groupsOfService - 1 - uint32(index*roomForParts(o)+part)
}

// roomForParts returns how many parts each port of a service can have: a power of two, for
// which the service has numbers left.
func roomForParts(o *topology.Service) int {
	scopes, ports := len(o.Spec.Networks)+len(o.Spec.Routers), len(o.Spec.Ports)
	if o.Spec.Exposed() && !sharesGroups(o) {
		scopes++ // see View.outsideOf
	}
	left := groupsOfService - (scopes-1)<<7 - ports<<1
	parts := 1
	for parts < maxParts && 2*parts*scopes*ports*len(model.Families()) <= left {
		parts *= 2
	}
	return parts
}

// MaxBackends returns how many backends of a service get new connections at most: 8,192,
// and fewer only if the service has very many ports and names many networks and routers.
func MaxBackends(o *topology.Service) int { return max(maxBuckets, partSize*roomForParts(o)) }

// serviceGroup adds the group that chooses among the backends of a service's port. If there
// are none, its one bucket refuses the connection, so that the flow need not change. More
// backends than one group has room for are in several groups, of which the first chooses one.
func (c *Compiler) serviceGroup(o *topology.Service, s scope, index int, p model.ServicePort, f topology.Family) {
	g := openflow.Group{ID: serviceGroup(o, s.index, index, f), Type: openflow.GroupTypeSelect}
	all := c.chosenAmong(o, s, p, f)
	switch {
	case len(all) == 0:
		c.actions = c.actions[:0].Resubmit(openflow.PortInPort, TableRefuse)
		g.Buckets = g.Buckets.Add(openflow.Bucket{Weight: hashValues, WatchPort: openflow.PortAny, WatchGroup: openflow.GroupAny, Actions: c.actions})
	case len(all) <= maxBuckets:
		g.Buckets = c.backendBuckets(o, all)
	default:
		g.Buckets = c.partBuckets(o, s, index, f, parts(all))
	}
	c.emitGroup(g, rules{"chooses one of the backends of the service's port", "chooses one of the backends of the service's port by IPv6"}[f])
}

// backendBuckets returns a bucket for each backend.
func (c *Compiler) backendBuckets(o *topology.Service, all []choice) (buckets openflow.Buckets) {
	to := TableEndpoint
	if affine(o) {
		to = TableAffinityLearn
	}
	for i, weight := range bucketWeights(len(all)) {
		b := all[min(i, len(all)-1)]
		if i == 1 { // the first one shows how long they are
			buckets = slices.Grow(buckets, (len(all)+1)*len(buckets))
		}
		c.actions = setTarget(c.actions[:0], b.ip, b.port).Resubmit(openflow.PortInPort, to)
		buckets = buckets.Add(openflow.Bucket{Weight: weight, WatchPort: c.watched(b), WatchGroup: openflow.GroupAny, Actions: c.actions})
	}
	return buckets
}

// partBuckets adds a group for each part of the backends, and returns the buckets that
// choose one of them. A part whose backends all have dead interfaces is not chosen.
func (c *Compiler) partBuckets(o *topology.Service, s scope, index int, f topology.Family, parts [][]choice) (buckets openflow.Buckets) {
	sizes := make([]int, len(parts))
	for i, part := range parts {
		sizes[i] = len(part)
	}
	last := -1 // the part whose bucket is split
	weights := shares(sizes)
	for i, part := range parts {
		if len(part) == 0 {
			continue
		}
		g := openflow.Group{ID: partGroup(o, s.index, index, f, i), Type: openflow.GroupTypeSelect, Buckets: c.backendBuckets(o, part)}
		c.emitGroup(g, rules{"chooses one of a part of the backends of the service's port", "chooses one of a part of the backends of the service's port by IPv6"}[f])
		last = i
	}
	add := func(i, weight int) {
		if weight > 0 {
			id := partGroup(o, s.index, index, f, i)
			c.actions = c.actions[:0].Group(id)
			buckets = buckets.Add(openflow.Bucket{Weight: uint16(weight), WatchPort: openflow.PortAny, WatchGroup: id, Actions: c.actions})
		}
	}
	for i, weight := range weights {
		if i == last {
			weight--
		}
		add(i, weight)
	}
	add(last, 1) // so that all values of the hash are used: see bucketWeights
	return buckets
}

// parts divides backends. Which part one is in depends on its name and on the number of
// parts, so that one that comes or goes changes one part.
func parts(all []choice) [][]choice {
	n := 2
	for n*partSize < len(all) {
		n *= 2
	}
	parts := make([][]choice, n)
	for i := range parts {
		parts[i] = make([]choice, 0, min(maxBuckets, len(all)/n*5/4))
	}
	for _, b := range all {
		i := int(xxhash.Sum64String(b.name) % uint64(n))
		for len(parts[i]) == maxBuckets { // names can be chosen so that they share a part
			i = (i + 1) % n
		}
		parts[i] = append(parts[i], b)
	}
	return parts
}

// shares divides the values of the hash among parts by their sizes: each gets the whole
// values that it is due, at least one, and those that are due the largest rest one more.
func shares(sizes []int) []int {
	total, left := 0, hashValues
	for _, n := range sizes {
		total += n
	}
	weights, order := make([]int, len(sizes)), make([]int, 0, len(sizes))
	for i, n := range sizes {
		if n > 0 {
			weights[i] = max(1, n*hashValues/total)
			order = append(order, i)
		}
		left -= weights[i]
	}
	slices.SortStableFunc(order, func(a, b int) int { return sizes[b]*hashValues%total - sizes[a]*hashValues%total })
	for _, i := range order[:max(0, min(left, len(order)))] {
		weights[i]++
	}
	return weights
}

// choice is a backend that gets new connections.
type choice struct {
	name string
	ip   netip.Addr
	port uint16
	// at is the node of the backend, and number that of its interface there, 0 if it is not known.
	at     string
	number openflow.PortNo
}

// watched returns the port that the bucket of a backend watches: that of a backend on the node that is
// compiled, PortAny for others.
func (c *Compiler) watched(b choice) openflow.PortNo {
	if b.at != c.node {
		return openflow.PortAny
	}
	return b.number
}

// chosenAmong returns the backends of a service's port that get new connections, by name, at
// most MaxBackends.
//
// What comes from outside to a service whose external traffic policy is Local, and whose
// backends on the node are all draining, goes to these: whoever spreads connections over nodes
// learns later than this node that it has none (P-SVC-11).
func (c *Compiler) chosenAmong(o *topology.Service, s scope, p model.ServicePort, f topology.Family) (all []choice) {
	all = c.chosenIn(o, s, p, f, model.EndpointReady)
	if len(all) == 0 && s.outside && externalLocal(o) {
		all = c.chosenIn(o, s, p, f, model.EndpointDraining)
	}
	return all
}

// chosenIn returns the backends in a state that may get new connections. The caller must not change them.
func (c *Compiler) chosenIn(o *topology.Service, s scope, p model.ServicePort, f topology.Family, state model.EndpointState) []choice {
	all, here := c.view.candidates(o, s, p, f, state), s.local(o)
	left := func(b choice) bool { return b.at == c.node && b.number == 0 || here && b.at != c.node }
	if slices.ContainsFunc(all, left) {
		all = slices.DeleteFunc(slices.Clone(all), left)
	}
	return all[:min(len(all), MaxBackends(o))]
}

const (
	// hashValues is how many values the hash has at most by which Open vSwitch chooses a
	// bucket (OVS 3.1, ofproto-dpif.c, MAX_SELECT_GROUP_HASH_VALUES).
	hashValues = 256
	// maxHashed is how many backends are chosen among by that hash: each gets at least 16 of
	// its values, so that their shares differ by a sixteenth at most.
	maxHashed = 16
)

// bucketWeights returns the weights of the buckets for n backends. All have the same, and
// the last backend may have two.
//
// Open vSwitch gives each bucket whole values of a hash. Of these it takes as few as the
// sum of the weights has of the least one, rounded up to a power of two, and 16 at least: for
// three buckets of one weight 16, of which they get 6, 5 and 5. A bucket of weight 1 beside
// others has it take all 256, so that the shares differ by one of 256.
//
// If that would be more than 256, it chooses the bucket of each connection by itself, in
// ovs-vswitchd: by the highest product of a hash and the weight. That is even for any number
// of backends, and the bucket of weight 1, which makes it so, is never chosen.
func bucketWeights(n int) (weights []uint16) {
	switch {
	case n == 0:
		return nil
	case n > maxHashed:
		return append(slices.Repeat([]uint16{hashValues}, n), 1)
	}
	weight := uint16(hashValues / n)
	weights = slices.Repeat([]uint16{weight}, n)
	if n&(n-1) != 0 { // powers of two divide 16 evenly
		weights[n-1]--
		weights = append(weights, 1)
	}
	return weights
}
