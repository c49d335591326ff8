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

// NewRequest makes a key and a certificate request for it (PKCS #10, RFC 2986),
// both in PEM. The request says nothing but that its maker has the key.
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

// RequestFor makes a certificate request for a key that is there already, in PEM.
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

// requestedKey returns the public key of a certificate request in PEM, whose
// maker has proven to have the private one.
func requestedKey(request []byte) (*ecdsa.PublicKey, error) {
	block, _ := pem.Decode(request)
	if block == nil || block.Type != pemReq {
		return nil, errors.New("there is no certificate request in PEM")
	}
	r, err := x509.ParseCertificateRequest(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("certificate request: %w", err)
	}
	// Looked at before its signature is checked: that of a huge key takes long.
	key, ok := r.PublicKey.(*ecdsa.PublicKey)
	if !ok || key.Curve != elliptic.P256() {
		return nil, errors.New("certificate request: want a key of ECDSA on P-256")
	}
	if err := r.CheckSignature(); err != nil {
		return nil, fmt.Errorf("certificate request: %w", err)
	}
	return key, nil
}
