// Package model declares the kinds of objects that users declare: the name of each, the
// content of its spec, the objects that it refers to and who may write it. It imports the
// standard library alone, so that the daemon, the command line and every other client share
// it.
//
// # Adding a kind
//
// kind.go has the one list of kinds. Add the kind to its constants, to PerKind and
// to ForEachKind; the compiler then names every table that lacks it. The recipe is
// in docs/adding-a-kind.md.
package model
