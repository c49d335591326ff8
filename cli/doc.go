// Package cli is sdnctl: the commands with which people and scripts use sdnd, and with
// which a machine joins as a node.
//
// It is only a client of the HTTP API (package controller/api). It has no database and no
// OpenFlow, and decides nothing that the daemon should decide: files are read here and
// checked there.
//
// # How it is laid out
//
// One file per verb: an options struct, a newXCmd constructor that declares flags, and a
// run method that does the work and prints only to the writers of Env. All verbs share:
//
//   - Env (env.go) is everything outside the program that a command may use:
//     streams, environment, clock and the running of ovs-vsctl;
//   - errors.go has the exit codes, and is the one place that turns an error
//     into an exit code and a message;
//   - kinds.go describes the kinds of objects: their names, flags, columns;
//   - manifest*.go read YAML and JSON, with a line number for every field;
//   - output.go prints in the format of -o.
//
// Data goes to standard output, messages to standard error.
//
// # Adding a verb
//
//  1. Write verb.go with verbOptions, newVerbCmd and (*verbOptions).run.
//  2. Give it an Example and validated Args; TestEveryCommand checks that.
//  3. Add it in newRootCmd (or, for a verb on objects, newKindCmd).
//  4. Add a script to testdata/script.
package cli
