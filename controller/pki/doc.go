// Package pki says who is at the other end of a connection, and what they may
// do: certificates, the authority that signs them, tokens and roles.
//
// It is the standard library alone, so that sdnctl can make certificates and
// sdnd can check them by the same rules.
//
// # Identities
//
// A certificate names who it is for by one URI among its alternative names
// (RFC 5280, section 4.2.1.6), whatever authority signed it:
//
//	sdnctl://node/node1                  the switch and OVSDB of node1
//	sdnctl://user/alice?role=operator    a user of the API
//
// The common name is for people to read and decides nothing. A node's
// certificate can only be a TLS client, sdnd's only a server (RFC 5280,
// section 4.2.1.12): a node cannot pose as sdnd to another node.
//
// # Changing certificates
//
// A [Source] looks at its files on every handshake, and takes new ones from
// then on; connections that are open keep going. Files that do not belong
// together, as in the middle of a change, are not taken.
package pki
