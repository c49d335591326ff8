// Package integration drives the real programs, sdnd and sdnctl, against real
// Open vSwitch, real Docker and real packets: one file of tests per scenario,
// on the bed of package lab.
//
// Tests that mostly wait run beside each other (t.Parallel), each in a lab of its own; those that
// measure times, or that take processes or settings of the whole machine, run alone.
//
// The tests need root and the packages that deps.sh installs; where these lack,
// they are skipped and say why. SDNLAB_KEEP=1 leaves the lab of a failed test
// up, and SDNLAB_BIN names a directory with sdnd and sdnctl to test instead of
// building them.
package integration
