package server

import (
	"bytes"
	"context"
	"net/http"
	"net/netip"
	"slices"

	"github.com/danielgtaylor/huma/v2"

	"github.com/sdnctl/sdnctl/controller/api"
	"github.com/sdnctl/sdnctl/controller/condition"
	"github.com/sdnctl/sdnctl/controller/status"
	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/model"
)

type acksInput struct {
	Revision uint64 `path:"revision" doc:"The revision" example:"7"`
	Wait     string `query:"wait" doc:"Respond once the set of pending nodes changes, at the latest after this time; at most 5m" example:"30s"`
	Seen     int    `query:"seen" doc:"With wait, the number of pending nodes in the last response: if it has changed, this response comes at once" minimum:"0" example:"2"`
}

func (s *Server) stateRoutes() {
	get := func(path, id, summary string) huma.Operation {
		return huma.Operation{Method: http.MethodGet, Path: path, OperationID: id, Summary: summary, Tags: []string{tagState}}
	}
	register(s, get("/v1/status", "status", "Show a summary of the state"), exampleStatus(), s.status)
	register(s, get("/v1/switches", "list-switches", "List connected switches that no node claims, with the command that adopts each"), exampleSwitches(), s.switches)
	register(s, get("/v1/nodes/{name}/flows", "list-flows", "List the flows that a node should have and those that it has"), exampleFlows(), s.flows)
	register(s, get("/v1/nodes/{name}/groups", "list-groups", "List the groups that a node should have and those that it has"), exampleGroups(), s.groups)
	register(s, get("/v1/nodes/{name}/meters", "list-meters", "List the meters that a node should have and those that it has"), exampleMeters(), s.meters)
	register(s, get("/v1/policies/{name}/counters", "policy-counters", "Show the nodes that a policy is installed on, and the counters of its rules"), examplePolicyCounters(), s.policyCounters)
	register(s, get("/v1/services/{name}/counters", "service-counters", "Show the number of connections to each backend of a service"), exampleServiceCounters(), s.serviceCounters)
	register(s, huma.Operation{
		Method: http.MethodPost, Path: "/v1/policies/{name}/denials", OperationID: "policy-denials", Tags: []string{tagState},
		Summary: "Watch the connections that a policy denies for a while",
	}, examplePolicyDenials(), s.policyDenials)
	register(s, get("/v1/revisions/{revision}/acks", "acks", "Report which nodes have yet to confirm a revision"), exampleAcks(), s.acks)
}

func (s *Server) status(ctx context.Context, _ *struct{}) (*output[api.Status], error) {
	v := s.viewFor(ctx)
	if v.only != "" {
		return &output[api.Status]{Body: s.statusOf(v)}, nil
	}
	out := api.Status{
		Version:   s.cfg.Version,
		StartedAt: s.started,
		Revision:  api.Revision(v.snap.Revision()),
		Nodes:     v.snap.NumNodes(),
		Networks:  v.snap.NumNetworks(),
		Ports:     v.snap.NumPorts(),
		Routers:   v.snap.Count(topology.KindRouter),
		Services:  v.snap.Count(topology.KindService),
		Policies:  v.snap.Count(model.KindPolicy),
		Switches:  len(s.cfg.Fabric.Switches()),
		Bridge:    s.cfg.Bridge,
		Insecure:  s.cfg.Insecure,
	}
	sum := s.cfg.Fabric.Summary(shownObjects)
	out.NodesConnected, out.NodesInSync = sum.Connected, sum.InSync
	v.summarize(sum, &out)
	return &output[api.Status]{Body: out}, nil
}

// statusOf returns the status for a node: that of the objects that it sees.
func (s *Server) statusOf(v view) api.Status {
	out := api.Status{Version: s.cfg.Version, StartedAt: s.started, Revision: api.Revision(v.snap.Revision()), Bridge: s.cfg.Bridge}
	seen := condition.NewTracker()
	for _, c := range []struct {
		kind topology.Kind
		n    *int
	}{{topology.KindNode, &out.Nodes}, {topology.KindNetwork, &out.Networks}, {topology.KindPort, &out.Ports}} {
		for o := range v.all(c.kind, "", "") {
			*c.n++
			seen.Set(o.Ref(), v.conditionsOf(o.Ref()), s.started)
		}
	}
	v.summarize(status.Summarize(seen, shownObjects), &out)
	if st, _ := s.cfg.Fabric.NodeStatus(v.only); st.Connected {
		out.NodesConnected = 1
		if st.InSync {
			out.NodesInSync = 1
		}
	}
	return out
}

// shownObjects is the greatest number of objects with conditions in the status.
const shownObjects = 20

// summarize adds a summary of the conditions to the status.
func (v view) summarize(sum status.Summary, out *api.Status) {
	out.Ready, out.Warnings = sum.All.Errors == 0, sum.All.Warnings
	out.NodesReady, out.PortsReady = out.Nodes-sum.Nodes.Errors, out.Ports-sum.Ports.Errors
	out.PortsBound = out.Ports - sum.Reasons[condition.NotBound] - sum.Reasons[condition.InterfaceFailed]
	out.PortsDropping, out.DroppedPackets, out.Drifts = sum.Dropping, sum.DroppedPackets, sum.Drifts
	out.Reasons, out.Objects = []api.ReasonCount{}, []api.ObjectConditions{}
	for _, d := range condition.Reasons() {
		if n := sum.Reasons[d.Reason]; n > 0 {
			out.Reasons = append(out.Reasons, api.ReasonCount{Reason: string(d.Reason), Severity: string(d.Severity), Count: n})
		}
	}
	for _, o := range sum.Worst {
		if all := v.conditionsOf(o); len(all) > 0 {
			out.Objects = append(out.Objects, api.ObjectConditions{Object: o.String(), Conditions: conditions(all)})
		}
	}
}

func (s *Server) switches(context.Context, *struct{}) (*output[api.Switches], error) {
	snap := s.cfg.Store.Snapshot()
	out := api.Switches{Items: []api.Switch{}}
	for _, sw := range s.cfg.Fabric.Switches() {
		item := api.Switch{
			Address:    sw.Address,
			Action:     sw.Action,
			OVSVersion: sw.OVSVersion,
			Since:      sw.Since.UTC(),
			Reason:     sw.Reason,
		}
		if sw.DatapathID != 0 {
			item.DatapathID = sw.DatapathID.String()
		}
		if _, taken := snap.NodeByDatapath(sw.DatapathID); !taken && sw.DatapathID != 0 {
			item.Adopt = "sdnctl node adopt " + item.DatapathID + " NAME"
			if a, err := netip.ParseAddrPort(sw.Address); err == nil {
				item.Adopt += " --tunnel-ip " + a.Addr().Unmap().String()
			}
		}
		out.Items = append(out.Items, item)
	}
	slices.SortFunc(out.Items, func(a, b api.Switch) int {
		return compareTexts(a.DatapathID, b.DatapathID, a.Address, b.Address)
	})
	return &output[api.Switches]{Body: out}, nil
}

func (s *Server) flows(ctx context.Context, in *nameInput) (*output[encoded[api.Flows]], error) {
	ref := refOf(api.KindNode, in.Name)
	if _, ok := s.cfg.Store.Snapshot().Node(in.Name); !ok {
		return nil, notFound(ref)
	}
	// A switch forwards less while it sends its flows, and their text takes much memory. So
	// concurrent requests share one reading.
	text, err := s.flowTexts.get(ctx, in.Name, func(ctx context.Context) ([]byte, error) { return s.flowText(ctx, in.Name) })
	if err != nil {
		return nil, newProblem(http.StatusServiceUnavailable, api.CodeUnavailable, "flows of %s: %v", ref, err)
	}
	return &output[encoded[api.Flows]]{Body: encoded[api.Flows]{text}}, nil
}

// flowText returns the flows of a node in JSON.
func (s *Server) flowText(ctx context.Context, node string) ([]byte, error) {
	views, err := s.cfg.Fabric.Flows(ctx, node)
	if err != nil {
		return nil, err
	}
	out := api.Flows{Node: node, Flows: make([]api.Flow, len(views))}
	for i := range views {
		out.Flows[i] = flowOf(&views[i])
	}
	slices.SortStableFunc(out.Flows, compareFlows)
	var b bytes.Buffer
	err = huma.DefaultJSONFormat.Marshal(&b, out)
	return b.Bytes(), err
}

func (s *Server) acks(ctx context.Context, in *acksInput) (*output[api.Acks], error) {
	rev := topology.Revision(in.Revision)
	if newest := s.cfg.Store.Snapshot().Revision(); rev > newest {
		return nil, newProblem(http.StatusNotFound, api.CodeNotFound, "there is no revision %d yet: the newest is %d", rev, newest)
	}
	wait, err := waitOf(in.Wait)
	if err != nil {
		return nil, err
	}
	a := s.cfg.Fabric.Acks(rev)
	node := nodeOfRequest(ctx)
	if wait > 0 && len(a.Pending) > 0 && (in.Seen == 0 || in.Seen == len(pendingFor(node, a.Pending))) {
		a = s.awaitAcks(ctx, a, wait, differs(a))
		if p := s.reauthorize(clientOf(ctx)); p != nil {
			return nil, p
		}
	}
	return &output[api.Acks]{Body: api.Acks{Revision: api.Revision(rev), Done: len(a.Pending) == 0, Pending: pendingFor(node, a.Pending)}}, nil
}

// pendingFor converts the nodes that have yet to confirm a revision to their form in the
// API. If the caller is a node, it gets one entry without a name for all other nodes.
func pendingFor(node string, all []status.Pending) []api.Pending {
	out := make([]api.Pending, 0, len(all))
	others := 0
	for _, p := range all {
		if node != "" && p.Node != node {
			others++
			continue
		}
		out = append(out, api.Pending{
			Node:         p.Node,
			Connected:    p.Connected,
			Wanted:       api.Revision(p.Wanted),
			Acknowledged: api.Revision(p.Acknowledged),
			Reason:       p.Reason,
		})
	}
	if others > 0 {
		out = append(out, api.Pending{Node: "other nodes", Connected: true, Reason: "not all have confirmed"})
	}
	return out
}
