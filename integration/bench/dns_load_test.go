package bench

import (
	"context"
	"encoding/binary"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// answering returns an asker that answers itself, with the address that change makes of the right
// one; a question whose number is in lost has no answer.
func answering(t *testing.T, lost uint16, change func(netip.Addr) netip.Addr) *asker {
	t.Helper()
	p := &dnsPort{want: netip.MustParseAddr("10.0.0.7")}
	a := newAsker([]*dnsPort{p})
	q := new(dns.Msg).SetQuestion("web.lan.internal.", dns.TypeA)
	m := new(dns.Msg).SetReply(q)
	m.Answer = []dns.RR{&dns.A{Hdr: dns.RR_Header{Name: "web.lan.internal.", Rrtype: dns.TypeA, Class: dns.ClassINET}, A: change(p.want).AsSlice()}}
	message, err := m.Pack()
	if err != nil {
		t.Fatal(err)
	}
	a.send = func(ids []uint16) error {
		for _, id := range ids {
			if id != lost {
				binary.BigEndian.PutUint16(message, id)
				a.answered(message)
			}
		}
		return nil
	}
	return a
}

func right(a netip.Addr) netip.Addr { return a }

// TestAskAll: what is asked is counted, answered or not, at a given rate and as fast as it is answered.
func TestAskAll(t *testing.T) {
	a := answering(t, 3, right)
	got, err := askAll(t.Context(), []*asker{a, answering(t, 1<<15, right)}, load{rate: 2000, span: 100 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	if asks := len(got.took) + got.unanswered; got.unanswered != 1 || asks < 150 || asks > int(2000*got.span.Seconds())+1 {
		t.Errorf("%d answers and %d without one in %v, want 2,000 a second and 1", len(got.took), got.unanswered, got.span)
	}
	got, err = askAll(t.Context(), []*asker{a}, load{window: 4, span: 50 * time.Millisecond})
	if err != nil || len(got.took) < 1000 {
		t.Errorf("as fast as they are answered: %d answers, error %v", len(got.took), err)
	}
}

// TestAskAllWrong: a wrong answer, and none at all, are no result.
func TestAskAllWrong(t *testing.T) {
	wrong := answering(t, 1<<15, netip.Addr.Next)
	if _, err := askAll(t.Context(), []*asker{wrong}, load{rate: 1000, span: 50 * time.Millisecond}); err == nil || !strings.Contains(err.Error(), "want the address") {
		t.Errorf("wrong address: error %v", err)
	}
	silent := newAsker([]*dnsPort{{}})
	silent.send = func([]uint16) error { return nil }
	if _, err := askAll(t.Context(), []*asker{silent}, load{rate: 1000, span: 50 * time.Millisecond}); err == nil {
		t.Error("no answer at all is taken for a result")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := askAll(ctx, []*asker{answering(t, 1<<15, right)}, load{rate: 1, span: time.Hour}); err == nil {
		t.Error("an ended context is no error")
	}
}
