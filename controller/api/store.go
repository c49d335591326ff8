package api

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
)

// RevisionHeader is the response header with the revision of a backup.
const RevisionHeader = "X-Sdnctl-Revision"

// BackupSourceHeader is the response header with the source of a backup: BackupFromFile or
// BackupFromMemory.
const BackupSourceHeader = "X-Sdnctl-Backup-Source"

const (
	// BackupFromFile is a copy of the whole data file.
	BackupFromFile = "file"
	// BackupFromMemory is a file with the topology that sdnd has in memory, because its data
	// file is lost or damaged. It has no history, no bindings (the places where ports were
	// last seen) and no invitations.
	BackupFromMemory = "memory"
)

// Backup describes a backup that was received.
type Backup struct {
	Revision Revision
	// FromMemory is true if the source was BackupFromMemory.
	FromMemory bool
}

// BackupMedia is the media type of a backup.
const BackupMedia = "application/octet-stream"

// IPAMCheck is the result of a check of the IP allocations in the data file.
type IPAMCheck struct {
	OK          bool     `json:"ok" doc:"Whether the IP allocations are consistent"`
	Revision    Revision `json:"revision" doc:"Revision that was checked" example:"7"`
	Ports       int      `json:"ports" doc:"Ports in the data file" example:"12"`
	Locks       int      `json:"locks" doc:"Addresses that are allocated in the data file" example:"12"`
	Blocks      int      `json:"blocks" doc:"Blocks of segmented networks in the data file" example:"4"`
	Differences []string `json:"differences" doc:"Inconsistencies, one sentence each; at most 1000, followed by the number of the others"`
}

// RestoreResult is what a restore changed, or would change in a dry run.
type RestoreResult struct {
	Revision  Revision `json:"revision" doc:"Revision after the restore; unchanged when nothing changed or in a dry run" example:"8"`
	Backup    Revision `json:"backup" doc:"Revision of the backup" example:"5"`
	DryRun    bool     `json:"dryRun,omitempty" doc:"Whether this was a dry run"`
	Unchanged int      `json:"unchanged" doc:"How many objects already are as in the backup" example:"12"`
	Changes   []Change `json:"changes" doc:"What changed, including allocations; empty if all objects already were as in the backup"`
}

// CheckIPAM checks the IP allocations in the data file against the ports.
func (c *Client) CheckIPAM(ctx context.Context) (IPAMCheck, error) {
	var out IPAMCheck
	err := c.call(ctx, http.MethodGet, "/v1/ipam/check", nil, nil, nil, &out)
	return out, err
}

// Backup writes a consistent copy of the daemon's data file to w, and returns the copy's
// revision and source. If it returns an error, the data in w is incomplete.
func (c *Client) Backup(ctx context.Context, w io.Writer) (Backup, error) {
	resp, err := c.send(ctx, http.MethodGet, "/v1/backup", nil, nil, nil)
	if err != nil {
		return Backup{}, err
	}
	defer resp.Body.Close()
	rev, err := strconv.ParseUint(resp.Header.Get(RevisionHeader), 10, 64)
	if err != nil {
		return Backup{}, fmt.Errorf("the response is not a backup: it has no revision")
	}
	if _, err := io.Copy(w, resp.Body); err != nil {
		return Backup{}, fmt.Errorf("receive the backup: %w", err)
	}
	return Backup{Revision: Revision(rev), FromMemory: resp.Header.Get(BackupSourceHeader) == BackupFromMemory}, nil
}

// Restore replaces the topology by that of a backup, in one transaction. size is the length
// of the backup in bytes. A dry run returns what would change without changing it.
func (c *Client) Restore(ctx context.Context, backup io.Reader, size int64, dryRun bool) (RestoreResult, error) {
	var out RestoreResult
	q := url.Values{}
	if dryRun {
		q.Set("dryRun", "true")
	}
	resp, err := c.upload(ctx, "/v1/restore", q, backup, size)
	if err != nil {
		return out, err
	}
	defer resp.Body.Close()
	if err := json.NewDecoder(io.LimitReader(resp.Body, maxReply)).Decode(&out); err != nil {
		return out, fmt.Errorf("restore: decode the response: %w", err)
	}
	return out, nil
}

// upload sends a body of the type BackupMedia, of size bytes.
func (c *Client) upload(ctx context.Context, path string, q url.Values, body io.Reader, size int64) (*http.Response, error) {
	return c.send(ctx, http.MethodPost, path, q, http.Header{"Content-Type": {BackupMedia}}, sized{body, size})
}

// sized is a request body whose length in bytes is known.
type sized struct {
	io.Reader
	size int64
}
