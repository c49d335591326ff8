package session

import (
	"context"
	"fmt"
	"iter"

	"github.com/sdnctl/sdnctl/openflow"
)

// Multipart sends a request and calls each with the parts of the reply, in
// order (OpenFlow 1.3.5, 7.3.5). A part and what it points to are valid during
// the call only. It returns the first error of each, or the *ErrorMsg with which
// the switch answered.
//
// While each runs the session reads only a few more parts and nothing else, so
// each must not wait for anything from the same session.
func (s *Session) Multipart(ctx context.Context, q *openflow.MultipartRequest, each func(*openflow.MultipartReply) error) error {
	return s.MultipartEach(ctx, func(yield func(*openflow.MultipartRequest) bool) { yield(q) }, each)
}

// MultipartEach is Multipart for several requests in turn. It sends a request as
// soon as the previous reply has begun, so that the switch is not idle while that
// reply is read.
func (s *Session) MultipartEach(ctx context.Context, requests iter.Seq[*openflow.MultipartRequest], each func(*openflow.MultipartReply) error) error {
	var tooLong error
	encoded := func(yield func([]byte) bool) {
		for q := range requests {
			b, err := q.AppendBinary(nil)
			if tooLong = err; err != nil || !yield(b) {
				return
			}
		}
	}
	err := s.eachPart(ctx, encoded, func(frame []byte) error {
		m, err := openflow.DecodeMessage(frame)
		if err != nil {
			return err
		}
		switch m := m.(type) {
		case *openflow.MultipartReply:
			return each(m)
		case *openflow.ErrorMsg:
			m.Data = append([]byte(nil), m.Data...) // outlives the frame
			return m
		}
		return errUnexpected(m)
	})
	if err == nil {
		err = tooLong
	}
	return err
}

// Flows calls each with every flow that the request selects, in the order in
// which the switch sends them; AllFlows selects all. The *FlowStats and what it
// points to are valid during the call only. It returns the first error of each.
// The restrictions of Multipart on each apply.
func (s *Session) Flows(ctx context.Context, q openflow.FlowStatsRequest, each func(*openflow.FlowStats) error) error {
	return s.FlowsOfEach(ctx, func(yield func(openflow.FlowStatsRequest) bool) { yield(q) }, each)
}

// FlowsOfEach is Flows for several requests, one after the other, as in
// MultipartEach.
func (s *Session) FlowsOfEach(ctx context.Context, requests iter.Seq[openflow.FlowStatsRequest], each func(*openflow.FlowStats) error) error {
	messages := func(yield func(*openflow.MultipartRequest) bool) {
		for q := range requests {
			if !yield(q.Message(openflow.MultipartFlow)) {
				return
			}
		}
	}
	return named("flow statistics", s.MultipartEach(ctx, messages, func(m *openflow.MultipartReply) error {
		return Each(m.Flows(), each)
	}))
}

// Each calls f with the entries of a part of a reply, until the first error.
func Each[T any](entries iter.Seq2[T, error], f func(T) error) error {
	for e, err := range entries {
		if err != nil {
			return err
		}
		if err := f(e); err != nil {
			return err
		}
	}
	return nil
}

// Aggregate returns the sums over the flows that the request selects.
func (s *Session) Aggregate(ctx context.Context, q openflow.FlowStatsRequest) (sum openflow.AggregateStats, err error) {
	err = s.Multipart(ctx, q.Message(openflow.MultipartAggregate), func(m *openflow.MultipartReply) error {
		sum, err = m.Aggregate()
		return err
	})
	return sum, named("aggregate statistics", err)
}

// Tables returns the statistics of all tables that the switch has.
func (s *Session) Tables(ctx context.Context) (tables []openflow.TableStats, err error) {
	err = s.Multipart(ctx, openflow.TableStatsRequest(), func(m *openflow.MultipartReply) error {
		more, err := m.Tables()
		if len(tables)+len(more) > int(openflow.TableAll)+1 {
			return fmt.Errorf("switch describes more than 256 tables: %w", openflow.ErrBadValue)
		}
		tables = append(tables, more...)
		return err
	})
	return tables, named("table statistics", err)
}

// PortDesc returns the switch's ports as they are now.
func (s *Session) PortDesc(ctx context.Context) (ports []openflow.Port, err error) {
	err = s.Multipart(ctx, openflow.PortDescRequest(), func(m *openflow.MultipartReply) error {
		ports, err = appendPorts(ports, m)
		return err
	})
	return ports, named("port descriptions", err)
}

// PortStats returns the counters of a port, or of all for PortAny.
func (s *Session) PortStats(ctx context.Context, p openflow.PortNo) (stats []openflow.PortStats, err error) {
	err = s.Multipart(ctx, openflow.PortStatsRequest(p), func(m *openflow.MultipartReply) error {
		more, err := m.PortStats()
		if len(stats)+len(more) > maxPorts {
			return fmt.Errorf("switch counts for more than %d ports: %w", maxPorts, openflow.ErrBadValue)
		}
		stats = append(stats, more...)
		return err
	})
	return stats, named("port statistics", err)
}

// named adds what failed to an error; nil stays nil.
func named(what string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", what, err)
}
