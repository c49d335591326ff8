// Package store defines the interface of what stores the declared topology ([Store]) with
// its promises, its values, and its errors. It does no I/O.
//
// Package bolt stores the topology in a file. Users of a store depend on this package only,
// so that another implementation, such as one on etcd, needs no change there. Package
// storetest has the tests that each implementation passes.
//
// # What a store promises
//
// A change is durable before anybody sees it. Apply plans it (package topology), makes
// it durable, publishes the snapshot, and only then calls the functions of OnCommit.
// If it cannot be made durable, nothing has happened, but for [ErrUnconfirmed].
//
// Changes are in one order, which is that of their revisions: each revision is the one
// before and 1, Before of a commit is After of the one before, and everybody sees the
// commits in that order. A change that changes nothing gets no revision, no history
// entry and no call of OnCommit.
//
// What is observed (bindings, tunnel addresses) and notes are beside that: they are of
// no revision, and are durable when the call that saves them returns.
package store
