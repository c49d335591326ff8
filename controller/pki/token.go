package pki

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync"
)

// tokenPrefix makes tokens easy to recognise, for people and for secret scanners.
const tokenPrefix = "sdnctl_"

// NewToken creates a token of 256 random bits, and the line for the token file that
// accepts it as the user's. The line has only the SHA-256 of the token. It needs no salt,
// because nobody can guess 256 bits.
func NewToken(who Identity) (token, line string, err error) {
	if who.Kind != User {
		return "", "", errors.New("tokens are for users")
	}
	if err := who.check(); err != nil {
		return "", "", err
	}
	secret := make([]byte, 32)
	if _, err := rand.Read(secret); err != nil {
		return "", "", err
	}
	token = tokenPrefix + base64.RawURLEncoding.EncodeToString(secret)
	sum := sha256.Sum256([]byte(token))
	return token, fmt.Sprintf("%s %s sha256:%x\n", who.Name, who.Role, sum), nil
}

// Tokens is a token file. It is read again when it has changed. Tokens is safe for
// concurrent use.
type Tokens struct {
	name string
	log  *slog.Logger

	mu     sync.Mutex // guards what follows
	users  map[[sha256.Size]byte]Identity
	looked stamp
}

// OpenTokens reads a token file. Each line has a name, a role and "sha256:" with the digest
// in hexadecimal, as NewToken creates it. Empty lines and lines that begin with # are
// ignored.
func OpenTokens(name string, log *slog.Logger) (*Tokens, error) {
	t := &Tokens{name: name, log: log}
	t.looked = t.look()
	users, err := loadTokens(name)
	if err != nil {
		return nil, err
	}
	t.users = users
	return t, nil
}

func (t *Tokens) look() stamp {
	info, err := os.Stat(t.name)
	if err != nil {
		return stamp{}
	}
	return stamp{info}
}

// Lookup returns the user of a token. While the file cannot be read it accepts no token:
// rights must not outlast the file.
func (t *Tokens) Lookup(token string) (Identity, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if now := t.look(); !now.same(t.looked) {
		t.looked = now
		users, err := loadTokens(t.name)
		if err != nil {
			t.log.Error("token file cannot be used, no token is accepted until it can", "err", err)
		}
		t.users = users
	}
	// The time that a lookup by digest takes reveals nothing.
	who, ok := t.users[sha256.Sum256([]byte(token))]
	return who, ok
}

func loadTokens(name string) (map[[sha256.Size]byte]Identity, error) {
	data, err := os.ReadFile(name)
	if err != nil {
		return nil, fmt.Errorf("file of tokens: %w", err)
	}
	users := map[[sha256.Size]byte]Identity{}
	lines := bufio.NewScanner(bytes.NewReader(data))
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSpace(lines.Text())
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		sum, who, err := parseToken(line)
		if err != nil {
			return nil, fmt.Errorf("file of tokens %s: line %d: %w", name, n, err)
		}
		users[sum] = who
	}
	return users, lines.Err()
}

func parseToken(line string) (sum [sha256.Size]byte, who Identity, err error) {
	fields := strings.Fields(line)
	if len(fields) != 3 {
		return sum, who, errors.New("want NAME ROLE sha256:DIGEST")
	}
	who = Identity{Kind: User, Name: fields[0], Role: Role(fields[1])}
	if err := who.check(); err != nil {
		return sum, who, err
	}
	digest, ok := strings.CutPrefix(fields[2], "sha256:")
	raw, err := hex.DecodeString(digest)
	if !ok || err != nil || len(raw) != len(sum) {
		return sum, who, errors.New("the digest is not sha256: and 64 hexadecimal digits")
	}
	return [sha256.Size]byte(raw), who, nil
}
