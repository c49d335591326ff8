package ovsdb

import "time"

// newsPause is how long changes of own rows are gathered before they are reported.
const newsPause = 50 * time.Millisecond

// ownNews says which own rows may have changed since it was last taken. Rows of others in the
// same tables count too, because the view keeps nothing that distinguishes them; reading the
// rows then finds them to be as desired.
type ownNews struct {
	// rows says that a row of an own table changed, or who refers to one; ports that
	// a port came, on which an own row may be.
	rows, ports bool
}

// newsOf notes what an update of a row may mean for own rows.
func (v *view) newsOf(table string, op op, r *row) {
	_, own := ownTableOf(table)
	switch {
	case own, op == opModify && (r.Mirrors != nil || r.IPFIX != nil || r.QoS != nil):
		v.news.rows = true
	case table == tablePort && op == opInsert:
		v.news.ports = true
	}
}

// hearNews has a change of own rows reported in a moment, if rows of sdnd's own were
// asked for.
func (s *session) hearNews() {
	w, news := &s.writer, s.view.news
	s.view.news = ownNews{}
	if w.own && (news.rows || news.ports && w.lacks != nil) && !w.hasNews {
		w.hasNews = true
		w.news.Reset(newsPause)
	}
}

// reportNews reports that own rows have changed.
func (s *session) reportNews() {
	s.writer.hasNews = false
	if s.claim != nil {
		s.claims.ownRowsChanged(s.claim)
	}
}
