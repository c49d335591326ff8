package server

import (
	"testing"
	"time"

	"github.com/sdnctl/sdnctl/controller/packetin"
)

// fixedAnswers are answers of two causes.
type fixedAnswers map[string][]packetin.Answered

func (fixedAnswers) Causes() []string { return []string{"dhcp", "dns"} }

func (f fixedAnswers) Recent(cause string) []packetin.Answered { return f[cause] }

// TestAnswers: the answers of all causes, newest first, or those of one cause or port.
func TestAnswers(t *testing.T) {
	at := func(second int, port, what string) packetin.Answered {
		return packetin.Answered{At: time.Unix(int64(second), 0), From: packetin.Port{Node: "node1", No: 1}, Sent: true, Reply: packetin.Reply{Port: port, What: what}}
	}
	s := &Server{cfg: Config{Answers: fixedAnswers{"dhcp": {at(3, "web", "c"), at(1, "db", "a")}, "dns": {at(2, "db", "b")}}}}
	for _, tt := range []struct{ cause, want string }{{"", "cba"}, {"dhcp", "ca"}, {"dns", "b"}} {
		out, err := s.answers(t.Context(), &answersInput{Cause: tt.cause})
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		for _, a := range out.Body.Items {
			got += a.What
			if a.Node != "node1" || !a.Answered {
				t.Errorf("%+v", a)
			}
		}
		if got != tt.want {
			t.Errorf("cause %q: %s, want %s", tt.cause, got, tt.want)
		}
	}
	if _, err := s.answers(t.Context(), &answersInput{Cause: "none"}); err == nil {
		t.Error("a cause that is none has answers")
	}
	if out, err := new(Server).answers(t.Context(), &answersInput{}); err != nil || len(out.Body.Items) > 0 {
		t.Errorf("without causes: %v, %v", out, err)
	}
}
