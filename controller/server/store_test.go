package server

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sdnctl/sdnctl/controller/api"
	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/model"
	"github.com/sdnctl/sdnctl/topology/store"
)

// brokenStore is a store whose disk fails.
type brokenStore struct {
	store.Store
	err error
}

func (s brokenStore) Apply(context.Context, string, []topology.Op, ...func(*topology.Snapshot, topology.Result) error) (store.Commit, error) {
	return store.Commit{}, s.err
}

func (s brokenStore) Backup() (*store.Copy, error) { return nil, s.err }

func (s brokenStore) CheckIPAM() (store.IPAMReport, error) {
	return store.IPAMReport{Revision: 3, Ports: 2, Locks: 1, Differences: []string{"address 10.0.0.2 of VNI 4096 of port/web1 is not locked"}}, nil
}

// TestDiskFullIsReported: a change that cannot be saved gets an error with a code for
// programs, and nothing has changed.
func TestDiskFullIsReported(t *testing.T) {
	for _, tt := range []struct {
		name   string
		err    error
		status int
		code   string
		says   string
	}{
		{"full", fmt.Errorf("revision 4 was not written: %w (%w)", store.ErrNoSpace, syscall.ENOSPC), http.StatusInsufficientStorage, api.CodeNoSpace, "make room and try again"},
		{"not confirmed", store.ErrUnconfirmed, http.StatusInternalServerError, api.CodeInternal, "the disk does not confirm"},
		{"broken", errors.New("input/output error"), http.StatusInternalServerError, api.CodeInternal, "the change was not saved: input/output error"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := newBed(t, func(c *Config) { c.Store = brokenStore{c.Store.(store.Store), tt.err} })
			for _, route := range []string{"POST /v1/networks", "GET /v1/backup"} {
				method, path, _ := strings.Cut(route, " ")
				body := ""
				if method == "POST" {
					body = `{"name":"blue","spec":{"cidr":"10.0.0.0/24"}}`
				}
				e := b.refused(method, path, body, nil)
				if e.Status != tt.status || e.Code != tt.code || method == "POST" && !strings.Contains(e.Message, tt.says) {
					t.Errorf("%s: %d %s %s", route, e.Status, e.Code, e.Message)
				}
			}
			if tt.name == "not confirmed" && strings.Contains(b.refused("POST", "/v1/networks", `{"name":"blue","spec":{"cidr":"10.0.0.0/24"}}`, nil).Message, "was not saved") {
				t.Error("says that it was not saved, which nobody knows")
			}
		})
	}
}

func TestCheckIPAM(t *testing.T) {
	b := newBed(t, nil)
	b.declareBlue()
	got, err := b.client.CheckIPAM(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(api.IPAMCheck{OK: true, Revision: 1, Ports: 2, Locks: 2, Differences: []string{}}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	b = newBed(t, func(c *Config) { c.Store = brokenStore{Store: c.Store.(store.Store)} })
	got, err = b.client.CheckIPAM(t.Context())
	if err != nil || got.OK || len(got.Differences) != 1 {
		t.Errorf("%+v, %v", got, err)
	}
}

// TestBackupAndRestore makes a backup through the API and restores it.
func TestBackupAndRestore(t *testing.T) {
	b := newBed(t, nil)
	b.declareBlue()
	var file bytes.Buffer
	saved, err := b.client.Backup(t.Context(), &file)
	if err != nil || saved != (api.Backup{Revision: 1}) {
		t.Fatalf("%+v, %v", saved, err)
	}
	was, err := b.client.Port(t.Context(), "web1")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.client.Delete(t.Context(), api.KindPort, "web1", 0); err != nil {
		t.Fatal(err)
	}
	b.apply(object(t, "thief", model.PortSpec{Network: "blue"})) // takes the address of web1

	restore := func(dryRun bool) api.RestoreResult {
		t.Helper()
		r, err := b.client.Restore(t.Context(), bytes.NewReader(file.Bytes()), int64(file.Len()), dryRun)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	dry := restore(true)
	if !dry.DryRun || dry.Revision != 3 || dry.Backup != 1 || dry.Unchanged != 4 || b.store.Snapshot().Revision() != 3 {
		t.Errorf("dry run: %+v", dry)
	}
	if diff := cmp.Diff([]string{"delete port/thief", "create port/web1"}, verbs(dry.Changes)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	done := restore(false)
	if done.DryRun || done.Revision != 4 || done.Unchanged != 4 {
		t.Errorf("%+v", done)
	}
	is, err := b.client.Port(t.Context(), "web1")
	if err != nil || is.Status.IP != was.Status.IP || is.Status.MAC != was.Status.MAC {
		t.Errorf("%+v, was %+v, %v", is.Status, was.Status, err)
	}
	if again := restore(false); again.Revision != 4 || len(again.Changes) != 0 || again.Unchanged != 5 {
		t.Errorf("again: %+v", again)
	}
	h, err := b.client.History(t.Context(), api.HistoryOptions{From: 4, Limit: 1})
	if err != nil || len(h.Entries) != 1 || len(h.Entries[0].Changes) != 2 || h.Entries[0].Author == "" {
		t.Errorf("history: %+v, %v", h, err)
	}
}

func TestRestoreRefuses(t *testing.T) {
	b := newBed(t, nil)
	b.declareBlue()
	octets := http.Header{"Content-Type": {api.BackupMedia}}
	for _, tt := range []struct {
		name, body string
		header     http.Header
		status     int
		says       string
	}{
		{"JSON", "{}", nil, http.StatusUnsupportedMediaType, "must be a backup"},
		{"empty", "", octets, http.StatusUnprocessableEntity, "it is empty"},
		{"something else", strings.Repeat("x", 1<<16), octets, http.StatusUnprocessableEntity, "the backup cannot be used"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			e := b.refused("POST", "/v1/restore", tt.body, tt.header)
			if e.Status != tt.status || !strings.Contains(e.Message, tt.says) {
				t.Errorf("%d %s", e.Status, e.Message)
			}
		})
	}
	if _, err := b.client.Restore(t.Context(), strings.NewReader("x"), maxRestore+1, false); err == nil || !strings.Contains(err.Error(), "limit of 4 GiB") {
		t.Errorf("too large: %v", err)
	}
	if rev := b.store.Snapshot().Revision(); rev != 1 {
		t.Errorf("revision %d after refusals", rev)
	}
}
