package attach

import (
	"cmp"
	"context"
	"fmt"

	"github.com/sdnctl/sdnctl/controller/api"
)

const (
	// DefaultBridge is the default bridge of a node.
	DefaultBridge = "br-int"
	// LockFile is the file whose lock serialises changes of a machine's attachments.
	LockFile = "/run/sdnctl/attach.lock"
	// nodeKey is the key in a bridge's external_ids under which "sdnctl node join" recorded
	// the node's name.
	nodeKey = "sdnctl-node"
)

// Controller is the part of sdnd's API that attach uses.
type Controller interface {
	Port(ctx context.Context, name string) (api.Port, error)
	Ports(ctx context.Context, o api.ListOptions) (api.List[api.Port], error)
	Node(ctx context.Context, name string) (api.Node, error)
	Create(ctx context.Context, o api.Object) (api.Object, error)
	Delete(ctx context.Context, kind api.Kind, name string, ifRevision api.Revision) (api.Revision, error)
	Status(ctx context.Context) (api.Status, error)
	Wait(ctx context.Context, rev api.Revision, progress func(api.Acks)) error
}

// Node is this machine as a node of sdnd.
type Node struct {
	// Name is the node's name; "" is the one that "sdnctl node join" recorded on the bridge.
	Name string
	// Bridge is the bridge that interfaces are added to; "" is DefaultBridge.
	Bridge string
	// Lock is the lock file; "" is LockFile.
	Lock string

	Kernel Kernel
	Switch Switch
	// Containers may be nil for a caller that attaches network namespaces only. Attachments
	// of containers then stay as they are.
	Containers Containers
	Controller Controller
}

// open reads the bridge and takes the lock. It returns a copy of n with the defaults filled
// in.
func (n Node) open(ctx context.Context) (Node, Bridge, func(), error) {
	n.Bridge = cmp.Or(n.Bridge, DefaultBridge)
	bridge, err := n.Switch.Bridge(ctx, n.Bridge)
	if err != nil {
		return n, bridge, nil, err
	}
	joined := bridge.IDs[nodeKey]
	switch {
	case n.Name == "" && joined == "":
		return n, bridge, nil, fault(NotFound, "make this machine a node first with: sdnctl node join (or give the node's name with --node)",
			"the bridge %s of this machine does not belong to a node of sdnd", n.Bridge)
	case n.Name != "" && joined != "" && n.Name != joined:
		return n, bridge, nil, fault(Conflict, "leave --node out, or join this machine as that node with: sdnctl node join "+n.Name,
			"the bridge %s of this machine belongs to node %s, not %s", n.Bridge, joined, n.Name)
	}
	n.Name = cmp.Or(n.Name, joined)
	unlock, err := lock(ctx, cmp.Or(n.Lock, LockFile))
	return n, bridge, unlock, err
}

// do carries out one step.
func (n Node) do(ctx context.Context, ns Namespace, a Action) error {
	switch a := a.(type) {
	case RemoveInterface:
		return n.Switch.Remove(ctx, a.Host)
	case RemoveLink:
		return n.Kernel.Remove(a.Host)
	case MakeLink:
		return n.Kernel.Make(ns, a.Link)
	case ConfigureLink:
		return n.Kernel.Configure(ns, a.Link)
	case AddInterface:
		return n.Switch.Add(ctx, n.Bridge, a.Want.Link.Host, a.Want.externalIDs())
	case SetIDs:
		return n.Switch.Add(ctx, n.Bridge, a.Want.Link.Host, a.Want.externalIDs())
	}
	return fmt.Errorf("unknown step %T", a)
}
