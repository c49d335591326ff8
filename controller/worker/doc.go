// Package worker brings one switch to what its node's queue asks, and keeps it there.
//
// A Worker has the session with one switch and, once it is known which node that is, the
// node's queue. It takes jobs out of the queue, computes the items of the units in them as
// they were and as they are to be, and sends the difference as one atomic bundle. A switch
// that has just connected, or with which anything went wrong, is read back and compared as a
// whole. Either way an unchanged flow is never touched.
//
// What others do to the switch is undone. What the switch confirms, what failed and what was
// found goes to a Reports. A Worker knows of no other switch: all that workers share is a
// Pool, which bounds the memory that they take together.
package worker
