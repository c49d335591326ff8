package reconcile

import "testing"

// The versions are those whose ofproto/connmgr.c has "rconn_create(5, 8", and
// those next to them that do not.
func TestForgetsBackoff(t *testing.T) {
	for version, want := range map[string]bool{
		"2.10.7": false, "2.11.9": false, "2.12.0": true, "2.16.9": true, "2.17.7": true, "2.17.8": false, "2.17.12": false,
		"3.0.4": true, "3.0.5": false, "3.1.0": true, "3.1.2": true, "3.1.3": false, "3.2.0": true, "3.2.1": false,
		"3.3.0": false, "3.3.90": false, "4.0.0": false,
		"3.1.0-2.el9": true, "3.1.10-2.el9": false, "3.1.0.1": true,
		"": false, "3.1": false, "3.x.0": false, "3.1.x": false, "some switch 3.1.0": false,
	} {
		if got := forgetsBackoff(version); got != want {
			t.Errorf("%q: %v, want %v", version, got, want)
		}
	}
}
