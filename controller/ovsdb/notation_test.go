package ovsdb

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
	libovsdb "github.com/ovn-kubernetes/libovsdb/ovsdb"
)

// malformed are values that fit no column of ours.
func malformed() []string {
	return []string{
		`null`, `true`, `1.5`, `{}`, `[]`, `[[]]`, `["set"]`, `["set",1]`, `["set",[[]]]`, `["set",[["uuid"]]]`,
		`["set",[["uuid",1]]]`, `["set",[["uuid","x"]]]`, `["set",[{}]]`, `["set",[],1]`, `["set",["` + u1 + `"]]`,
		`["uuid"]`, `["uuid",1]`, `["uuid","x"]`, `["uuid","` + u1 + `",1]`, `["uuid","` + u1 + `0"]`,
		`["named-uuid","row1"]`, `["map"]`, `["map",1]`, `["map",[1]]`, `["map",[[]]]`, `["map",[["a"]]]`,
		`["map",[["a",1]]]`, `["map",[[1,"a"]]]`, `["map",[["a","b","c"]]]`, `["map",[],1]`,
	}
}

func TestNotationRefusesMalformedValues(t *testing.T) {
	for _, s := range malformed() {
		raw := json.RawMessage(s)
		if _, err := decodeText(raw); err == nil {
			t.Errorf("string: %s is taken", s)
		}
		if _, err := decodeOptional[int64](raw); err == nil && s != `["set",[]]` {
			t.Errorf("optional integer: %s is taken", s)
		}
		if _, err := decodeOptional[string](raw); err == nil && s != `["set",["`+u1+`"]]` {
			t.Errorf("optional string: %s is taken", s)
		}
		if err := eachUUID(raw, func(uuid) error { return nil }); err == nil {
			t.Errorf("set of uuids: %s is taken", s)
		}
		if err := eachPair(raw, func(string, string) {}); err == nil {
			t.Errorf("map: %s is taken", s)
		}
	}
	for _, s := range []string{`["set",[1,2]]`, `["set",["a"]]`, `99999999999999999999`, `"1"`} {
		if _, err := decodeOptional[int64](json.RawMessage(s)); err == nil {
			t.Errorf("optional integer: %s is taken", s)
		}
	}
}

// What libovsdb reads in well-formed values, we read.
func TestNotationAgreesWithLibovsdb(t *testing.T) {
	for _, s := range []string{`["set",[]]`, `["uuid","` + u1 + `"]`, `["set",[["uuid","` + u1 + `"],["uuid","` + u2 + `"]]]`} {
		var theirs libovsdb.OvsSet
		if err := json.Unmarshal([]byte(s), &theirs); err != nil {
			t.Fatal(err)
		}
		want, got := []string{}, []string{}
		for _, m := range theirs.GoSet {
			want = append(want, m.(libovsdb.UUID).GoUUID)
		}
		err := eachUUID(json.RawMessage(s), func(id uuid) error { got = append(got, id.String()); return nil })
		if d := cmp.Diff(want, got); d != "" || err != nil {
			t.Errorf("%s: %v (-libovsdb +ours)\n%s", s, err, d)
		}
	}
	for _, s := range []string{`["map",[]]`, `["map",[["a","b"],["c",""],["","é\u0000"]]]`} {
		var theirs libovsdb.OvsMap
		if err := json.Unmarshal([]byte(s), &theirs); err != nil {
			t.Fatal(err)
		}
		got := map[any]any{}
		err := eachPair(json.RawMessage(s), func(k, v string) { got[k] = v })
		if d := cmp.Diff(theirs.GoMap, got); d != "" || err != nil {
			t.Errorf("%s: %v (-libovsdb +ours)\n%s", s, err, d)
		}
	}
	for s, want := range map[string]int64{`7`: 7, `-1`: -1, `["set",[]]`: 0, `["set",[65534]]`: 65534} {
		var theirs libovsdb.OvsSet
		if err := json.Unmarshal([]byte(s), &theirs); err != nil {
			t.Fatal(err)
		}
		if len(theirs.GoSet) == 1 && int64(theirs.GoSet[0].(float64)) != want {
			t.Errorf("%s: libovsdb reads %v", s, theirs.GoSet)
		}
		if got, err := decodeOptional[int64](json.RawMessage(s)); got != want || err != nil {
			t.Errorf("%s: %d, %v", s, got, err)
		}
	}
}
