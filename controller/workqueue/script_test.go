package workqueue

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/sdnctl/sdnctl/controller/pipeline"
	"github.com/sdnctl/sdnctl/integration/script"
)

var update = flag.Bool("update", false, "write what the scripts give into their files")

// TestScripts runs the scripts in testdata. Commands that make a view make the next one, of
// the next revision:
//
//	post [UNIT...] | many | compare | wipe | hold UNIT...
//	release UNIT... | take | done | fail | postpone | distrust | guard | unguard
//	wait: says when the newest view is confirmed
//
// After each the queue is shown.
func TestScripts(t *testing.T) {
	script.Run(t, "testdata/*.txt", *update, func(t *testing.T, text string) string {
		p := &player{T: t, q: New(), views: views(t, 12)}
		return script.Play(t, text, p.run)
	})
}

// player runs the commands of a script.
type player struct {
	*testing.T
	q     *Queue
	views []*pipeline.View
	at    int // the newest view
	said  []string
}

func (p *player) run(command, _ []string) []string {
	var units []pipeline.Unit
	for _, name := range command[1:] {
		units = append(units, unit(name)...)
	}
	next := func() (base, v *pipeline.View) {
		p.at++
		return p.views[p.at-1], p.views[p.at]
	}
	p.said = nil
	switch command[0] {
	case "post":
		base, v := next()
		p.q.Post(base, v, units)
	case "many":
		base, v := next()
		p.q.PostMany(base, v)
	case "compare":
		_, v := next()
		p.q.Compare(v)
	case "wipe":
		_, v := next()
		p.q.Wipe(v)
	case "hold":
		base, v := next()
		p.q.Hold(base, v, units)
	case "release":
		if !p.q.Release(p.views[p.at], units) {
			p.said = append(p.said, "nothing to release")
		}
	case "take":
		if j, ok := p.q.Take(); !ok {
			p.said = append(p.said, "no job")
		} else {
			p.said = append(p.said, "job: "+describe(j))
		}
	case "done":
		p.q.Done(Cost{})
	case "fail":
		p.q.Failed()
	case "postpone":
		p.q.Postpone()
	case "distrust":
		p.q.Distrust(p.views[p.at])
	case "guard":
		p.q.Guard()
	case "unguard":
		p.q.Unguard()
	case "wait":
		v := p.views[p.at]
		p.q.WhenDone(v.Seq, func() { p.said = append(p.said, fmt.Sprintf("revision %d is confirmed", v.Topo.Revision())) })
	default:
		p.Fatalf("there is no command %q", command[0])
	}
	return append(p.said, p.show()...)
}

// show describes the queue.
func (p *player) show() []string {
	q, s := p.q, p.q.Status()
	state := q.state.String()
	if q.guarded {
		state += ", guarded"
	}
	if s.Idle {
		state += ", nothing to be done"
	}
	lines := []string{state}
	if q.waiting.Scope != Nothing {
		lines = append(lines, "waiting: "+describe(q.waiting))
	}
	if len(q.held) > 0 {
		lines = append(lines, "held: "+marked(q.held))
	}
	if (q.waiting.View != nil) != q.state.waits() || (q.out.View != nil) != q.state.runs() || (q.waiting.Scope == Nothing) != (q.waiting.View == nil) {
		lines = append(lines, "the state is not that of what waits and is out")
	}
	var unconfirmed []string
	for r := p.views[0].Topo.Revision(); r <= p.views[p.at].Topo.Revision(); r++ {
		if s.Unconfirmed.Includes(r) && !s.Idle {
			unconfirmed = append(unconfirmed, fmt.Sprint(r))
		}
	}
	line := fmt.Sprintf("wanted %d, acknowledged %d", s.Wanted, s.Acknowledged)
	if unconfirmed != nil {
		line += ", unconfirmed " + strings.Join(unconfirmed, " ")
	}
	return append(lines, line)
}

func describe(j Job) string {
	text := fmt.Sprintf("%v for revision %d", j.Scope, j.View.Topo.Revision())
	if len(j.Units) > 0 {
		text += ": " + marked(j.Units)
	}
	if j.Since != nil {
		text += fmt.Sprintf(", all others since %d", j.Since.Topo.Revision())
	}
	if j.Held != nil {
		text += ", some had to wait"
	}
	for _, u := range slices.SortedFunc(maps.Keys(j.Held), byName) {
		text += ", still held: " + u.Name
	}
	if j.Partial {
		text += ", partial"
	}
	if j.Guarded {
		text += ", guarded"
	}
	return text
}

func byName(a, b pipeline.Unit) int { return strings.Compare(a.Name, b.Name) }

// marked lists units with the revisions since which they may differ.
func marked(m Marks) string {
	var all []string
	for _, u := range slices.SortedFunc(maps.Keys(m), byName) {
		all = append(all, fmt.Sprintf("%s since %d", u.Name, m[u].Topo.Revision()))
	}
	return strings.Join(all, ", ")
}

// TestTransitionsAreDocumented: the table in the documentation of the package is the one
// that is used.
func TestTransitionsAreDocumented(t *testing.T) {
	doc, err := os.ReadFile("doc.go")
	if err != nil {
		t.Fatal(err)
	}
	for s := Idle; s <= RunningReady; s++ {
		line := fmt.Sprintf("//	%-14s", s)
		for e := added; e <= guardEnds; e++ {
			next, comes := s.after(e)
			name := next.String()
			if !comes {
				name = "-"
			}
			line += fmt.Sprintf("%-*s", []int{14, 9, 7, 8, 11, 0}[e], name)
		}
		if !strings.Contains(string(doc), line+"\n") {
			t.Errorf("doc.go does not have the line\n%s", line)
		}
	}
}
