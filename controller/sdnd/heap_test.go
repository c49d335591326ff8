package main

import (
	"os"
	"regexp"
	"runtime"
	"strconv"
	"testing"
)

// TestHeapFloor: with the floor the garbage collector lets as much be allocated, and the floor itself
// takes no memory of the machine.
func TestHeapFloor(t *testing.T) {
	if limited() {
		t.Skip("the environment sets when the garbage collector runs (GOGC, GOMEMLIMIT)")
	}
	before := resident(t)
	floor := holdHeapFloor()
	if more := resident(t) - before; more > heapFloor/4 {
		t.Errorf("the floor takes %d bytes", more)
	}
	runtime.GC()
	var first, last runtime.MemStats
	runtime.ReadMemStats(&first)
	var chunk []byte
	for n := 0; n < heapFloor*3/4; n += len(chunk) {
		chunk = make([]byte, 64<<10)
	}
	runtime.ReadMemStats(&last)
	if n := last.NumGC - first.NumGC; n > 1 { // one may be another test's
		t.Errorf("the collector ran %d times", n)
	}
	runtime.KeepAlive(chunk)
	runtime.KeepAlive(floor)
	t.Setenv("GOMEMLIMIT", "100MiB")
	if holdHeapFloor() != nil {
		t.Error("the floor is held beside GOMEMLIMIT")
	}
}

// resident returns how many bytes of memory the process has.
func resident(t *testing.T) int {
	b, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	m := regexp.MustCompile(`VmRSS:\s+(\d+) kB`).FindSubmatch(b)
	if m == nil {
		t.Fatalf("no VmRSS in %s", b)
	}
	n, err := strconv.Atoi(string(m[1]))
	if err != nil {
		t.Fatal(err)
	}
	return n << 10
}
