package reconcile

import (
	"context"
	"fmt"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/sdnctl/sdnctl/controller/pipeline"
	"github.com/sdnctl/sdnctl/openflow"
	"github.com/sdnctl/sdnctl/topology"
)

// ServiceReading is what the switches say of a service, summed over nodes.
type ServiceReading struct {
	// Backends are those of the service, by name.
	Backends []BackendCount
	// Nodes are those with ports that may use the service, by name.
	Nodes []ServiceNode
}

// BackendCount is how many connections ports have begun to a backend, at the ports by which
// the service reaches it: by the service, by others that reach it there, and directly. A
// node's count begins when it gets the backend's flow.
type BackendCount struct {
	Port        string
	Connections uint64
}

// ServiceNode is a node with ports that may use a service.
type ServiceNode struct {
	Node string
	// Counted says that the node's counters are in the sums; else Reason says why not.
	Counted bool
	Reason  string
}

// ServiceCounters asks the switches of the nodes with ports that may use a service what these
// have counted. A node that is not connected or does not answer in time is not counted, which
// its ServiceNode says.
func (f *Fabric) ServiceCounters(ctx context.Context, service string) (ServiceReading, error) {
	v := f.View()
	o, ok := v.Topo.Service(service)
	if !ok {
		return ServiceReading{}, fmt.Errorf("service %q does not exist", service)
	}
	var r ServiceReading
	sums := map[string]uint64{}
	var mu sync.Mutex // guards sums
	var group errgroup.Group
	group.SetLimit(policyReaders)
	nodes := v.NodesOfService(o)
	r.Nodes = make([]ServiceNode, len(nodes))
	for i, node := range nodes {
		group.Go(func() error {
			counts, reason := f.readService(ctx, v, node, o)
			r.Nodes[i] = ServiceNode{Node: node, Counted: reason == "", Reason: reason}
			mu.Lock()
			defer mu.Unlock()
			for backend, n := range counts {
				sums[backend] += n
			}
			return nil
		})
	}
	_ = group.Wait()
	for b := range v.Topo.Backends(o) {
		r.Backends = append(r.Backends, BackendCount{b.Name, sums[b.Name]})
	}
	return r, context.Cause(ctx)
}

// readService asks one node's switch. It returns the connections to each backend, or why it
// cannot.
func (f *Fabric) readService(ctx context.Context, v *pipeline.View, node string, o *topology.Service) (counts map[string]uint64, reason string) {
	peer := f.peerOf(node)
	if peer == nil {
		return nil, "its switch is not connected"
	}
	ctx, cancel := context.WithTimeout(ctx, policyReadTime)
	defer cancel()
	counters := v.BackendCounters(node, o)
	flows, err := f.workers.FlowCounts(ctx, peer.sess, func(yield func(openflow.TableID, openflow.Cookie) bool) {
		for _, c := range counters {
			if !yield(c.Table, c.Cookie) {
				return
			}
		}
	})
	if err != nil {
		return nil, "its switch did not answer: " + err.Error()
	}
	counts = map[string]uint64{}
	for _, c := range counters {
		counts[c.Backend] += flows[c.Cookie].Packets
	}
	return counts, ""
}
