// Package bench measures sdnctl beside what it has to stand comparison with,
// in one run on one machine: ovs-ofctl, bare bytes in a socket, the ofnet line
// of controllers, OVN, and a bridge that only has the action NORMAL.
//
// A Bench measures something and gives lines: our figure, a baseline's, their
// ratio and the goal. Suite lists all of them; the program sdnbench runs them,
// prints one table and writes it as JSON and Markdown. A figure that could not
// be had is shown as such, with the reason; no line is left out in silence.
//
// To add lines, write a function that returns a []Bench, and list it in Suite.
//
// Everything happens in network namespaces of package lab's making, with Open
// vSwitch and OVN processes of its own.
package bench
