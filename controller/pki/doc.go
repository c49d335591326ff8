// Package pki identifies who is at the other end of a connection and what they may do:
// certificates, the authority that signs them, tokens and roles.
//
// It uses the standard library alone. sdnctl creates certificates with it, and sdnd checks
// them by the same rules.
//
// # Identities
//
// A certificate names its owner by one URI among its alternative names (RFC 5280, section
// 4.2.1.6), whichever authority signed it:
//
//	sdnctl://node/node1                  the switch and OVSDB of node1
//	sdnctl://user/alice?role=operator    a user of the API
//
// The common name is for people and is not evaluated. The certificate of a node is valid
// for TLS clients only, and sdnd's for servers only (RFC 5280, section 4.2.1.12), so a
// node cannot impersonate sdnd.
//
// # Changing certificates
//
// A [Source] checks its files on every handshake and uses new ones from then on. Open
// connections stay. It does not use files that do not belong together, as in the middle
// of a change.
package pki
