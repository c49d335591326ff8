// Package reconcile keeps every switch equal to what the topology asks of it.
//
// One goroutine, the dispatcher (Fabric.Run), owns the View: it takes commits
// of the store, ports that come and go (OpenFlow) and interface ids (OVSDB) as
// events, one at a time, makes the next View and puts the units that may have
// changed into the queue of each node that must know.
//
// One worker per switch (package worker) empties the node's queue. Whatever piled up
// while the switch was busy is merged; a slow switch delays nobody else.
package reconcile
