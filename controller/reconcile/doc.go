// Package reconcile keeps every switch equal to what the topology asks of it.
//
// One goroutine, the dispatcher (Fabric.Run), owns the View: it takes commits
// of the store, ports that come and go (OpenFlow) and interface ids (OVSDB) as
// events, one at a time, makes the next View and puts the units that may have
// changed into the queue of each node that must know.
//
// One worker per switch (package worker) empties the node's queue. Whatever piled up
// while the switch was busy is merged; a slow switch delays nobody else.
//
// The files use each other in one direction. At the bottom, state.go has the state of the
// Fabric, of the dispatcher, and of each node and switch. Above it are conditions.go,
// underlay.go, services.go and unmatched.go (which evaluate what is wrong), marking.go and
// sequence.go (which put units into queues), and advance.go (which makes the next View). Then
// come the events: ports.go, ovsdb.go, bridges.go, assign.go and commits.go. Sessions with
// switches (sessions.go) and new.go, which makes and runs a Fabric, are at the top.
package reconcile
