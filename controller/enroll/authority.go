package enroll

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/sdnctl/sdnctl/controller/pki"
)

// Validity of what sdnd signs. sdnd renews its own certificate before it expires.
const (
	authorityLife = 10 * 365 * 24 * time.Hour
	serverLife    = 365 * 24 * time.Hour
	nodeLife      = 825 * 24 * time.Hour
)

// checkEvery is how often sdnd checks whether its certificate must be renewed.
const checkEvery = time.Hour

// Notes is storage outside of the authority's folder, for what must survive the loss of
// the folder.
type Notes interface {
	Note(key string) ([]byte, error)
	SetNote(key string, value []byte) error
}

// noteAuthority is the key of the note that has the fingerprint of the authority that sdnd
// created.
const noteAuthority = "authority"

// Authority is sdnd's own certificate authority. It signs sdnd's certificate and those of
// nodes.
type Authority struct {
	dir string
	ca  *pki.Authority
	log *slog.Logger
	now func() time.Time
	// hosts returns the names and addresses that users may dial to reach sdnd. Open vSwitch and
	// sdnctl do not check them.
	hosts func() []string
}

// Options are the choices of Open. Logger is required.
type Options struct {
	Logger *slog.Logger
	// Now is the clock; nil is time.Now.
	Now func() time.Time
	// Hosts returns the names and addresses of this machine; nil is Hosts.
	Hosts func() []string
}

// Open reads the authority and sdnd's certificate from a folder, and creates both at the
// first start. It notes that it has created an authority. If the folder is lost later,
// Open returns an error instead of creating another authority, which no node would
// trust.
func Open(dir string, notes Notes, o Options) (*Authority, error) {
	a := &Authority{dir: dir, log: o.Logger, now: o.Now, hosts: o.Hosts}
	if a.now == nil {
		a.now = time.Now
	}
	if a.hosts == nil {
		a.hosts = Hosts
	}
	noted, err := notes.Note(noteAuthority)
	if err != nil {
		return nil, err
	}
	if err := a.load(noted); err != nil {
		return nil, fmt.Errorf("sdnd's own CA: %w", err)
	}
	print := a.Fingerprint()
	if now := hex.EncodeToString(print[:]); now != string(noted) {
		if noted != nil {
			a.log.Warn("the CA is not the one that sdnd had before: nodes that trust the old one must be invited again", "folder", dir, "fingerprint", a.Fingerprint())
		}
		if err := notes.SetNote(noteAuthority, []byte(now)); err != nil {
			return nil, err
		}
	}
	if err := a.certify(); err != nil {
		return nil, fmt.Errorf("sdnd's certificate by its own CA: %w", err)
	}
	return a, nil
}

func (a *Authority) path(name string) string { return filepath.Join(a.dir, name) }

// Files are the files of a TLS server of the authority.
func (a *Authority) Files() pki.Files {
	return pki.Files{CA: a.path("ca.crt"), Cert: a.path("sdnd.crt"), Key: a.path("sdnd.key")}
}

// load reads the authority, or creates it if there has never been one.
func (a *Authority) load(noted []byte) error {
	cert, key := a.path("ca.crt"), a.path("ca.key")
	in, err := pki.Read(cert, key)
	switch {
	case errors.Is(err, fs.ErrNotExist) && noted == nil && !exists(cert):
		// A key without a certificate: the first start was interrupted.
		return a.create(cert, key)
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%w: the nodes trust the CA that was there; put ca.crt and ca.key back from a copy, or, to create another CA and invite every node again, run: sdnctl pki init --dir %s ADDRESS", err, a.dir)
	case err != nil:
		return err
	}
	if a.ca, err = pki.ParseAuthority(in); err != nil {
		return fmt.Errorf("%s and %s: %w; put them back from a copy", cert, key, err)
	}
	if end := a.ca.Certificate().NotAfter; a.now().After(end) {
		return fmt.Errorf("%s has expired on %s (this machine's clock says %s)", cert, end.Format(time.DateOnly), a.now().Format(time.DateOnly))
	}
	return nil
}

func (a *Authority) create(cert, key string) error {
	if err := os.MkdirAll(a.dir, 0o700); err != nil {
		return err
	}
	ca, err := pki.NewAuthority("sdnd's own authority", a.now(), authorityLife)
	if err != nil {
		return err
	}
	encoded, err := ca.Encode()
	if err == nil {
		err = encoded.Write(cert, key, true)
	}
	if err != nil {
		return err
	}
	a.ca = ca
	a.log.Info("CA created", "folder", a.dir, "fingerprint", a.Fingerprint())
	return nil
}

func exists(name string) bool {
	_, err := os.Lstat(name)
	return err == nil
}

// Fingerprint is how machines identify the authority.
func (a *Authority) Fingerprint() pki.Fingerprint { return pki.FingerprintOf(a.ca.Certificate()) }

// Certificate returns the authority's certificate in PEM.
func (a *Authority) Certificate() ([]byte, error) {
	e, err := a.ca.Encode()
	return e.Cert, err
}

// Sign issues the certificate of a node for a certificate request in PEM.
func (a *Authority) Sign(request []byte, node string) ([]byte, error) {
	return a.ca.SignClient(request, pki.Identity{Kind: pki.Node, Name: node}, a.now(), nodeLife)
}

// certify issues sdnd's certificate, unless the present one is valid for long enough.
func (a *Authority) certify() error {
	hosts := a.hosts()
	files := a.Files()
	why := files.CheckServer(a.now(), serverLife/3, hosts)
	if why == nil {
		return nil
	}
	issued, err := a.ca.IssueServer(hosts, a.now(), min(serverLife, a.ca.Certificate().NotAfter.Sub(a.now())))
	if err != nil {
		return err
	}
	if err := issued.Write(files.Cert, files.Key, true); err != nil {
		return err
	}
	a.log.Info("sdnd's certificate was made", "why", why)
	return nil
}

// Run renews sdnd's certificate in time, until ctx ends.
func (a *Authority) Run(ctx context.Context) error {
	tick := time.NewTicker(checkEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			if err := a.certify(); err != nil {
				a.log.Error("sdnd's certificate cannot be renewed", "err", err)
			}
		}
	}
}
