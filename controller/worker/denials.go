package worker

import (
	"bytes"
	"context"
	"time"

	"github.com/sdnctl/sdnctl/controller/pipeline"
	"github.com/sdnctl/sdnctl/openflow"
	"github.com/sdnctl/sdnctl/openflow/session"
)

// LearnedDenial is a flow that a denial sample has learned.
type LearnedDenial struct {
	openflow.Flow
	// Age is how long ago it was learned first.
	Age time.Duration
}

// SampleDenials has a switch learn for some time what policies deny. It returns when the
// switch has confirmed that it does.
func (p *Pool) SampleDenials(ctx context.Context, sess *session.Session, period time.Duration) error {
	ctx, timer := p.awaitAnswer(ctx)
	defer timer.end()
	var mods []openflow.Message
	for _, f := range pipeline.DenialSamples(uint16(period / time.Second)) {
		mods = append(mods, openflow.NewFlowMod(openflow.FlowAdd, f))
	}
	if err := sess.Send(ctx, mods[:len(mods)-1]...); err != nil {
		return err
	}
	_, err := sess.Do(ctx, mods[len(mods)-1])
	return err
}

// LearnedDenials reads what the denial samples of a switch have learned. It says that it is
// full if there is no room for more of some protocol.
func (p *Pool) LearnedDenials(ctx context.Context, sess *session.Session) (all []LearnedDenial, full bool, err error) {
	ctx, timer := p.awaitAnswer(ctx)
	defer timer.end()
	q := openflow.AllFlows()
	q.Table, q.Cookie, q.CookieMask = pipeline.TableSample, pipeline.DenialCookie, pipeline.DenialMask
	of := map[openflow.Cookie]int{}
	err = sess.Flows(ctx, q, func(s *openflow.FlowStats) error {
		of[s.Cookie]++
		full = full || of[s.Cookie] >= pipeline.MaxDenials
		if of[s.Cookie] <= pipeline.MaxDenials {
			f := s.Flow
			f.Match, f.Instructions = bytes.Clone(f.Match), nil
			all = append(all, LearnedDenial{f, time.Duration(s.DurationSec)*time.Second + time.Duration(s.DurationNsec)})
		}
		return nil
	})
	return all, full, err
}
