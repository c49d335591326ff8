package ovsdb

import "time"

// newsPause is how long changes of own rows are gathered before they are reported.
const newsPause = 50 * time.Millisecond

// ownNews says which own rows may have changed since it was last taken. Rows of others in
// the same tables count, too, because the view keeps nothing that distinguishes them;
// reading the rows shows then that they are as desired.
type ownNews struct {
	// rows says that a row of an own table, or a reference to one, changed; ports says that
	// a port was added, to which an own row may belong.
	rows, ports bool
}

// newsOf notes which own rows an update of a row may concern.
func (v *view) newsOf(table string, op op, r *row) {
	t, own := ownTableOf(table)
	switch {
	case own && t.shared && op == opDelete, own && t.shared && op == opModify && (r.Options != nil || r.Type != nil || r.BFD != nil || r.Interfaces != nil),
		own && !t.shared, op == opModify && (r.Mirrors != nil || r.IPFIX != nil || r.QoS != nil):
		v.news.rows = true
	case table == tablePort && op == opInsert:
		v.news.ports = true
	}
}

// scheduleNews schedules the report of a change of own rows, if the last Desired had own rows.
func (s *session) scheduleNews() {
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
