// Package chaos is a proxy between switches and the controller that simulates network faults.
//
// It splits the two byte streams of a connection into OpenFlow messages (OpenFlow 1.3.5, 7.1)
// and counts them, so that a Fault can occur at an exact place: before the fourth message to
// the switch, or in the middle of it. A test that first records a conversation without faults
// (Config.Observe) can then try every place in it. Echo requests and replies are passed on but
// not counted, because their places depend on the clock.
//
// A proxy either connects to a switch that listens, as every Open vSwitch does on its bridge's
// management socket; then tests need not wait until the switch connects again. Or switches
// connect to the proxy (Config.Listener).
//
// After each fault, the switch first reads all that was sent to it and closes its connection
// before it is connected again: an Open vSwitch has one connection at a time to each of its
// controllers.
package chaos
