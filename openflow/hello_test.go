package openflow

import (
	"slices"
	"testing"
)

// TestHelloVersions follows OpenFlow 1.3.5, 6.3.1: the bitmap counts and, if
// there is none, every version up to the header's.
func TestHelloVersions(t *testing.T) {
	tests := []struct {
		name     string
		hello    Hello
		versions []uint8
		has13    bool
	}{
		{"ours", *NewHello(), []uint8{4}, true},
		{"OVS with its defaults", Hello{Version: 6, Bitmap: []uint32{0x7e}}, []uint8{1, 2, 3, 4, 5, 6}, true},
		{"without 1.3", Hello{Version: 6, Bitmap: []uint32{1<<1 | 1<<6}}, []uint8{1, 6}, false},
		{"OpenFlow 1.0", Hello{Version: 1}, []uint8{1}, false},
		{"1.3 without a bitmap", Hello{Version: 4}, []uint8{4}, true},
		{"1.5 without a bitmap", Hello{Version: 6}, []uint8{6}, true},
		{"empty bitmap words", Hello{Version: 4, Bitmap: []uint32{0, 1}}, []uint8{32}, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := tt.hello.Versions(); !slices.Equal(got, tt.versions) {
				t.Errorf("versions %v, want %v", got, tt.versions)
			}
			if got := tt.hello.Supports(Version); got != tt.has13 {
				t.Errorf("supports 1.3: %v, want %v", got, tt.has13)
			}
		})
	}
}

func TestHelloWithoutPadding(t *testing.T) {
	// A version bitmap of one word ends on a multiple of 8; of two words it does
	// not, and some peers leave it at that.
	m, err := DecodeMessage([]byte{4, 0, 0, 20, 0, 0, 0, 1, 0, 1, 0, 12, 0, 0, 0, 16, 0, 0, 0, 0})
	if err != nil || !m.(*Hello).Supports(4) {
		t.Errorf("%+v, %v", m, err)
	}
}
