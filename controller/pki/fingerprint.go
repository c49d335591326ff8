package pki

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
)

// Fingerprint identifies an authority by its public key: the SHA-256 of its
// SubjectPublicKeyInfo (RFC 7469, section 2.4). A new certificate for
// the same key has the same fingerprint.
type Fingerprint [sha256.Size]byte

// FingerprintOf returns the fingerprint of an authority's certificate.
func FingerprintOf(c *x509.Certificate) Fingerprint {
	return sha256.Sum256(c.RawSubjectPublicKeyInfo)
}

// String returns "sha256:" and the fingerprint in hexadecimal.
func (f Fingerprint) String() string { return "sha256:" + hex.EncodeToString(f[:]) }
