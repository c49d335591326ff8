package zonetransfer

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"strings"
	"sync"

	"github.com/miekg/dns"
)

// Bounds of a file of keys.
const (
	maxKeyFile = 1 << 20 // bytes
	maxKeys    = 256
	// minSecret is how many bytes a secret has at least: 128 bits.
	minSecret = 16
)

// algorithms are those that keys may have, as files name them (RFC 8945, 6, without those
// that are not to be used, or cut).
var algorithms = map[string]func() hash.Hash{
	dns.HmacSHA256: sha256.New, dns.HmacSHA384: sha512.New384, dns.HmacSHA512: sha512.New,
}

// key is a secret that a secondary has, too.
type key struct {
	algorithm string // as in algorithms
	secret    []byte
}

// Keys are the keys of a file, which is read again when it has changed. It signs and verifies
// messages for package dns, and is safe for use by several goroutines.
type Keys struct {
	file string
	log  *slog.Logger

	mu     sync.Mutex
	looked fs.FileInfo // of the file as it was read; nil if that failed
	all    map[string]key
}

// OpenKeys reads a file of keys in the form that tsig-keygen of BIND prints and named reads:
//
//	key "secondary1" {
//		algorithm hmac-sha256;
//		secret "…";
//	};
//
// An error says what to change.
func OpenKeys(file string, log *slog.Logger) (*Keys, error) {
	all, info, err := loadKeys(file)
	if err != nil {
		return nil, err
	}
	return &Keys{file: file, log: log, looked: info, all: all}, nil
}

// find returns a key. While the file cannot be read there is none: rights must not outlast it.
func (k *Keys) find(name string) (key, bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	now, err := os.Stat(k.file)
	if err != nil {
		now = nil
	}
	if !sameFile(now, k.looked) {
		all, info, err := loadKeys(k.file)
		switch {
		case err != nil && k.all != nil:
			k.log.Error("the keys of zone transfers cannot be used, no zone is given until they can", "err", err)
		case err == nil:
			k.log.Info("the keys of zone transfers have been read again", "keys", len(all))
		}
		k.all, k.looked = all, info
	}
	found, ok := k.all[dns.CanonicalName(name)]
	return found, ok
}

// sameFile reports whether a file is as it was; one that could not be read never is.
func sameFile(a, b fs.FileInfo) bool {
	return a != nil && b != nil && os.SameFile(a, b) && a.Size() == b.Size() && a.ModTime().Equal(b.ModTime()) && a.Mode() == b.Mode()
}

// Generate returns the code that authenticates a message.
func (k *Keys) Generate(message []byte, t *dns.TSIG) ([]byte, error) {
	found, ok := k.find(t.Hdr.Name)
	switch {
	case !ok:
		return nil, dns.ErrSecret
	case found.algorithm != dns.CanonicalName(t.Algorithm):
		return nil, dns.ErrKeyAlg
	}
	h := hmac.New(algorithms[found.algorithm], found.secret)
	h.Write(message)
	return h.Sum(nil), nil
}

// Verify checks the code that authenticates a message. One that was cut is wrong.
func (k *Keys) Verify(message []byte, t *dns.TSIG) error {
	want, err := k.Generate(message, t)
	if err != nil {
		return err
	}
	if got, err := hex.DecodeString(t.MAC); err != nil || !hmac.Equal(got, want) {
		return dns.ErrSig
	}
	return nil
}

// loadKeys reads a file of keys, which others may not read.
func loadKeys(file string) (all map[string]key, info fs.FileInfo, err error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, nil, fmt.Errorf("file of keys: %w", err)
	}
	defer f.Close()
	if info, err = f.Stat(); err != nil {
		return nil, nil, fmt.Errorf("file of keys: %w", err)
	}
	switch mode := info.Mode(); {
	case !mode.IsRegular():
		return nil, nil, fmt.Errorf("file of keys %s: it is no file", file)
	case mode.Perm()&0o027 != 0:
		return nil, nil, fmt.Errorf("file of keys %s: its permissions are %#o, and whoever reads it can read all names: chmod 640 %s, or 600", file, mode.Perm(), file)
	}
	text, err := io.ReadAll(io.LimitReader(f, maxKeyFile+1))
	if err != nil {
		return nil, nil, fmt.Errorf("file of keys: %w", err)
	}
	if len(text) > maxKeyFile {
		return nil, nil, fmt.Errorf("file of keys %s: it has more than %d bytes", file, maxKeyFile)
	}
	if all, err = parseKeys(string(text)); err != nil {
		return nil, nil, fmt.Errorf("file of keys %s: %w", file, err)
	}
	return all, info, nil
}

// parseKeys reads the text of a file of keys.
func parseKeys(text string) (map[string]key, error) {
	s := &scanner{rest: text, line: 1}
	all := map[string]key{}
	for {
		word, err := s.next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err == nil && word != "key" {
			err = fmt.Errorf("%.40q is not the beginning of a key", word)
		}
		var name string
		var k key
		if err == nil {
			name, k, err = s.key()
		}
		if err == nil && all[name].secret != nil {
			err = fmt.Errorf("the key %s comes twice", name)
		}
		if err != nil {
			return nil, fmt.Errorf("line %d: %w; want key \"NAME\" { algorithm hmac-sha256; secret \"BASE64\"; }; as 'tsig-keygen NAME' prints it", s.line, err)
		}
		if all[name] = k; len(all) > maxKeys {
			return nil, fmt.Errorf("it has more than %d keys", maxKeys)
		}
	}
	if len(all) == 0 {
		return nil, errors.New("it has no key; 'tsig-keygen NAME' makes one")
	}
	return all, nil
}

// key reads a key behind the word key.
func (s *scanner) key() (name string, k key, err error) {
	word, err := s.next()
	if err != nil {
		return "", k, unexpected(err)
	}
	if _, ok := dns.IsDomainName(word); !ok || strings.ContainsAny(word, "{};") {
		return "", k, fmt.Errorf("%.40q is not the name of a key", word)
	}
	name = dns.CanonicalName(word)
	if err := s.want("{"); err != nil {
		return name, k, err
	}
	for {
		if word, err = s.next(); err != nil {
			return name, k, unexpected(err)
		}
		if word == "}" {
			break
		}
		value, err := s.next()
		if err != nil {
			return name, k, unexpected(err)
		}
		switch word {
		case "algorithm":
			k.algorithm = dns.CanonicalName(value)
			if algorithms[k.algorithm] == nil {
				return name, k, fmt.Errorf("%.40q is not an algorithm of keys here: hmac-sha256, hmac-sha384 and hmac-sha512 are", value)
			}
		case "secret":
			if k.secret, err = base64.StdEncoding.DecodeString(value); err != nil {
				return name, k, errors.New("the secret is not in base64")
			}
			if len(k.secret) < minSecret {
				return name, k, fmt.Errorf("the secret has %d bytes, at least %d are needed", len(k.secret), minSecret)
			}
		default:
			return name, k, fmt.Errorf("a key has no %.40q", word)
		}
		if err := s.want(";"); err != nil {
			return name, k, err
		}
	}
	if err := s.want(";"); err != nil {
		return name, k, err
	}
	if k.algorithm == "" || k.secret == nil {
		return name, k, fmt.Errorf("the key %s lacks an algorithm or a secret", name)
	}
	return name, k, nil
}

// scanner reads the words of a file of keys.
type scanner struct {
	rest string
	line int
}

// next returns the next word, string or sign; io.EOF behind the last.
func (s *scanner) next() (string, error) {
	if err := s.space(); err != nil {
		return "", err
	}
	switch c := s.rest[0]; c {
	case '{', '}', ';':
		return s.take(1), nil
	case '"':
		end := strings.IndexAny(s.rest[1:], "\"\n")
		if end < 0 || s.rest[1+end] != '"' {
			return "", errors.New("a string does not end on its line")
		}
		return strings.Trim(s.take(end+2), `"`), nil
	}
	end := strings.IndexAny(s.rest, " \t\r\n{};\"")
	if end < 0 {
		end = len(s.rest)
	}
	return s.take(end), nil
}

// space skips spaces and comments.
func (s *scanner) space() error {
	for s.rest != "" {
		switch {
		case strings.ContainsRune(" \t\r\n", rune(s.rest[0])):
			s.take(1)
		case s.rest[0] == '#' || strings.HasPrefix(s.rest, "//"):
			s.take(len(s.rest) - len(strings.TrimLeftFunc(s.rest, func(r rune) bool { return r != '\n' })))
		case strings.HasPrefix(s.rest, "/*"):
			end := strings.Index(s.rest, "*/")
			if end < 0 {
				return errors.New("a comment does not end")
			}
			s.take(end + 2)
		default:
			return nil
		}
	}
	return io.EOF
}

// take returns the next bytes, and goes on behind them.
func (s *scanner) take(n int) string {
	t := s.rest[:n]
	s.rest = s.rest[n:]
	s.line += strings.Count(t, "\n")
	return t
}

// want reads a sign.
func (s *scanner) want(sign string) error {
	got, err := s.next()
	if err == nil && got != sign {
		err = fmt.Errorf("%.40q where %s belongs", got, sign)
	}
	return unexpected(err)
}

// unexpected says that a file ends within a key.
func unexpected(err error) error {
	if errors.Is(err, io.EOF) {
		return errors.New("the file ends within a key")
	}
	return err
}
