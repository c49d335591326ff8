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
// Everything that attach makes says so, so that only that is ever removed: the
// veth by its alias, the interface of the bridge by external_ids
// ([TargetKey]), and the declared port by a label ([TargetLabel]).
//
// [Node.Attach] looks at what is there, has [Plan] work out what is missing,
// does that, and looks again. So attaching again changes nothing, or repairs
// what a restart of the container took. What fails is undone. [Node.Detach]
// takes one attachment away, and [Node.Collect] what is left of those whose
// container or namespace is gone.
//
// Plan is pure. The rest reaches the machine by four small interfaces: [Kernel]
// (rtnetlink), [Switch] (ovs-vsctl), [Containers] (Docker's API) and
// [Controller] (sdnd's API).
package attach
