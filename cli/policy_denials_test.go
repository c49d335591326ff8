package cli

import (
	"bytes"
	"errors"
	"testing"

	"github.com/sdnctl/sdnctl/controller/api"
)

// TestPolicyDenialsOfNobody: "nothing was denied" is said of nodes that were watched only.
func TestPolicyDenialsOfNobody(t *testing.T) {
	watched, away := api.DenialNode{Node: "node1", Watched: true}, api.DenialNode{Node: "node2", Reason: "its switch is not connected"}
	for _, tt := range []struct {
		nodes []api.DenialNode
		want  string
		code  int
	}{
		{nil, "installed on no node: none has a port that the policy concerns\n", 0},
		{[]api.DenialNode{watched}, "nothing was denied\n", 0},
		{[]api.DenialNode{watched, away}, "node node2 was not watched: its switch is not connected\nnothing was denied on the 1 node watched\n", 0},
		{[]api.DenialNode{away}, "node node2 was not watched: its switch is not connected\n", ExitNotReady},
	} {
		var words bytes.Buffer
		err := printPolicyDenials(&app{env: Env{Err: &words}}, &output{}, api.PolicyDenials{Nodes: tt.nodes})
		var coded codedError
		if words.String() != tt.want || errors.As(err, &coded) != (tt.code != 0) || coded.code != tt.code {
			t.Errorf("%v: %q, %v; want %q and code %d", tt.nodes, words.String(), err, tt.want, tt.code)
		}
	}
}
