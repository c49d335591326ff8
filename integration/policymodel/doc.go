// Package policymodel says what policies mean, as the oracle of tests: a naive evaluator,
// policies and verdicts of others (Cyclonus' cases of Kubernetes' NetworkPolicy), and random
// policies. It shares nothing with the compiler but the declared objects.
//
// Judge decides about one connection, Matrix about all that ports can open to each other.
// Both know policies alone: whether a connection has a path otherwise, port security and
// who answers are not theirs.
package policymodel
