package bench

import "slices"

// Suite returns all benches, in the order in which they run.
func Suite() []Bench {
	return slices.Concat(
		installs(),
		reconnects(),
		ports(),
		firstPings(),
		fleets(),
		stores(),
		apis(),
		micros(),
		datapaths(),
		policies(),
		services(),
		invalidations(),
		names(),
	)
}
