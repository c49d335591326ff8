package pki

import (
	"crypto/x509"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"unicode"
)

// scheme is that of the URIs that name identities.
const scheme = "sdnctl"

// maxName bounds a name in bytes.
const maxName = 128

// Kind is the kind of an identity.
type Kind string

// The kinds of identities.
const (
	Node Kind = "node"
	User Kind = "user"
)

// Identity is who a certificate or token is for.
type Identity struct {
	Kind Kind
	// Name of the node or user.
	Name string
	// Role of a user; empty for a node.
	Role Role
}

// String returns the identity for people, such as "node/node1".
func (i Identity) String() string { return string(i.Kind) + "/" + i.Name }

// check returns what is wrong with an identity.
func (i Identity) check() error {
	if err := checkName(i.Name); err != nil {
		return fmt.Errorf("%s: %w", i.Kind, err)
	}
	switch i.Kind {
	case Node:
		if i.Role != "" {
			return errors.New("a node has no role")
		}
	case User:
		if _, err := ParseRole(string(i.Role)); err != nil {
			return err
		}
	default:
		return fmt.Errorf("%q is neither a node nor a user", i.Kind)
	}
	return nil
}

// checkName refuses names that have another meaning in a URI, a file name or a log.
func checkName(name string) error {
	bad := func(r rune) bool {
		return !unicode.IsPrint(r) || unicode.IsSpace(r) || strings.ContainsRune(`/\%?#`, r)
	}
	if name == "" || len(name) > maxName || name == "." || name == ".." || strings.ContainsFunc(name, bad) {
		return fmt.Errorf("%q is not a name: want 1 to %d bytes without spaces and slashes", name, maxName)
	}
	return nil
}

// URI returns the identity as certificates have it.
func (i Identity) URI() *url.URL {
	u := &url.URL{Scheme: scheme, Host: string(i.Kind), Path: "/" + i.Name}
	if i.Role != "" {
		u.RawQuery = url.Values{"role": {string(i.Role)}}.Encode()
	}
	return u
}

// IdentityOf returns the identity in a certificate, which must have exactly one. The caller
// must have verified the certificate.
func IdentityOf(c *x509.Certificate) (Identity, error) {
	var found []Identity
	for _, u := range c.URIs {
		if u.Scheme != scheme {
			continue
		}
		i := Identity{Kind: Kind(u.Host), Name: strings.TrimPrefix(u.Path, "/"), Role: Role(u.Query().Get("role"))}
		if err := i.check(); err != nil {
			return Identity{}, fmt.Errorf("the certificate names %s: %w", u, err)
		}
		found = append(found, i)
	}
	if len(found) != 1 {
		return Identity{}, fmt.Errorf("the certificate %q names %d identities of the form %s://node/NAME or %s://user/NAME?role=ROLE: want one", c.Subject, len(found), scheme, scheme)
	}
	return found[0], nil
}
