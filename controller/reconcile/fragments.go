package reconcile

import (
	"context"
	"fmt"
	"time"

	"github.com/sdnctl/sdnctl/openflow"
)

// fragmentsEvery is how often a switch is asked how it treats IP fragments. It
// does not tell when that changes: it is the switch's setting, not the
// connection's, and anybody may set it (OpenFlow 1.3.5, 7.3.2).
const fragmentsEvery = 5 * time.Second

// checkFragments asks the switch how it treats IP fragments. If that is not as
// the pipeline needs it, it sets it back, and the node has a condition until the
// next check finds it right.
func (w *worker) checkFragments(ctx context.Context) error {
	ctx, p := w.f.awaitAnswer(ctx)
	defer p.end()
	reply, err := w.sess.Do(ctx, &openflow.GetConfigRequest{})
	if err != nil {
		return fmt.Errorf("ask how IP fragments are treated: %w", err)
	}
	is, ok := reply.(*openflow.GetConfigReply)
	if !ok {
		return fmt.Errorf("ask how IP fragments are treated: switch answers with %v", reply.Type())
	}
	wanted, found := w.f.cfg.Session.Fragments, ""
	if mode := is.Flags & openflow.FragMask; mode != wanted {
		found = openflow.FragName(mode)
		set := &openflow.SetConfig{Flags: is.Flags&^openflow.FragMask | wanted, MissSendLen: is.MissSendLen}
		if err := w.sess.Send(ctx, set); err != nil {
			return fmt.Errorf("set how IP fragments are treated: %w", err)
		}
		w.f.log.Warn("handling of IP fragments changed by others", "node", w.node.name, "found", found, "set", openflow.FragName(wanted))
	}
	if found != w.fragments {
		w.fragments = found
		w.f.board.update(w.node.name, func(s *NodeStatus) { s.Fragments = found })
	}
	return nil
}
