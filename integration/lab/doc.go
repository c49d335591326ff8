// Package lab is a test bed: several nodes with Open vSwitch, a controller and
// containers on one machine, for the integration tests and the demos.
//
// # What a lab looks like
//
//	         hub namespace: bridge "underlay" 172.16.56.1, sdnd runs here
//	            │ veth               │ veth
//	┌───────────┴─────────┐  ┌───────┴─────────────┐
//	│ node1 namespace     │  │ node2 namespace     │   each with an ovsdb-server
//	│ br-phy 172.16.56.2  │  │ br-phy 172.16.56.3  │   and ovs-vswitchd of its
//	│ br-int (sdnd's)     │  │ br-int (sdnd's)     │   own, run directory too
//	└──┬────────┬─────────┘  └──┬──────────────────┘
//	netsho1  netsho2         netsho4                  containers: namespaces
//	                                                  or real Docker
//
// Every lab has an id, which is in the names of its namespaces and of its directory, so that
// several labs can run side by side. A lab changes nothing else on the machine: no Open
// vSwitch, bridge, address, route or firewall rule. Down and DownAll remove labs by their ids,
// also after a crash.
//
// The bridges use the userspace datapath (datapath_type=netdev), so a lab needs root but no
// kernel module. Missing returns further requirements that the machine does not meet.
//
// Every process that a lab starts has the lab's id in its environment (SDNLAB_OWNER). Labs
// never end other processes.
package lab
