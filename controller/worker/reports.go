package worker

import "github.com/sdnctl/sdnctl/controller/pipeline"

// Reports receives the reports of a Worker about the switch of a node. The worker calls one
// method at a time, and waits for it.
type Reports interface {
	// Confirmed reports that the switch has confirmed the queue's last job, and how many items
	// of sdnd's it has.
	Confirmed(node string, items pipeline.Counts)
	// Failed reports why a job failed. The job will be repeated.
	Failed(node string, err error)
	// Drifted reports the changes that others made to the switch.
	Drifted(node string, all []Drift)
	// Dropped reports the packets that the switch has dropped because its ports may not
	// send them.
	Dropped(node string, d Dropped)
	// Fragments reports the switch's mode for IP fragments, if that was wrong; "" once it
	// is right again.
	Fragments(node, found string)
}
