// Package policymodel is the oracle of tests of policies: a naive evaluator, policies and verdicts
// of another project (Cyclonus' cases of Kubernetes' NetworkPolicy), and random policies. It
// shares only the declared objects with the compiler.
//
// Judge decides about one connection, Matrix about all connections between ports. Both consider
// policies only: not whether a connection has a path, nor port security, nor whether the
// destination answers.
package policymodel
