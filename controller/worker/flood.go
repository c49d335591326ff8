package worker

import (
	"context"

	"github.com/sdnctl/sdnctl/controller/pipeline"
	"github.com/sdnctl/sdnctl/openflow"
	"github.com/sdnctl/sdnctl/openflow/session"
)

// floodWatch is what a worker knows of the counters of packets that ports send to all of their network. One
// sum covers all ports. While it grows so little that no port can be beyond its limit (FloodQuiet), no meter
// is read.
type floodWatch struct {
	// sum is the last value of the sum, dropped are those of the meters by port; nil until they are read.
	sum     uint64
	dropped map[openflow.PortNo]uint64
	// unread is the number of further readings that include the meters whatever the sum: meters that had
	// dropped packets are full again only after a while, and flows count with a delay.
	unread int
}

// floodAgain is how many readings include the meters after the last one before which much was sent.
const floodAgain = 2

// readFlood returns how many packets meters have dropped since they were last read, which ports sent to all of
// their network beyond its limit. Of a new meter it returns all packets that it has dropped.
func (w *Worker) readFlood(ctx context.Context) (map[openflow.PortNo]uint64, error) {
	f := &w.drops.flood
	if w.view == nil {
		return nil, nil
	}
	quiet, ok := w.view.FloodQuiet(w.node)
	if !ok {
		*f = floodWatch{}
		return nil, nil
	}
	q := openflow.AllFlows()
	q.Table = pipeline.TableFlood
	var sum uint64
	err := w.sess.Multipart(ctx, q.Message(openflow.MultipartAggregate), func(m *openflow.MultipartReply) error {
		all, err := m.Aggregate()
		sum += all.Packets
		return err
	})
	if err != nil {
		return nil, err
	}
	if uint64(grownBy(f.sum, sum)) > quiet {
		f.unread = floodAgain
	}
	f.sum = sum
	if f.dropped != nil && f.unread == 0 {
		return nil, nil
	}
	f.unread = max(0, f.unread-1)
	counts, grown := map[openflow.PortNo]uint64{}, map[openflow.PortNo]uint64{}
	err = w.sess.Multipart(ctx, openflow.MeterStatsRequest(openflow.MeterAll), func(m *openflow.MultipartReply) error {
		return session.Each(m.MeterCounters(), func(s *openflow.MeterCounters) error {
			in, ok := pipeline.FloodMeter(s.ID)
			if !ok || len(s.Bands) == 0 {
				return nil // FloodMeter bounds how many are kept
			}
			counts[in] = s.Bands[0].Packets
			known := f.dropped != nil || s.DurationSec < newFlow
			if n := grownBy(f.dropped[in], counts[in]); known && n > 0 {
				grown[in] = uint64(n)
				w.pool.metrics.dropped.WithLabelValues(w.node, "flood").Add(n)
			}
			return nil
		})
	})
	if err != nil {
		return nil, err
	}
	f.dropped = counts
	return grown, nil
}
