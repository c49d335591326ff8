// Package reconcile keeps every switch equal to what the topology asks of it.
//
// One goroutine, the dispatcher (Fabric.Run), owns the View: it takes commits
// of the store, ports that come and go (OpenFlow) and interface ids (OVSDB) as
// events, one at a time, makes the next View and puts the units that may have
// changed into the queue of each node that must know.
//
// One goroutine per switch, its worker, empties the node's queue: it computes
// the flows of the waiting units in the View before they were touched and in
// the newest one, and sends the difference as one atomic bundle. Whatever piled up while
// the switch was busy is merged; a slow switch delays nobody else. A switch
// that has just connected, or with which anything went wrong, is read back and
// compared as a whole. Either way an unchanged flow is never touched.
package reconcile
