// Package worker makes one switch what its node's queue asks for, and keeps it so.
//
// A Worker has the session with one switch and, once the switch is assigned to a node, the
// node's queue. It takes jobs from the queue, computes the items of the job's units as they
// were and as they should be, and sends the difference as one atomic bundle. A switch that
// has just connected, or on which a job failed, is read back and compared as a whole.
// Either way an unchanged flow is never touched.
//
// The worker undoes what others do to the switch. It reports what the switch confirms, what
// failed and what was found to a Reports. A Worker knows no other switch: workers share
// only a Pool, which bounds the memory that they use together.
package worker
