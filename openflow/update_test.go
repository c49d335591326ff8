package openflow

import "flag"

// update is the flag of tests that compare with what was recorded from Open
// vSwitch.
var update = flag.Bool("update", false, "record testdata anew from the real Open vSwitch")
