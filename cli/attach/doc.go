// Package attach gives a network namespace its interface on a node's bridge:
// the namespace of a Docker container, one that has a name, or that of a
// process. It runs on the node itself, as root.
//
// An attachment consists of
//
//   - a port, declared with sdnd and pinned to the node, or one that was
//     declared before;
//   - a veth pair, one end of which is in the namespace, with the port's
//     address, MAC and MTU, and with a default route if the network has a
//     gateway that answers;
//   - an interface of the bridge, the other end, whose external_ids name the
//     port (iface-id), as OVN and libvirt do it.
//
// Everything that attach makes is marked as such, and only marked objects are ever removed:
// the veth by its alias, the interface of the bridge by external_ids ([TargetKey]), and the
// declared port by a label ([TargetLabel]).
//
// [Node.Attach] reads the present state, computes the missing steps with [Plan], does them,
// and reads the state again. So attaching again changes nothing, or repairs what a restart
// of the container removed. If a step fails, everything is undone. [Node.Detach] removes one
// attachment, and [Node.Collect] the remains of those whose container or namespace is gone.
//
// Plan is pure. The rest reaches the machine by four small interfaces: [Kernel]
// (rtnetlink), [Switch] (ovs-vsctl), [Containers] (Docker's API) and
// [Controller] (sdnd's API).
package attach
