package workqueue

// State is the state of a Queue. The documentation of the package has the transitions.
type State uint8

// The states.
const (
	Idle State = iota
	Ready
	Postponed
	Running
	RunningReady
)

// String returns the name of the state.
func (s State) String() string {
	return [...]string{"Idle", "Ready", "Postponed", "Running", "RunningReady"}[s]
}

// waits reports whether work waits.
func (s State) waits() bool { return s == Ready || s == Postponed || s == RunningReady }

// runs reports whether a job is out.
func (s State) runs() bool { return s == Running || s == RunningReady }

// event is an event of a queue.
type event uint8

const (
	added event = iota
	taken
	done
	failed
	putBack
	guardEnds
)

// String returns the name of the event.
func (e event) String() string {
	return [...]string{"added", "taken", "done", "failed", "put back", "guard ends"}[e]
}

// after returns the state after an event; comes is false if the event cannot occur in this
// state.
func (s State) after(e event) (next State, comes bool) {
	const none = State(0xff)
	next = [...][6]State{
		//            added         taken    done   failed  putBack    guardEnds
		Idle:         {Ready, none, none, Idle, none, Idle},
		Ready:        {Ready, Running, none, Ready, none, Ready},
		Postponed:    {Ready, none, none, Ready, none, Ready},
		Running:      {RunningReady, none, Idle, Ready, Postponed, Running},
		RunningReady: {RunningReady, none, Ready, Ready, Ready, RunningReady},
	}[s][e]
	if next == none {
		return s, false
	}
	return next, true
}
