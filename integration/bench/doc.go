// Package bench measures sdnctl beside baselines, in one run on one machine: ovs-ofctl, bare
// bytes in a socket, the ofnet line of controllers, OVN, and a bridge with only the action
// NORMAL.
//
// The result of a Bench are lines: sdnctl's figure, that of a baseline, their ratio and the
// goal. Suite lists all benches. The program sdnbench runs them, prints one table and writes it
// as JSON and Markdown. A figure that could not be measured is shown with the reason.
//
// To add lines, write a function that returns a []Bench, and list it in Suite.
//
// All measurements run in network namespaces of package lab, with their own processes of Open
// vSwitch and OVN.
package bench
