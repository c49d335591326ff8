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

// RevisionHeader carries the revision of a backup.
const RevisionHeader = "X-Sdnctl-Revision"

// BackupSourceHeader carries what a backup was made from: BackupFromFile or
// BackupFromMemory.
const BackupSourceHeader = "X-Sdnctl-Backup-Source"

const (
	// BackupFromFile is a copy of the whole data file.
	BackupFromFile = "file"
	// BackupFromMemory is a file with the topology that sdnd has in memory, for
	// its data file is lost or damaged. It has no history, no bindings (where
	// ports were last seen) and no invitations.
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

// IPAMCheck is what a check of the addresses found.
type IPAMCheck struct {
	OK          bool     `json:"ok" doc:"Whether all is as it has to be"`
	Revision    Revision `json:"revision" doc:"Revision that was checked" example:"7"`
	Ports       int      `json:"ports" doc:"Ports in the data file" example:"12"`
	Locks       int      `json:"locks" doc:"Addresses that the data file has as taken" example:"12"`
	Blocks      int      `json:"blocks" doc:"Blocks of segmented networks in the data file" example:"4"`
	Differences []string `json:"differences" doc:"What is not as it has to be, a sentence each; at most a thousand, and how many more"`
}

// RestoreResult is what a restore did, or would do in a dry run.
type RestoreResult struct {
	Revision  Revision `json:"revision" doc:"Revision after the restore; unchanged when nothing changed or in a dry run" example:"8"`
	Backup    Revision `json:"backup" doc:"Revision that the backup was made of" example:"5"`
	DryRun    bool     `json:"dryRun,omitempty" doc:"Whether this was a dry run"`
	Unchanged int      `json:"unchanged" doc:"How many objects are as in the backup already" example:"12"`
	Changes   []Change `json:"changes" doc:"What changed, allocations included; empty when everything already was as in the backup"`
}

// CheckIPAM has the addresses in the data file checked against the ports.
func (c *Client) CheckIPAM(ctx context.Context) (IPAMCheck, error) {
	var out IPAMCheck
	err := c.call(ctx, http.MethodGet, "/v1/ipam/check", nil, nil, nil, &out)
	return out, err
}

// Backup copies the daemon's data file, of one moment, to w, and describes
// the copy. After an error what was written is of no use.
func (c *Client) Backup(ctx context.Context, w io.Writer) (Backup, error) {
	resp, err := c.send(ctx, http.MethodGet, "/v1/backup", nil, nil, nil)
	if err != nil {
		return Backup{}, err
	}
	defer resp.Body.Close()
	rev, err := strconv.ParseUint(resp.Header.Get(RevisionHeader), 10, 64)
	if err != nil {
		return Backup{}, fmt.Errorf("the answer is no backup: it has no revision")
	}
	if _, err := io.Copy(w, resp.Body); err != nil {
		return Backup{}, fmt.Errorf("receive the backup: %w", err)
	}
	return Backup{Revision: Revision(rev), FromMemory: resp.Header.Get(BackupSourceHeader) == BackupFromMemory}, nil
}

// Restore makes the topology what it is in a backup of so many bytes, in one
// transaction, or in a dry run only says what that would change.
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
		return out, fmt.Errorf("restore: decode the reply: %w", err)
	}
	return out, nil
}

// upload sends bytes that are not JSON.
func (c *Client) upload(ctx context.Context, path string, q url.Values, body io.Reader, size int64) (*http.Response, error) {
	return c.send(ctx, http.MethodPost, path, q, http.Header{"Content-Type": {BackupMedia}}, sized{body, size})
}

// sized is a body whose length is known.
type sized struct {
	io.Reader
	size int64
}
