package pipeline

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/model"
)

// TestBucketWeights divides the values of the hash among buckets as Open vSwitch does (OVS
// 3.1, ofproto-dpif.c, group_setup_dp_hash_table: by Webster's method) and wants the shares
// of backends to differ by one value at most. More backends than maxHashed need more values
// than there are, so that Open vSwitch does not use them.
func TestBucketWeights(t *testing.T) {
	for n := 1; n <= maxBuckets; n++ {
		weights := bucketWeights(n)
		total, least := 0, math.MaxInt
		for _, w := range weights {
			total, least = total+int(w), min(least, int(w))
		}
		if n > maxHashed {
			if total/least <= hashValues || len(weights) != n+1 {
				t.Errorf("%d backends: chosen by a hash of few values", n)
			}
			continue
		}
		values := 16
		for values < (total+least-1)/least {
			values *= 2
		}
		if values > hashValues {
			t.Fatalf("%d backends need %d values", n, values)
		}
		won := make([]int, len(weights))
		for range values {
			best := 0
			for i, w := range weights {
				if int(w)*(2*won[best]+1) > int(weights[best])*(2*won[i]+1) {
					best = i
				}
			}
			won[best]++
		}
		shares := make([]int, n)
		for i, v := range won {
			shares[min(i, n-1)] += v
		}
		lowest, highest := values, 0
		for _, s := range shares {
			lowest, highest = min(lowest, s), max(highest, s)
		}
		if highest-lowest > 1 || n&(n-1) != 0 && values != hashValues {
			t.Errorf("%d backends: of %d values from %d to %d", n, values, lowest, highest)
		}
	}
}

// TestParts: backends are divided evenly, a backend that comes or goes changes one part, and
// the parts' shares are those of their sizes.
func TestParts(t *testing.T) {
	for _, n := range []int{maxBuckets + 1, 600, 1025, 4000, maxParts * partSize} {
		all := make([]choice, n)
		for i := range all {
			all[i].name = fmt.Sprintf("web-%d", i)
		}
		divided, sum := parts(all), 0
		sizes := make([]int, len(divided))
		for i, part := range divided {
			sizes[i] = len(part)
			if sum += len(part); len(part) > maxBuckets || len(part) < partSize/4 {
				t.Errorf("%d backends: a part of %d", n, len(part))
			}
		}
		if sum != n || len(divided) > maxParts {
			t.Errorf("%d backends: %d in %d parts", n, sum, len(divided))
		}
		values := 0
		for i, w := range shares(sizes) {
			if values += w; w < sizes[i]*hashValues/n || w > sizes[i]*hashValues/n+1 {
				t.Errorf("%d backends: a part of %d has %d of the %d values", n, sizes[i], w, hashValues)
			}
		}
		if values != hashValues {
			t.Errorf("%d backends: %d values", n, values)
		}
		if n-1 <= maxBuckets || len(parts(all[1:])) != len(divided) {
			continue
		}
		changed := 0
		for i, part := range parts(all[1:]) {
			if len(part) != sizes[i] {
				changed++
			}
		}
		if changed != 1 {
			t.Errorf("%d backends: one less changes %d parts", n, changed)
		}
	}
}

// TestPartsOfChosenNames: names that would all be in one part fill others.
func TestPartsOfChosenNames(t *testing.T) {
	all := make([]choice, 4*maxBuckets)
	for i := range all {
		all[i].name = "web"
	}
	sum := 0
	for _, part := range parts(all) {
		if sum += len(part); len(part) > maxBuckets {
			t.Errorf("a part of %d", len(part))
		}
	}
	if sum != len(all) {
		t.Errorf("%d of %d backends", sum, len(all))
	}
}

// TestPartGroups: the groups of a service have different numbers, all of them its own,
// whatever ports it has and networks it names.
func TestPartGroups(t *testing.T) {
	for scopes := 1; scopes <= model.MaxServiceScopes; scopes++ {
		for ports := 1; ports <= model.MaxServicePorts; ports++ {
			o := &topology.Service{ID: 7, Spec: model.ServiceSpec{Routers: make([]string, scopes), Ports: make([]model.ServicePort, ports)}}
			room := roomForParts(o)
			if scopes == 1 && room != maxParts {
				t.Errorf("%d ports: room for %d parts", ports, room)
			}
			lowest := partGroup(o, scopes-1, ports-1, topology.IPv6, room-1)
			if highest := partGroup(o, 0, 0, topology.IPv4, 0); room > 1 && (highest != 8*groupsOfService-1 || lowest <= serviceGroup(o, scopes-1, ports-1, topology.IPv6)) {
				t.Errorf("%d networks, %d ports: parts have groups %d to %d", scopes, ports, lowest, highest)
			}
		}
	}
}

// TestPartGroupsOutside: what comes from outside to backends of its own has groups of its own, by node ports and by
// addresses on an uplink.
func TestPartGroupsOutside(t *testing.T) {
	for name, spec := range map[string]model.ServiceSpec{
		"node ports": {Ports: []model.ServicePort{{NodePort: model.NodePort{Number: 30080}}}},
		"uplink":     {Ports: make([]model.ServicePort, 1), Uplink: &model.ServiceUplink{Name: "ext"}},
	} {
		spec.Routers, spec.ExternalTrafficPolicy = []string{"r"}, model.TrafficLocal
		for ports := 1; ports <= model.MaxServicePorts; ports++ {
			o := &topology.Service{ID: 7, Spec: spec}
			o.Spec.Ports = slices.Repeat(spec.Ports, ports)
			seen := map[uint32]bool{}
			for _, f := range model.Families() {
				for scope := range 2 { // that of ports, and that of machines outside
					for port := range ports {
						seen[serviceGroup(o, scope, port, f)] = true
						for i := range roomForParts(o) {
							seen[partGroup(o, scope, port, f, i)] = true
						}
					}
				}
			}
			if want := 4 * ports * (1 + roomForParts(o)); len(seen) != want {
				t.Errorf("%s, %d ports: %d groups have numbers of their own, want %d", name, ports, len(seen), want)
			}
			for id := range seen {
				if id/groupsOfService != o.ID {
					t.Errorf("%s, %d ports: group %d is not the service's", name, ports, id)
				}
			}
		}
	}
}
