package openflow

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

// olderNames are names that OVS gives otherwise than OpenFlow 1.3.5: it keeps
// those of other versions, or has new words for slave.
var olderNames = map[string]string{
	"OFPBRC_BAD_MULTIPART":    "OFPBRC_BAD_STAT",
	"OFPBRC_BAD_EXPERIMENTER": "OFPBRC_BAD_VENDOR",
	"OFPBRC_BAD_EXP_TYPE":     "OFPBRC_BAD_SUBTYPE",
	"OFPBRC_IS_SLAVE":         "OFPBRC_IS_SECONDARY",
	"OFPBAC_BAD_EXPERIMENTER": "OFPBAC_BAD_VENDOR",
	"OFPBAC_BAD_EXP_TYPE":     "OFPBAC_BAD_VENDOR_TYPE",
	"OFPTFFC_BAD_TYPE":        "OFPBPC_BAD_TYPE",
	"OFPTFFC_BAD_LEN":         "OFPBPC_BAD_LEN",
	"OFPTFFC_BAD_ARGUMENT":    "OFPBPC_BAD_VALUE",
}

func TestErrorNamesAsOVSHasThem(t *testing.T) {
	check := func(m *ErrorMsg) {
		want := m.Name()
		if old, ok := olderNames[want]; ok {
			want = old
		}
		if got := ofpPrint(t, encode(t, m)); !strings.HasSuffix(strings.SplitN(got, "\n", 2)[0], want) {
			t.Errorf("type %d code %d: %s, but ovs-ofctl prints %s", m.ErrType, m.Code, want, got)
		}
	}
	for typ, codes := range errorNames {
		for code := range codes {
			check(&ErrorMsg{ErrType: ErrorType(typ), Code: uint16(code)})
		}
	}
	for i := range bundleErrorNames {
		check(&ErrorMsg{ErrType: ErrTypeExperimenter, Experimenter: ExperimenterONF, Code: firstBundleError + uint16(i)})
	}
	for code, name := range niciraErrorNames {
		if name != "" {
			check(&ErrorMsg{ErrType: ErrTypeExperimenter, Experimenter: ExperimenterNicira, Code: uint16(code)})
		}
	}
}

func TestErrorText(t *testing.T) {
	mod := (&Flow{}).AppendAdd(nil, 7)
	tests := []struct {
		msg  ErrorMsg
		want string
	}{
		{ErrorMsg{Header: Header{7}, ErrType: ErrTypeBadMatch, Code: 9, Data: mod},
			"switch refused flow_mod (xid 0x7): OFPBMC_BAD_PREREQ"},
		{ErrorMsg{ErrType: ErrTypeExperimenter, Code: 2313, Experimenter: ExperimenterONF},
			"switch refused message (xid 0x0): OFPBFC_MSG_FAILED"},
		{ErrorMsg{Data: []byte("we support 1.0 only")},
			`peer refused hello: OFPHFC_INCOMPATIBLE: "we support 1.0 only"`},
		{ErrorMsg{ErrType: 99, Code: 4}, "switch refused message (xid 0x0): error type 99 code 4"},
		{ErrorMsg{ErrType: ErrTypeBadMatch, Code: 400}, "switch refused message (xid 0x0): error type 4 code 400"},
		{ErrorMsg{ErrType: ErrTypeExperimenter, Code: 5, Experimenter: 0xabcd},
			"switch refused message (xid 0x0): experimenter 0x0000abcd error 5"},
		{ErrorMsg{ErrType: ErrTypeExperimenter, Code: 14, Experimenter: ExperimenterNicira},
			"switch refused message (xid 0x0): experimenter 0x00002320 error 14"},
	}
	for _, tt := range tests {
		if got := tt.msg.Error(); got != tt.want || tt.msg.String() != tt.want {
			t.Errorf("got  %s\nwant %s", got, tt.want)
		}
	}
}

func TestIsError(t *testing.T) {
	err := fmt.Errorf("node n1: %w", &ErrorMsg{ErrType: ErrTypeRoleRequestFailed, Code: RoleFailedStale})
	if !IsError(err, ErrTypeRoleRequestFailed, RoleFailedStale) {
		t.Error("a wrapped error is not recognised")
	}
	if IsError(err, ErrTypeRoleRequestFailed, RoleFailedUnsupported) || IsError(errors.New("x"), 0, 0) {
		t.Error("another error is taken for it")
	}
}
