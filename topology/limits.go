package topology

// Where allocation begins.
const (
	// FirstAllocatedVNI is where allocation of VNIs begins. Smaller ones are
	// left to people who choose their own, and are allocated last.
	FirstAllocatedVNI VNI = 4096
	// FirstRouterID is the first number a router gets.
	FirstRouterID uint32 = 1 << 24
)
