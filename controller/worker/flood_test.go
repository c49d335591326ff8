package worker_test

import (
	"fmt"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sdnctl/sdnctl/openflow"
	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/model"
)

// TestReadFlood: a worker asks its switch for one sum more at each reading if the node limits what ports send to all
// of a network, and for meters at first only, while nothing is sent. It asks others for neither.
func TestReadFlood(t *testing.T) {
	const every = 5 * time.Second
	_ = playReading(t, every, func(b *bench) {
		b.queue.Compare(b.view)
		b.worker.Assign("here", b.queue)
		// asked returns how many requests ten readings are, the first of which come after some others.
		asked := func(multicast model.Multicast, limit model.FloodLimit) int {
			b.change(put(topology.KindNetwork, "net", topology.NetworkSpec{VNI: 7, Mode: topology.Stretched, Multicast: multicast, FloodLimit: limit,
				Subnets: []topology.Subnet{{Prefix: netip.MustParsePrefix("10.0.0.0/16")}}}))
			time.Sleep(4 * every)
			synctest.Wait()
			before := b.sess.Stats().Out[openflow.TypeMultipartRequest]
			time.Sleep(10 * every)
			synctest.Wait()
			b.inOrder()
			return int(b.sess.Stats().Out[openflow.TypeMultipartRequest] - before)
		}
		off, flood, unlimited := asked("", 0), asked(model.MulticastFlood, 0), asked(model.MulticastFlood, model.FloodUnlimited)
		if got := fmt.Sprint(flood-off, unlimited-off, off > 0); got != "10 0 true" {
			b.Errorf("ten readings ask %d times, with a limit %d, with none %d", off, flood, unlimited)
		}
	})
}
