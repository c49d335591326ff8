package topology

// The first numbers that are allocated.
const (
	// FirstAllocatedVNI is the first VNI that is allocated. Smaller ones are left to users
	// who choose their own, and are allocated last.
	FirstAllocatedVNI VNI = 4096
	// FirstRouterID is the first number a router gets.
	FirstRouterID uint32 = 1 << 24
)
