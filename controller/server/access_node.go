package server

import (
	"context"
	"maps"
	"net/http"
	"strings"

	"github.com/sdnctl/sdnctl/controller/api"
	"github.com/sdnctl/sdnctl/controller/pki"
	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/model"
)

// A node's certificate grants few rights, so that an attacker who takes over one machine
// gains no rights on the others. A node sees itself and the networks that accept ports from
// nodes. There it may create and delete ports that are pinned to itself.

// nodeLabels is the prefix of the label keys that nodes may set.
const nodeLabels = "node/"

// madeBy is the label that names the node which created a port. sdnd sets it. An operator may
// set it, too, so that the node may change and delete the port.
const madeBy = nodeLabels + "made-by"

// maxNodePorts is the greatest number of ports that a node may create.
const maxNodePorts = 1024

// node returns the name of the node that makes a request; "" for a user.
func (c *caller) node() string {
	if c != nil && c.Kind == pki.Node {
		return c.Name
	}
	return ""
}

// nodeOfRequest returns the name of the node that makes a request; "" for a user.
func nodeOfRequest(ctx context.Context) string {
	who, _ := ctx.Value(callerKey{}).(*caller)
	return who.node()
}

// authorizeNode refuses requests that a node may not make. A request that is not listed is
// refused.
func (s *Server) authorizeNode(node string, r *http.Request) *problem {
	if _, declared := s.cfg.Store.Snapshot().Node(node); !declared {
		return newProblem(http.StatusForbidden, api.CodeForbidden, "node/%s is not declared: its certificate counts only while it is", node)
	}
	path := strings.TrimPrefix(r.URL.Path, "/v1/")
	kind, rest, _ := strings.Cut(path, "/")
	read := r.Method == http.MethodGet || r.Method == http.MethodHead
	switch {
	case kind == api.KindPort.Plural(), path == "apply":
		return nil // authorizeNodeChange checks the changes, once they are decoded
	case read && path == "status":
		return nil
	case read && (kind == api.KindNode.Plural() || kind == api.KindNetwork.Plural()) && !strings.Contains(rest, "/"):
		return nil // the view shows only what the node may see
	case read && kind == "revisions" && strings.HasSuffix(rest, "/acks"):
		return nil
	case r.Method == http.MethodPost && path == api.KindNode.Plural()+"/"+node+"/certificate":
		return nil
	}
	return newProblem(http.StatusForbidden, api.CodeForbidden, "node/%s is a node, this needs a user: a node may read its own state, and create and delete ports of its own", node)
}

// authorizeNodeChange refuses a transaction that a node may not make, and labels the ports
// that the node creates. The caller holds s.writes exclusively, so that the decision still
// holds at the commit. The error is a *problem.
func (s *Server) authorizeNodeChange(node string, t *transaction) error {
	snap := s.cfg.Store.Snapshot()
	var denied []api.Problem
	var hidden topology.Problems
	t.redacted = true
	made := madeOn(snap, node)
	for i := range t.ops {
		op := &t.ops[i]
		deny := func(field, message, fix string) {
			denied = append(denied, api.Problem{Index: t.index[i], Object: op.Ref.String(), Field: field, Message: message, Fix: fix})
		}
		if op.Ref.Kind.Writer() > model.NodeItself || op.Ref.Kind != topology.KindPort {
			deny("", "a node may only create and delete ports", "ask an operator")
			continue
		}
		before, exists := snap.Port(op.Ref.Name)
		own := exists && before.Spec.Node == node && before.Labels[madeBy] == node
		switch {
		case own || !exists:
		case before.Spec.Node == node:
			deny("", "this node did not create it", "ask an operator")
			continue
		case op.Verb == topology.Delete:
			// The node must not learn that the port exists.
			hidden = append(hidden, topology.Problem{Op: i, Ref: op.Ref, Kind: topology.NotFound, Message: "does not exist", Fix: "check the name"})
			continue
		default:
			hidden = append(hidden, topology.Problem{Op: i, Ref: op.Ref, Kind: topology.Exists, Message: "exists already", Fix: "choose another name, or change the one there is"})
			continue
		}
		if op.Verb == topology.Delete {
			made--
			continue
		}
		if !exists {
			made++
		}
		spec := op.Spec.(topology.PortSpec)
		if spec.Node != node {
			deny("spec.node", "a node may only create ports on itself", "set it to "+node)
		}
		if spec.Writer() > model.NodeItself {
			deny("spec", "a node may not give a port further addresses or turn port security off", "ask an operator")
		}
		if n, ok := snap.Network(spec.Network); !ok || !n.Spec.PortsFromNodes {
			deny("spec.network", "network/"+spec.Network+" does not exist, or does not accept ports from nodes", "an operator allows it with: sdnctl network set "+spec.Network+" --ports-from-nodes")
		}
		labels := maps.Clone(op.Labels)
		for k, v := range labels {
			if !strings.HasPrefix(k, nodeLabels) || k == madeBy && v != node {
				deny("labels", "a node may not set label "+k, "begin the key with "+nodeLabels)
			}
		}
		if labels == nil {
			labels = map[string]string{}
		}
		labels[madeBy] = node
		op.Labels = labels
	}
	if made > maxNodePorts {
		return newProblem(http.StatusForbidden, api.CodeForbidden, "node/%s would have created %d ports, at most %d are allowed: delete some, or ask an operator to create them", node, made, maxNodePorts)
	}
	if len(denied) > 0 {
		return refuse(http.StatusForbidden, api.CodeForbidden, sorted(denied))
	}
	if len(hidden) > 0 {
		return t.refusal(hidden)
	}
	return nil
}

// madeOn counts the ports on a node that the node itself has created.
func madeOn(snap *topology.Snapshot, node string) (n int) {
	for p := range snap.PortsOnNode(node) {
		if p.Labels[madeBy] == node {
			n++
		}
	}
	return n
}

// redact removes from a problem the name of the object that has the requested value, such as
// an address.
func redact(p topology.Problem) topology.Problem {
	if p.Kind == topology.Conflict || p.Kind == topology.InUse {
		p.Message, p.Fix = "in use by another object", "choose another value, or leave it out to get a free one"
	}
	return p
}

// sees reports whether a view shows an object. A user sees all objects, a node only its
// own.
func (v view) sees(o topology.Object) bool {
	if v.only == "" {
		return true
	}
	switch o := o.(type) {
	case *topology.Node:
		return o.Name == v.only
	case *topology.Network:
		return o.Spec.PortsFromNodes
	case *topology.Port:
		return o.Spec.Node == v.only
	}
	return false
}
