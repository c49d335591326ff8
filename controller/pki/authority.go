package pki

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"time"
)

// skew is by how much certificates are backdated, for machines whose clocks are behind.
const skew = 5 * time.Minute

// Authority is a certificate authority: a certificate with its key, ECDSA on P-256.
type Authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

// Issued is a certificate with its key, both in PEM.
type Issued struct {
	Cert, Key []byte
}

// NewAuthority creates an authority that is valid for the given time from now on.
func NewAuthority(name string, now time.Time, lasts time.Duration) (*Authority, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make a key: %w", err)
	}
	template := &x509.Certificate{
		Subject:               pkix.Name{CommonName: name},
		NotBefore:             now.Add(-skew),
		NotAfter:              now.Add(lasts),
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
		BasicConstraintsValid: true,
		IsCA:                  true,
		MaxPathLenZero:        true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, fmt.Errorf("make the certificate of the CA: %w", err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, err
	}
	return &Authority{cert, key}, nil
}

// ParseAuthority reads an authority from PEM.
func ParseAuthority(in Issued) (*Authority, error) {
	certs, err := ParseCertificates(in.Cert)
	if err != nil {
		return nil, err
	}
	key, err := parseKey(in.Key)
	if err != nil {
		return nil, err
	}
	switch {
	case !certs[0].IsCA:
		return nil, errors.New("the certificate is not that of a CA")
	case !key.PublicKey.Equal(certs[0].PublicKey):
		return nil, errors.New("the key does not belong to the CA's certificate")
	}
	return &Authority{certs[0], key}, nil
}

// Encode returns the authority in PEM.
func (a *Authority) Encode() (Issued, error) { return encode(a.cert.Raw, a.key) }

// Certificate returns the authority's own certificate.
func (a *Authority) Certificate() *x509.Certificate { return a.cert }

// IssueClient creates a key and a certificate for a node or user.
func (a *Authority) IssueClient(who Identity, now time.Time, lasts time.Duration) (Issued, error) {
	if err := who.check(); err != nil {
		return Issued{}, err
	}
	return a.issue(clientTemplate(who), now, lasts)
}

// IssueServer creates a key and a certificate for sdnd at the given names and addresses.
// Open vSwitch does not check them; general clients of the API do (RFC 9110, section
// 4.3.4). sdnctl also accepts the URI that identifies sdnd, whatever address it dials.
// The certificate chain includes the authority's certificate, for clients that identify
// the authority by its fingerprint.
func (a *Authority) IssueServer(hosts []string, now time.Time, lasts time.Duration) (Issued, error) {
	template := &x509.Certificate{
		Subject:     pkix.Name{CommonName: "sdnd"},
		URIs:        []*url.URL{serverURI()},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	for _, h := range hosts {
		if ip, err := netip.ParseAddr(h); err == nil {
			template.IPAddresses = append(template.IPAddresses, ip.AsSlice())
		} else if err := checkName(h); err != nil {
			return Issued{}, err
		} else {
			template.DNSNames = append(template.DNSNames, h)
		}
	}
	issued, err := a.issue(template, now, lasts)
	if err != nil {
		return Issued{}, err
	}
	issued.Cert = append(issued.Cert, encodeCert(a.cert.Raw)...)
	return issued, nil
}

// SignClient issues a certificate for a node or user from a certificate request (PKCS #10,
// RFC 2986) in PEM. Only the public key of the request is used: the caller decides who
// the certificate is for. The key must be ECDSA on P-256, as NewRequest creates it. The
// certificate does not outlast the authority.
func (a *Authority) SignClient(request []byte, who Identity, now time.Time, lasts time.Duration) (cert []byte, err error) {
	if err := who.check(); err != nil {
		return nil, err
	}
	key, err := requestedKey(request)
	if err != nil {
		return nil, err
	}
	template := clientTemplate(who)
	template.NotAfter = now.Add(min(lasts, a.cert.NotAfter.Sub(now)))
	der, err := a.sign(template, key, now)
	if err != nil {
		return nil, err
	}
	return encodeCert(der), nil
}

func clientTemplate(who Identity) *x509.Certificate {
	return &x509.Certificate{
		Subject:     pkix.Name{CommonName: who.String()},
		URIs:        []*url.URL{who.URI()},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}
}

func (a *Authority) issue(template *x509.Certificate, now time.Time, lasts time.Duration) (Issued, error) {
	template.NotAfter = now.Add(lasts)
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return Issued{}, fmt.Errorf("make a key: %w", err)
	}
	der, err := a.sign(template, &key.PublicKey, now)
	if err != nil {
		return Issued{}, err
	}
	return encode(der, key)
}

// sign completes and signs a template that has the identity and the expiry.
func (a *Authority) sign(template *x509.Certificate, key *ecdsa.PublicKey, now time.Time) ([]byte, error) {
	template.NotBefore = now.Add(-skew)
	if template.NotAfter.After(a.cert.NotAfter) {
		return nil, fmt.Errorf("the certificate would outlive the CA, which expires on %s: make it valid for less time, or create a new CA", a.cert.NotAfter.Format(time.DateOnly))
	}
	template.KeyUsage = x509.KeyUsageDigitalSignature
	template.BasicConstraintsValid = true
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, key, a.key)
	if err != nil {
		return nil, fmt.Errorf("sign the certificate: %w", err)
	}
	return der, nil
}
