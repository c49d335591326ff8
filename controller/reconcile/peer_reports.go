package reconcile

import (
	"github.com/sdnctl/sdnctl/controller/pipeline"
	"github.com/sdnctl/sdnctl/controller/status"
	"github.com/sdnctl/sdnctl/controller/worker"
)

// Confirmed implements worker.Reports.
func (p *peer) Confirmed(node string, items pipeline.Counts) { p.f.board.Confirmed(node, items) }

// Failed implements worker.Reports.
func (p *peer) Failed(node string, err error) {
	p.f.board.Update(node, func(s *status.Node) { s.LastError = err.Error() })
}

// Drifted implements worker.Reports.
func (p *peer) Drifted(node string, all []worker.Drift) {
	p.f.drifts.add(all)
	p.f.board.Update(node, func(*status.Node) {})
}

// Dropped implements worker.Reports.
func (p *peer) Dropped(_ string, d worker.Dropped) { p.f.post(dropsRead{p, d}) }

// Fragments implements worker.Reports.
func (p *peer) Fragments(node, found string) {
	p.f.board.Update(node, func(s *status.Node) { s.Fragments = found })
}
