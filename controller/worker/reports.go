package worker

import "github.com/sdnctl/sdnctl/controller/pipeline"

// Reports takes what a Worker has to say of the switch of a node. The worker calls one
// method at a time, and waits for it.
type Reports interface {
	// Confirmed says that the switch has confirmed what the queue last gave to be done, and
	// that it has so many items from us.
	Confirmed(node string, items pipeline.Counts)
	// Failed says why the switch was not brought up to date. It will be tried again.
	Failed(node string, err error)
	// Drifted says what others did to the switch.
	Drifted(node string, all []Drift)
	// Dropped says what the switch has dropped of what its ports may not send.
	Dropped(node string, d Dropped)
	// Fragments says how the switch was found to treat IP fragments, if that was wrong;
	// "" if it is right again.
	Fragments(node, found string)
}
