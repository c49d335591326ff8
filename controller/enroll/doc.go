// Package enroll lets machines become nodes by an invitation: sdnd has an
// authority of its own, whose fingerprint is in the invitation together with a
// secret that works once. The machine recognises sdnd by the one, sdnd the
// machine by the other, and the machine gets the certificate of the node that
// the invitation is for.
package enroll
