package reconcile

import (
	"context"
	"fmt"

	"github.com/sdnctl/sdnctl/controller/pipeline"
	"github.com/sdnctl/sdnctl/controller/worker"
	"github.com/sdnctl/sdnctl/openflow"
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
	nodes := v.NodesOfService(o)
	counts := make([]map[openflow.Cookie]worker.Count, len(nodes))
	counters := make([][]pipeline.BackendCounter, len(nodes))
	reasons := f.askNodes(ctx, nodes, func(ctx context.Context, i int, on *peer) (err error) {
		counters[i] = v.BackendCounters(nodes[i], o)
		counts[i], err = f.workers.FlowCounts(ctx, on.sess, func(yield func(openflow.TableID, openflow.Cookie) bool) {
			for _, c := range counters[i] {
				if !yield(c.Table, c.Cookie) {
					return
				}
			}
		})
		return err
	})
	sums := map[string]uint64{}
	for i, node := range nodes {
		r.Nodes = append(r.Nodes, ServiceNode{Node: node, Counted: reasons[i] == "", Reason: reasons[i]})
		if reasons[i] != "" {
			continue
		}
		for _, c := range counters[i] {
			sums[c.Backend] += counts[i][c.Cookie].Packets
		}
	}
	for b := range v.Topo.Backends(o) {
		r.Backends = append(r.Backends, BackendCount{b.Name, sums[b.Name]})
	}
	return r, context.Cause(ctx)
}
