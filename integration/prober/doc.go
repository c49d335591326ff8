// Package prober sends a packet every millisecond from one container of a lab to another
// and reports exactly which of them were lost.
//
// A probe goes one way: numbered UDP datagrams, so that a loss is known by its number and
// time, and so that the way back, which may have a probe of its own, cannot hide it.
// Datagrams that the sender did not send, because the machine was busy, do not count as
// lost. Also adds the container to which a receiver moves: a datagram that any of the
// receivers gets is not lost.
package prober
