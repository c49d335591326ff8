// Package chaos is a proxy between switches and the controller that does to
// their connections what networks do.
//
// It cuts the two byte streams of a connection into OpenFlow messages
// (OpenFlow 1.3.5, 7.1) and counts them, so that a Fault can be put at an exact
// place: before the fourth message to the switch, or in the middle of it. A test
// that first lets a conversation pass and writes it down (Config.Observe) can
// so have every place of it once. Echo requests and replies are passed on but
// not counted, for when they come depends on the clock.
//
// A proxy either connects to a switch that listens, as every Open vSwitch does
// on its bridge's management socket, which needs no waiting for the switch to
// connect again; or switches connect to it (Config.Listener).
//
// Whatever the fault, what the switch has been sent is read by it, and its
// connection closed, before it is connected again: an Open vSwitch has one
// connection at a time to each of its controllers.
package chaos
