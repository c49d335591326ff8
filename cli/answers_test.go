package cli

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sdnctl/sdnctl/controller/answer"
	"github.com/sdnctl/sdnctl/controller/nameserver"
)

// TestAnswerCauses: the causes that are completed are those that sdnd has.
func TestAnswerCauses(t *testing.T) {
	var want []string
	for _, c := range append(answer.Causes(nameserver.Upstream{}), answer.NewProber().Cause(), answer.NewSnooper(time.Now).Cause(), answer.NewTunnelProber().Cause()) {
		want = append(want, c.Name)
	}
	slices.Sort(want)
	if d := cmp.Diff(want, answerCauses()); d != "" {
		t.Errorf("causes of answers, and those completed (-want +got):\n%s", d)
	}
}
