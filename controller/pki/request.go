package pki

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
)

// NewRequest creates a key and a certificate request for it (PKCS #10, RFC 2986), both in
// PEM. The request only proves that its creator has the key.
func NewRequest() (request, key []byte, err error) {
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, fmt.Errorf("make a key: %w", err)
	}
	if key, err = encodeKey(k); err != nil {
		return nil, nil, err
	}
	request, err = requestFor(k)
	return request, key, err
}

// RequestFor creates a certificate request for an existing key, in PEM.
func RequestFor(key []byte) (request []byte, err error) {
	k, err := parseKey(key)
	if err != nil {
		return nil, err
	}
	return requestFor(k)
}

func requestFor(k *ecdsa.PrivateKey) ([]byte, error) {
	der, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{}, k)
	if err != nil {
		return nil, fmt.Errorf("make a certificate request: %w", err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: pemReq, Bytes: der}), nil
}

// requestedKey returns the public key of a certificate request in PEM, after verifying that
// its creator has the private key.
func requestedKey(request []byte) (*ecdsa.PublicKey, error) {
	block, _ := pem.Decode(request)
	if block == nil || block.Type != pemReq {
		return nil, errors.New("there is no certificate request in PEM")
	}
	r, err := x509.ParseCertificateRequest(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("certificate request: %w", err)
	}
	// Check the key first: verifying the signature of a huge key takes long.
	key, ok := r.PublicKey.(*ecdsa.PublicKey)
	if !ok || key.Curve != elliptic.P256() {
		return nil, errors.New("certificate request: want a key of ECDSA on P-256")
	}
	if err := r.CheckSignature(); err != nil {
		return nil, fmt.Errorf("certificate request: %w", err)
	}
	return key, nil
}
