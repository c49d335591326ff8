// Package prober sends a packet every millisecond from one container of a lab to
// another and says exactly which of them were lost.
//
// A probe goes one way: numbered UDP datagrams, so that a loss is known by its
// number and by when it was sent, and so that the way back, a probe of its own
// if wanted, cannot hide it. What the sender did not send, because the machine
// was busy, does not count as lost. A receiver that moves to another node is
// told by Also: a datagram that any of the receivers has is not lost.
package prober
