package model

import (
	"encoding/json"
	"fmt"
)

// VNI is a VXLAN Network Identifier (RFC 7348, section 5): 24 bits, of which
// 0 is not used here, so 1..16777215. The zero VNI means "not given".
type VNI uint32

// The range of VNIs that a network may have.
const (
	MinVNI VNI = 1
	MaxVNI VNI = 1<<24 - 1
)

// NewVNI returns a number as a VNI, or a *ValueError if it is out of range.
func NewVNI(n int64) (VNI, error) {
	if n < int64(MinVNI) || n > int64(MaxVNI) {
		return 0, &ValueError{fmt.Sprintf("VNI %d is out of range", n), fmt.Sprintf("use %d to %d, or leave it out to have one allocated", MinVNI, MaxVNI)}
	}
	return VNI(n), nil
}

// UnmarshalJSON reads a number. It refuses 0, which would otherwise be taken for
// "not given".
func (v *VNI) UnmarshalJSON(b []byte) error {
	if string(b) == "null" {
		return nil
	}
	var n int64
	err := json.Unmarshal(b, &n)
	if err == nil {
		*v, err = NewVNI(n)
	}
	return err
}
