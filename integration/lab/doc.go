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
// Every lab has an id of its own in the names of its namespaces and in its
// directory, so labs can run side by side; nothing outside is changed: no Open
// vSwitch, bridge, address, route or firewall rule of the machine. Everything
// can be removed by the id alone, also after a crash: see Down and DownAll.
//
// The bridges use the userspace datapath (datapath_type=netdev), so that no
// kernel module is needed; root is. Missing says what else.
//
// Every process that a lab starts has the lab's id in its environment
// (SDNLAB_OWNER); only processes that have it are ever ended.
package lab
