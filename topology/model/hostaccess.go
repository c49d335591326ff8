package model

// HostPort is the name of the port of a node's bridge by which the node itself and ports of
// networks with host access reach each other.
const HostPort = "host-sdn"

// HostKernelMAC returns the MAC that the kernel has at HostPort, the same on every node: the
// link has no other ends than the kernel and the switch.
func HostKernelMAC() MAC { return MAC{0x02, 0x73, 0x64, 0x6e, 0x00, 0x03} }

// HostSwitchMAC returns the MAC from which the switch sends there.
func HostSwitchMAC() MAC { return MAC{0x02, 0x73, 0x64, 0x6e, 0x00, 0x04} }
