// Package enroll turns machines into nodes by an invitation. An invitation contains the
// fingerprint of sdnd's certificate authority and a secret that works once. The machine
// verifies sdnd by the fingerprint, sdnd verifies the machine by the secret, and the
// machine gets the certificate of the node that the invitation is for.
package enroll
