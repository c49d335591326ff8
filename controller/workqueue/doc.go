// Package workqueue holds the work that waits for one node's switch.
//
// The fleet adds work, and one worker at a time takes it. Waiting work is merged into one
// job, so that a slow switch is sent the last wanted state and not every step on the way,
// and the queue takes bounded memory.
//
// # States of a queue
//
// A queue is in one of these states:
//
//	Idle          nothing waits, and no job is out
//	Ready         work waits for a worker
//	Postponed     work waits that the worker has put back; see Postpone
//	Running       a job is out, and nothing waits
//	RunningReady  a job is out, and more work waits
//
// Each event leads from one state to another; "-" is an event that does not come, and that
// changes nothing if it does:
//
//	              added         taken    done   failed  put back   guard ends
//	Idle          Ready         -        -      Idle    -          Idle
//	Ready         Ready         Running  -      Ready   -          Ready
//	Postponed     Ready         -        -      Ready   -          Ready
//	Running       RunningReady  -        Idle   Ready   Postponed  Running
//	RunningReady  RunningReady  -        Ready  Ready   Ready      RunningReady
//
// Added are Post, PostMany, Compare, Wipe and Release, and Hold of what the waiting job does
// anyway; taken is Take, done is Done, failed is Failed, put back is Postpone while the
// queue is guarded, and guard ends is Unguard.
//
// # States of a unit
//
// Each unit (a port, a network) of the node is in one of these states, for each change:
//
//	clear    the switch has what is wanted, as far as is known
//	held     the change waits for other nodes; see Hold
//	waiting  the change is part of the job that waits
//	out      the change is part of the job that is out
//
// Post leads from clear or held to waiting, Hold from clear to held, Release from held to
// waiting, Take from waiting to out, and Done from out to clear. PostMany leads each held
// unit to waiting. After Compare, Wipe and Failed the waiting job concerns every unit and
// none is held.
//
// # Scopes of a job
//
// What waits only grows, in the order of Scope: what is added to work of a larger scope
// is part of it. A job is always for the newest view that anything was added for, held or
// not; two lost updates came from jobs that were for an older one.
package workqueue
