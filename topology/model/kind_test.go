package model

import (
	"strings"
	"testing"
)

// TestKinds: each kind is found by every word for it, and its parts agree.
func TestKinds(t *testing.T) {
	for i, k := range Kinds() {
		if k.Order() != i || k.Title() == "" || !strings.EqualFold(k.Title(), string(k)) || k.Writer() == 0 {
			t.Errorf("%q: order %d, title %q, writer %d", k, k.Order(), k.Title(), k.Writer())
		}
		if d := k.info(); d.zero.Kind() != k {
			t.Errorf("%q has the spec of a %q", k, d.zero.Kind())
		}
		for _, word := range []string{string(k), k.Title(), k.Plural(), strings.ToUpper(k.Plural())} {
			if got, err := ParseKind(word); got != k || err != nil {
				t.Errorf("%q is read as %q, %v", word, got, err)
			}
		}
		if !strings.Contains(KindList(), k.Title()) {
			t.Errorf("%q lacks %s", KindList(), k.Title())
		}
	}
	for _, word := range []string{"", "x", "portt"} {
		if k, err := ParseKind(word); err == nil {
			t.Errorf("%q is read as %q", word, k)
		}
		if k := Kind(word); k.Order() != -1 || k.Title() != "" || k.Plural() != "" {
			t.Errorf("%q is described", word)
		}
	}
}

func TestRef(t *testing.T) {
	want := Ref{KindPort, "a.b"}
	b, err := want.MarshalText()
	if err != nil {
		t.Fatal(err)
	}
	var got Ref
	if err := got.UnmarshalText(b); err != nil || got != want || want.String() != "port/a.b" {
		t.Errorf("%v, %v", got, err)
	}
	if got.UnmarshalText([]byte("port")) == nil {
		t.Error("a word without a slash is a reference")
	}
}
