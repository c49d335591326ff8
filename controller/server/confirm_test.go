package server

import (
	"context"
	"errors"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/sdnctl/sdnctl/controller/api"
	"github.com/sdnctl/sdnctl/controller/status"
	"github.com/sdnctl/sdnctl/topology/model"
)

// TestChangesWaitForTheSwitches: a change that asks to wait is answered when no node has
// yet to confirm it, and Wait then sends no request.
func TestChangesWaitForTheSwitches(t *testing.T) {
	b := newBed(t, nil)
	ctx := t.Context()
	client := b.client.Confirming(time.Minute)

	for what, change := range map[string]func() (api.Revision, error){
		"put": func() (api.Revision, error) {
			o, err := client.Put(ctx, object(t, "node1", model.NodeSpec{TunnelIP: netip.MustParseAddr("192.0.2.1")}), 0)
			return o.Meta.Revision, err
		},
		"apply": func() (api.Revision, error) {
			r, err := client.Apply(ctx, api.ApplyRequest{Objects: []api.Object{object(t, "node2", model.NodeSpec{TunnelIP: netip.MustParseAddr("192.0.2.2")})}})
			return r.Revision, err
		},
	} {
		b.fabric.setPending(status.Pending{Node: "node1"}, status.Pending{Node: "node2"})
		type outcome struct {
			rev api.Revision
			err error
		}
		done := make(chan outcome, 1)
		go func() {
			rev, err := change()
			done <- outcome{rev, err}
		}()
		b.fabric.setPending(status.Pending{Node: "node2"}) // which is progress, but not all
		select {
		case o := <-done:
			t.Fatalf("%s is answered while a node has yet to confirm: %+v", what, o)
		case <-time.After(50 * time.Millisecond):
		}
		b.fabric.setPending()
		o := <-done
		if o.err != nil {
			t.Fatalf("%s: %v", what, o.err)
		}
		// A request would now return another answer.
		b.fabric.setPending(status.Pending{Node: "node2"})
		if err := client.Wait(ctx, o.rev, func(a api.Acks) { t.Errorf("%s: Wait asked: %+v", what, a) }); err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// TestChangesWaitForSoLong: a change that is not confirmed in time is made all the same,
// and the response says how many nodes have not confirmed it.
func TestChangesWaitForSoLong(t *testing.T) {
	b := newBed(t, nil)
	b.fabric.setPending(status.Pending{Node: "node1"}, status.Pending{Node: "node2"})
	spec := `{"kind":"Node","name":"node1","spec":{"tunnelIP":"192.0.2.1"}}`
	resp, answer := b.raw(http.MethodPut, "/v1/nodes/node1?wait=1ms", spec, nil)
	if resp.StatusCode != http.StatusOK || resp.Header.Get(api.PendingHeader) != "2" {
		t.Errorf("%d, pending %q: %s", resp.StatusCode, resp.Header.Get(api.PendingHeader), answer)
	}
	resp, _ = b.raw(http.MethodPut, "/v1/nodes/node1", spec, nil)
	if _, present := resp.Header[http.CanonicalHeaderKey(api.PendingHeader)]; present {
		t.Error("an answer that did not wait tells who is pending")
	}
	client := b.client.Confirming(time.Millisecond)
	rev, err := client.Delete(t.Context(), api.KindNode, "node1", 0)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	asked := false
	err = client.Wait(ctx, rev, func(api.Acks) {
		asked = true
		cancel()
	})
	if !asked || !errors.Is(err, context.Canceled) {
		t.Errorf("Wait did not ask for what was not confirmed: %v", err)
	}
}

// TestBadWaitChangesNothing: an invalid duration is refused before anything is done.
func TestBadWaitChangesNothing(t *testing.T) {
	b := newBed(t, nil)
	for path, body := range map[string]string{
		"/v1/nodes?wait=soon": `{"kind":"Node","name":"node1","spec":{"tunnelIP":"192.0.2.1"}}`,
		"/v1/apply?wait=6m":   `{"objects":[{"kind":"Node","name":"node1","spec":{"tunnelIP":"192.0.2.1"}}]}`,
	} {
		if e := b.refused(http.MethodPost, path, body, nil); e.Status != http.StatusUnprocessableEntity || !strings.Contains(e.Error(), "wait") {
			t.Errorf("%s: %v", path, e)
		}
	}
	if rev := b.store.Snapshot().Revision(); rev != 0 {
		t.Errorf("revision %d, want none", rev)
	}
}
