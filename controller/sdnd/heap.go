package main

import "os"

// heapFloor is how much memory, in bytes, sdnd may allocate at least between two runs of the garbage collector.
// A run makes answers of some milliseconds late. By default Go allows as much as is in use, 4 MB at least, and
// answers to 50,000 packets a second allocate that every 30 ms.
const heapFloor = 64 << 20

// holdHeapFloor makes the garbage collector allow heapFloor more: it counts the memory that is returned as
// in use, as long as that is referred to. Nothing writes to the memory, so it takes none of the machine's.
// It returns nil for a process with a limit of its own (the environment variable GOMEMLIMIT), which it would count against.
func holdHeapFloor() []byte {
	if limited() {
		return nil
	}
	return make([]byte, heapFloor)
}

// limited reports whether the environment sets when the garbage collector runs.
func limited() bool {
	_, limit := os.LookupEnv("GOMEMLIMIT")
	_, percent := os.LookupEnv("GOGC")
	return limit || percent
}
