package integration

import (
	"sync"
	"testing"
	"time"

	"github.com/sdnctl/sdnctl/integration/lab"
	"github.com/sdnctl/sdnctl/integration/prober"
)

// lookedAt has eight clients read the flows of both nodes again and again, which must not
// lose packets of others. A busy machine loses packets by itself, so the loss is compared
// with the loss without readers.
func lookedAt(pairs [][2]*lab.Container) func(*testing.T, *bed) {
	return func(t *testing.T, b *bed) {
		const long = 4 * time.Second
		want := b.flowCount("node1")
		ps := b.probe(pairs...)
		b.must(ps.all[0].Flowing(b.ctx, int(long/prober.Every)))
		calm := share(t, ps.stop())
		ps = b.probe(pairs...)
		end := time.Now().Add(long)
		var readers sync.WaitGroup
		var mu sync.Mutex
		reads, failed := 0, error(nil)
		for i := range 8 {
			readers.Go(func() {
				for time.Now().Before(end) {
					flows, err := b.api.Flows(b.ctx, []string{"node1", "node2"}[i%2])
					mu.Lock()
					if reads++; err != nil {
						failed = err
					} else if len(flows.Flows) < want {
						t.Errorf("%d flows were read of %d", len(flows.Flows), want)
					}
					mu.Unlock()
				}
			})
		}
		readers.Wait()
		b.must(failed)
		read := share(t, ps.stop())
		t.Logf("%d flows were read %d times: lost %.3f %% with that, %.3f %% without", want, reads, 100*read, 100*calm)
		if read > 2*calm+0.005 {
			t.Error("who looks at flows disturbs those who use them")
		}
	}
}

// share returns the share of datagrams that were lost.
func share(t *testing.T, reports []prober.Report) float64 {
	t.Helper()
	sent, lost := 0, 0
	for _, r := range reports {
		t.Log(r)
		sent, lost = sent+r.Sent, lost+r.Lost
	}
	return float64(lost) / float64(sent)
}
