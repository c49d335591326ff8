package ovsdb

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
)

// uuid is a row's name, unique in its table (RFC 7047, section 3.1).
type uuid [16]byte

// parseUUID reads the 36 characters of a uuid's text.
func parseUUID(s string) (uuid, error) {
	var id uuid
	if len(s) != 36 || s[8] != '-' || s[13] != '-' || s[18] != '-' || s[23] != '-' {
		return uuid{}, fmt.Errorf("%.40q is not a uuid", s)
	}
	compact := s[:8] + s[9:13] + s[14:18] + s[19:23] + s[24:]
	if _, err := hex.Decode(id[:], []byte(compact)); err != nil {
		return uuid{}, fmt.Errorf("%.40q is not a uuid", s)
	}
	return id, nil
}

// String returns the text form, as ovs-vsctl prints it.
func (u uuid) String() string {
	return fmt.Sprintf("%x-%x-%x-%x-%x", u[:4], u[4:6], u[6:8], u[8:10], u[10:])
}

// tokens reads values in the notation of RFC 7047, section 5.1, token by token. A value is
// never decoded into a general tree of interfaces: that would take many times its size. An
// unexpected value is refused at its first token.
type tokens struct{ dec *json.Decoder }

func newTokens(raw []byte) tokens {
	return tokens{json.NewDecoder(bytes.NewReader(raw))}
}

// delim takes one of [ ] { }.
func (t tokens) delim(want json.Delim) error {
	tok, err := t.dec.Token()
	if err != nil {
		return err
	}
	if tok != want {
		return fmt.Errorf("want %v, have %.40q", want, fmt.Sprint(tok))
	}
	return nil
}

// text takes a string.
func (t tokens) text() (string, error) {
	tok, err := t.dec.Token()
	if err != nil {
		return "", err
	}
	s, ok := tok.(string)
	if !ok {
		return "", fmt.Errorf("want a string, have %.40q", fmt.Sprint(tok))
	}
	return s, nil
}

// open takes the beginning of a set or map: ["set",[ or ["map",[.
func (t tokens) open(kind string) error {
	if err := t.delim('['); err != nil {
		return err
	}
	tag, err := t.text()
	if err != nil {
		return err
	}
	if tag != kind {
		return fmt.Errorf("want a %s, have %.40q", kind, tag)
	}
	return t.delim('[')
}

// close takes the end of a set or map.
func (t tokens) close() error {
	if err := t.delim(']'); err != nil {
		return err
	}
	return t.delim(']')
}

// decodeText decodes a column of one string.
func decodeText(raw json.RawMessage) (string, error) {
	return newTokens(raw).text()
}

// decodeOptional decodes a column that holds at most one value: the value
// itself or a set of none or one. Without a value it returns the zero T.
func decodeOptional[T string | int64](raw json.RawMessage) (T, error) {
	var zero, v T
	if len(raw) == 0 || raw[0] != '[' {
		if null(raw) {
			return zero, fmt.Errorf("want a value, have null")
		}
		if err := json.Unmarshal(raw, &v); err != nil {
			return zero, err
		}
		return v, nil
	}
	t := newTokens(raw)
	if err := t.open("set"); err != nil {
		return zero, err
	}
	if t.dec.More() {
		if err := t.dec.Decode(&v); err != nil {
			return zero, err
		}
	}
	return v, t.close()
}

// eachUUID calls f for each member of a set of uuids: ["uuid",u] or
// ["set",[["uuid",u],…]].
func eachUUID(raw json.RawMessage, f func(uuid) error) error {
	t := newTokens(raw)
	if err := t.delim('['); err != nil {
		return err
	}
	tag, err := t.text()
	if err != nil {
		return err
	}
	if tag == "uuid" {
		return t.uuid(f)
	}
	if tag != "set" {
		return fmt.Errorf("want a set of uuids, have %.40q", tag)
	}
	if err := t.delim('['); err != nil {
		return err
	}
	for t.dec.More() {
		if err := t.delim('['); err != nil {
			return err
		}
		tag, err := t.text()
		if err != nil {
			return err
		}
		if tag != "uuid" {
			return fmt.Errorf("want a uuid, have %.40q", tag)
		}
		if err := t.uuid(f); err != nil {
			return err
		}
	}
	return t.close()
}

// uuid reads the rest of ["uuid",u] and passes it to f.
func (t tokens) uuid(f func(uuid) error) error {
	s, err := t.text()
	if err != nil {
		return err
	}
	id, err := parseUUID(s)
	if err != nil {
		return err
	}
	if err := t.delim(']'); err != nil {
		return err
	}
	return f(id)
}

// eachPair calls f for each pair of a map of strings: ["map",[[key,value],…]].
func eachPair(raw json.RawMessage, f func(key, value string)) error {
	t := newTokens(raw)
	if err := t.open("map"); err != nil {
		return err
	}
	for t.dec.More() {
		if err := t.delim('['); err != nil {
			return err
		}
		key, err := t.text()
		if err != nil {
			return err
		}
		value, err := t.text()
		if err != nil {
			return err
		}
		if err := t.delim(']'); err != nil {
			return err
		}
		f(key, value)
	}
	return t.close()
}
