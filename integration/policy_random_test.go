package integration

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"

	"github.com/sdnctl/sdnctl/controller/api"
	"github.com/sdnctl/sdnctl/integration/policymodel"
)

// randomPolicies: packets get the verdicts of the naive evaluator about random policies. Each set
// of policies replaces the previous one in one change.
func randomPolicies(t *testing.T, b *policyBed) {
	const rounds = 6
	seed := uint64(17255273086210362500) // its fourth set passes to later tiers that do not decide
	if s, err := strconv.ParseUint(os.Getenv("SDNCTL_POLICY_SEED"), 10, 64); err == nil {
		seed = s
	}
	t.Logf("to repeat the random choices: SDNCTL_POLICY_SEED=%d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	t.Cleanup(b.noPolicies)
	bare, had := b.declared(), 0
	for range rounds {
		ops := policymodel.NewRandom(random.IntN, bare).Ops(1 + random.IntN(8))
		var r api.ApplyRequest
		for _, op := range ops {
			r.Objects = append(r.Objects, object(b.bed, op.Ref.Name, op.Spec))
		}
		for i := len(ops) + 1; i <= had; i++ {
			r.Delete = append(r.Delete, api.Key{Kind: api.KindPolicy, Name: fmt.Sprintf("r%d", i)})
		}
		had = len(ops)
		b.confirmed(must2(b.api.Apply(b.ctx, r)))
		b.revalidated()
		b.asPolicies()
		if t.Failed() {
			t.Fatalf("the policies:\n%s", b.sdnctl("get", "policies", "-o", "yaml"))
		}
	}
	b.verify()
}
