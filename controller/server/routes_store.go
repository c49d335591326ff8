package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/sdnctl/sdnctl/controller/api"
	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/store"
)

const (
	// maxRestore is the size limit of an uploaded backup, in bytes. A backup of a million
	// ports is several times smaller.
	maxRestore = 4 << 30
	// restoreTimeout is how long a client may take to upload a backup.
	restoreTimeout = 10 * time.Minute
)

// storeRoutes registers the operations on the data file as a whole.
func (s *Server) storeRoutes() {
	register(s, huma.Operation{
		Method: http.MethodGet, Path: "/v1/ipam/check", OperationID: "check-ipam", Tags: []string{tagStore},
		Summary:     "Check the IP allocations against the ports",
		Description: "Computes from the ports in the data file which addresses are in use, and compares that with the allocations in the file and in memory.",
	}, exampleIPAMCheck(), s.checkIPAM)

	backup := huma.Operation{
		Method: http.MethodGet, Path: "/v1/backup", OperationID: "backup", Tags: []string{tagStore},
		Summary: "Download a consistent copy of the data file",
		Description: "The response is a file that sdnd can start from and that restore accepts. The header " + api.RevisionHeader + " has its revision. " +
			"If the data file is lost or damaged, the file is made from the topology in memory: then the header " + api.BackupSourceHeader + " is " + api.BackupFromMemory + ", and the file has no history, bindings or invitations.",
		Responses: map[string]*huma.Response{"200": {
			Description: "The data file",
			Content:     map[string]*huma.MediaType{api.BackupMedia: binary()},
			Headers: map[string]*huma.Param{
				api.RevisionHeader:     {Description: "Revision of the backup", Schema: &huma.Schema{Type: huma.TypeInteger}, Example: 7},
				api.BackupSourceHeader: {Description: "Source of the backup", Schema: &huma.Schema{Type: huma.TypeString, Enum: []any{api.BackupFromFile, api.BackupFromMemory}}, Example: api.BackupFromFile},
			},
		}},
	}
	s.addProblem(&backup)
	huma.Register(s.api, backup, s.backup)

	restore := huma.Operation{
		Method: http.MethodPost, Path: "/v1/restore", OperationID: "restore", Tags: []string{tagStore},
		Summary: "Restore the topology from a backup, in one transaction",
		Description: "The body is a file made by backup. Objects and their allocations become those of the backup, " +
			"as one new revision. The history continues, and observed state is kept.",
		RequestBody: &huma.RequestBody{
			Required: true,
			Content:  map[string]*huma.MediaType{api.BackupMedia: binary()},
		},
		Middlewares: huma.Middlewares{rawBody},
	}
	register(s, restore, exampleRestored(), s.restore)
}

// binary returns the media type of a file.
func binary() *huma.MediaType {
	return &huma.MediaType{Schema: &huma.Schema{Type: huma.TypeString, Format: "binary"}, Example: "the bytes of the file"}
}

func (s *Server) checkIPAM(context.Context, *struct{}) (*output[api.IPAMCheck], error) {
	r, err := s.cfg.Store.CheckIPAM()
	if err != nil {
		return nil, internal(err)
	}
	out := api.IPAMCheck{
		OK: len(r.Differences) == 0, Revision: api.Revision(r.Revision),
		Ports: r.Ports, Locks: r.Locks, Blocks: r.Blocks, Differences: append([]string{}, r.Differences...),
	}
	return &output[api.IPAMCheck]{Body: out}, nil
}

func (s *Server) backup(context.Context, *struct{}) (*huma.StreamResponse, error) {
	c, err := s.cfg.Store.Backup()
	switch {
	case errors.Is(err, store.ErrNoSpace):
		return nil, newProblem(http.StatusInsufficientStorage, api.CodeNoSpace, "%v", err)
	case err != nil:
		return nil, internal(err)
	}
	return &huma.StreamResponse{Body: func(ctx huma.Context) {
		// The copy was only read and is unlinked already, so an error does not matter.
		defer func() { _ = c.Close() }()
		ctx.SetHeader("Content-Type", api.BackupMedia)
		ctx.SetHeader("Content-Length", strconv.FormatInt(c.Size, 10))
		ctx.SetHeader(api.RevisionHeader, strconv.FormatUint(uint64(c.Revision), 10))
		source := api.BackupFromFile
		if c.FromMemory {
			source = api.BackupFromMemory
		}
		ctx.SetHeader(api.BackupSourceHeader, source)
		ctx.SetStatus(http.StatusOK)
		// The client notices a response that ends early: it is shorter than its declared
		// length.
		_, _ = io.Copy(ctx.BodyWriter(), c)
	}}, nil
}

type restoreInput struct {
	Author string `header:"X-Sdnctl-Author" doc:"Author of the change, for the history. It is ignored if the user is known: from the unix socket, a certificate or a token" example:"alice@laptop"`
	DryRun bool   `query:"dryRun" doc:"Return what would change without changing it"`
}

func (s *Server) restore(ctx context.Context, in *restoreInput) (*output[long[api.RestoreResult]], error) {
	to, err := s.uploaded(ctx)
	if err != nil {
		return nil, err
	}
	s.writes.RLock()
	defer s.writes.RUnlock()
	out := api.RestoreResult{Backup: api.Revision(to.Revision()), DryRun: in.DryRun, Changes: []api.Change{}}
	var c store.Commit
	if in.DryRun {
		before := s.cfg.Store.Snapshot()
		r, err := store.PlanRestore(before, to)
		if err != nil {
			return nil, newProblem(http.StatusUnprocessableEntity, api.CodeInvalid, "%v", err)
		}
		c = store.Commit{Revision: before.Revision(), Before: before, After: r.Next, Changes: r.Changes}
	} else {
		who := author(ctx, in.Author)
		if c, err = s.cfg.Store.Restore(ctx, who, to); err != nil {
			return nil, s.notSaved(err)
		}
		s.log.Info("topology restored", "revision", c.Revision, "author", who, "backup", to.Revision(), "objects", len(c.Changes))
	}
	out.Revision = api.Revision(c.Revision)
	for _, kind := range api.Kinds() {
		for range (view{snap: c.After}).all(kind.Model(), "", "") {
			out.Unchanged++
		}
	}
	for _, ch := range c.Changes {
		if ch.After != nil {
			out.Unchanged--
		}
	}
	return &output[long[api.RestoreResult]]{Body: long[api.RestoreResult]{
		rest: out, field: "changes", items: s.viewOf(ctx, c.After).changes(s.viewOf(ctx, c.Before), c.Changes),
	}}, nil
}

// rawKey is the context key of a raw.
type rawKey struct{}

// rawBody is a middleware that leaves the body unread, for uploaded to read it.
func rawBody(ctx huma.Context, next func(huma.Context)) {
	r, w := humago.Unwrap(ctx)
	next(huma.WithValue(ctx, rawKey{}, raw{r, w}))
}

// raw is a request and the writer of its response.
type raw struct {
	r *http.Request
	w http.ResponseWriter
}

// uploaded reads the backup in the body of the request.
func (s *Server) uploaded(ctx context.Context) (*topology.Snapshot, error) {
	up, _ := ctx.Value(rawKey{}).(raw)
	// This prevents cross-site request forgery, as with JSON; see refusedUnread.
	if media, _, err := mime.ParseMediaType(up.r.Header.Get("Content-Type")); err != nil || media != api.BackupMedia {
		return nil, newProblem(http.StatusUnsupportedMediaType, api.CodeMalformed, "the body must be a backup, of the content type %s", api.BackupMedia)
	}
	tooLarge := newProblem(http.StatusRequestEntityTooLarge, api.CodeTooLarge, "the backup is larger than the limit of %d GiB", maxRestore>>30)
	if up.r.ContentLength > maxRestore {
		return nil, tooLarge
	}
	if err := huma.SetReadDeadline(up.w, time.Now().Add(restoreTimeout)); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return nil, internal(err)
	}
	to, err := s.cfg.Store.ReadBackup(http.MaxBytesReader(up.w, up.r.Body, maxRestore))
	// Reset the deadline, which would otherwise end a long transaction.
	_ = huma.SetReadDeadline(up.w, time.Time{})
	var over *http.MaxBytesError
	switch {
	case errors.As(err, &over):
		return nil, tooLarge
	case errors.Is(err, store.ErrNoSpace):
		return nil, newProblem(http.StatusInsufficientStorage, api.CodeNoSpace, "%v", err)
	case errors.Is(err, store.ErrDamaged), errors.Is(err, store.ErrNewerSchema):
		return nil, newProblem(http.StatusUnprocessableEntity, api.CodeInvalid, "%v", err)
	case err != nil:
		return nil, internal(fmt.Errorf("nothing was changed: %w", err))
	}
	return to, nil
}

func exampleIPAMCheck() api.IPAMCheck {
	return api.IPAMCheck{OK: true, Revision: 7, Ports: 12, Locks: 12, Blocks: 4, Differences: []string{}}
}

func exampleRestored() api.RestoreResult {
	r := exampleApplied()
	return api.RestoreResult{Revision: 8, Backup: 5, Unchanged: 12, Changes: r.Changes}
}
