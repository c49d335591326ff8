package pki

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"net/url"
	"strings"
	"testing"
	"time"
)

// TestSignClient: a certificate is for the identity that the caller gives, whatever the request
// asks for, and works with the requested key.
func TestSignClient(t *testing.T) {
	a := newAuthority(t)
	request, key, err := NewRequest()
	if err != nil {
		t.Fatal(err)
	}
	cert, err := a.SignClient(request, Identity{Node, "node1", ""}, time.Now(), 100*year)
	if err != nil {
		t.Fatal(err)
	}
	f := place(t, t.TempDir(), a, Issued{cert, key})
	who, end, err := f.CheckClient(time.Now())
	if err != nil || who != (Identity{Node, "node1", ""}) {
		t.Errorf("%v %v", who, err)
	}
	if !end.Equal(a.Certificate().NotAfter) {
		t.Errorf("it ends %v, the authority %v", end, a.Certificate().NotAfter)
	}
	for name, bad := range hostileRequests(t) {
		if cert, err := a.SignClient(bad.pem, Identity{Node, "node1", ""}, time.Now(), year); bad.want == "" {
			certs, perr := ParseCertificates(cert)
			if err != nil || perr != nil || len(certs[0].URIs) != 1 || certs[0].IsCA || certs[0].ExtKeyUsage[0] != x509.ExtKeyUsageClientAuth || len(certs[0].DNSNames) > 0 {
				t.Errorf("%s: %v %v", name, certs, err)
			}
		} else if err == nil || !strings.Contains(err.Error(), bad.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// hostileRequest is a certificate request, and the error for it; "" if it is signed.
type hostileRequest struct {
	pem  []byte
	want string
}

func hostileRequests(t *testing.T) map[string]hostileRequest {
	t.Helper()
	encode := func(template *x509.CertificateRequest, key any) []byte {
		t.Helper()
		der, err := x509.CreateCertificateRequest(rand.Reader, template, key)
		if err != nil {
			t.Fatal(err)
		}
		return pem.EncodeToMemory(&pem.Block{Type: pemReq, Bytes: der})
	}
	small, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	large, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	forged := encode(&x509.CertificateRequest{}, small)
	block, _ := pem.Decode(forged)
	block.Bytes[len(block.Bytes)-1] ^= 1
	return map[string]hostileRequest{
		"asks to be an admin": {encode(&x509.CertificateRequest{
			URIs: []*url.URL{{Scheme: "sdnctl", Host: "user", Path: "/x", RawQuery: "role=admin"}}, DNSNames: []string{"sdnd"},
		}, small), ""},
		"RSA":            {encode(&x509.CertificateRequest{}, large), "P-256"},
		"empty":          {nil, "no certificate request"},
		"another's":      {pem.EncodeToMemory(block), "verification failure"},
		"no request":     {pem.EncodeToMemory(&pem.Block{Type: pemReq, Bytes: []byte{0x30}}), "certificate request"},
		"a certificate":  {newAuthority(t).mustCert(t), "no certificate request"},
		"a long comment": {[]byte(strings.Repeat("x", 1<<16)), "no certificate request"},
	}
}

func (a *Authority) mustCert(t *testing.T) []byte {
	t.Helper()
	enc, err := a.Encode()
	if err != nil {
		t.Fatal(err)
	}
	return enc.Cert
}

// TestClientTakesSDNDAtAnyAddress: a server certificate must identify sdnd, or else name the
// host.
func TestClientTakesSDNDAtAnyAddress(t *testing.T) {
	a, other := newAuthority(t), newAuthority(t)
	plain, err := a.issue(&x509.Certificate{
		DNSNames: []string{"web.example"}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}, time.Now(), year)
	if err != nil {
		t.Fatal(err)
	}
	plain.Cert = append(plain.Cert, a.mustCert(t)...) // net.Pipe has no buffer, so all flights must have the same size
	request, key, err := NewRequest()
	if err != nil {
		t.Fatal(err)
	}
	posing, err := a.SignClient(request, Identity{Node, "node1", ""}, time.Now(), year)
	if err != nil {
		t.Fatal(err)
	}
	late, err := a.IssueServer([]string{"sdnd"}, time.Now().Add(-2*year), year)
	if err != nil {
		t.Fatal(err)
	}
	client := open(t, place(t, t.TempDir(), a, issueNode(t, a, "node1")))
	for _, tt := range []struct {
		name   string
		by     *Authority
		server Issued
		host   string
		want   string
	}{
		{"sdnd at an address that no certificate names", a, issueServer(t, a, "10.0.0.1"), "192.0.2.7", ""},
		{"another server of the authority, by its name", a, plain, "web.example", ""},
		{"another server of the authority, as sdnd", a, plain, "192.0.2.7", "cannot validate certificate for 192.0.2.7"},
		{"a node that poses as sdnd", a, Issued{posing, key}, "192.0.2.7", "incompatible key usage"},
		{"sdnd of another authority", other, issueServer(t, other, "192.0.2.7"), "192.0.2.7", "unknown authority"},
		{"an old certificate", a, late, "192.0.2.7", "expired"},
	} {
		source := open(t, place(t, t.TempDir(), a, tt.server))
		_, _, _, err := meet(t, source.Server(tls.RequireAndVerifyClientCert), client.Client(tt.host))
		if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
}

// TestPinned: a client that has only the fingerprint connects to the sdnd of that authority and
// to nobody else.
func TestPinned(t *testing.T) {
	a, other := newAuthority(t), newAuthority(t)
	request, key, err := NewRequest()
	if err != nil {
		t.Fatal(err)
	}
	posing, err := a.SignClient(request, Identity{Node, "node1", ""}, time.Now(), year)
	if err != nil {
		t.Fatal(err)
	}
	foreign := issueServer(t, other, "sdnd")
	for _, tt := range []struct {
		name   string
		server Issued
		want   string
	}{
		{"its own", issueServer(t, a, "10.0.0.1"), ""},
		{"another authority's", foreign, "is not of the CA"},
		{"another authority's that shows ours", Issued{append(foreign.Cert, a.mustCert(t)...), foreign.Key}, "not the sdnd that the invitation is from"},
		{"a node that shows its authority", Issued{append(posing, a.mustCert(t)...), key}, "not the sdnd that the invitation is from"},
	} {
		source := open(t, place(t, t.TempDir(), a, tt.server))
		config := Pinned(FingerprintOf(a.Certificate()))
		_, _, _, err := meet(t, source.Server(tls.RequireAndVerifyClientCert), config)
		got := ""
		if err != nil {
			got = err.Error()
		}
		// The server asks for a certificate, which a pinned client does not have yet.
		got = strings.ReplaceAll(got, "tls: client didn't provide a certificate", "")
		if tt.want != "" && !strings.Contains(got, tt.want) || tt.want == "" && strings.Contains(got, "authority") {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
}

func TestInvitation(t *testing.T) {
	i, err := NewInvitation(FingerprintOf(newAuthority(t).Certificate()))
	if err != nil {
		t.Fatal(err)
	}
	text := i.String()
	if got, err := ParseInvitation(" " + text + "\n"); err != nil || got != i || len(text) != 93 {
		t.Errorf("%s: %v", text, err)
	}
	for _, bad := range []string{"", "SDNCTL-", text[:len(text)-1], text + "A", text[1:], strings.ToLower(text), strings.Replace(text, "-", "+", 1), "sdnctl_" + text[7:]} {
		if _, err := ParseInvitation(bad); err == nil || !strings.Contains(err.Error(), "paste") {
			t.Errorf("%q: %v", bad, err)
		}
	}
}
