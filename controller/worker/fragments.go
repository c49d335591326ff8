package worker

import (
	"context"
	"fmt"
	"time"

	"github.com/sdnctl/sdnctl/openflow"
)

// fragmentsEvery is the interval at which a switch is asked for its mode for IP fragments.
// The setting belongs to the switch, not to the connection: any controller may change it,
// and the switch does not report that (OpenFlow 1.3.5, 7.3.2).
const fragmentsEvery = 5 * time.Second

// checkFragments asks the switch for its mode for IP fragments. If the pipeline needs another
// mode, it sets that one, and the node has a condition until the next check.
func (w *Worker) checkFragments(ctx context.Context) error {
	ctx, p := w.pool.awaitAnswer(ctx)
	defer p.end()
	reply, err := w.sess.Do(ctx, &openflow.GetConfigRequest{})
	if err != nil {
		return fmt.Errorf("ask how IP fragments are treated: %w", err)
	}
	is, ok := reply.(*openflow.GetConfigReply)
	if !ok {
		return fmt.Errorf("ask how IP fragments are treated: switch answers with %v", reply.Type())
	}
	wanted, found := w.pool.cfg.Fragments, ""
	if mode := is.Flags & openflow.FragMask; mode != wanted {
		found = openflow.FragName(mode)
		set := &openflow.SetConfig{Flags: is.Flags&^openflow.FragMask | wanted, MissSendLen: is.MissSendLen}
		if err := w.sess.Send(ctx, set); err != nil {
			return fmt.Errorf("set how IP fragments are treated: %w", err)
		}
		w.pool.cfg.Logger.Warn("handling of IP fragments changed by others", "node", w.node, "found", found, "set", openflow.FragName(wanted))
	}
	if found != w.fragments {
		w.fragments = found
		w.reports.Fragments(w.node, found)
	}
	return nil
}
