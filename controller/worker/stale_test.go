package worker

import "testing"

// TestStale: which versions of Open vSwitch may modify the wrong cached flow.
func TestStale(t *testing.T) {
	for version, want := range map[string]bool{
		"2.13.8": true, "2.17.7": true, "2.17.8": false, "2.17.9": false,
		"3.0.4": true, "3.0.5": false, "3.1.0": true, "3.1.2-1.el9": true, "3.1.3": false, "3.2.0": false, "3.3.1": false,
		"4.0.0": false, "": false, "simswitch": false, "3.1": false,
	} {
		if got := Stale(version); got != want {
			t.Errorf("%q: %t", version, got)
		}
	}
}
