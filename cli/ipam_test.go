package cli_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sdnctl/sdnctl/cli"
)

// against runs sdnctl on an API that always returns the same response.
func against(t *testing.T, answer http.HandlerFunc, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	api := httptest.NewServer(answer)
	defer api.Close()
	var out, words bytes.Buffer
	env := cli.OSEnv("test")
	env.Out, env.Err = &out, &words
	code = cli.Run(t.Context(), env, append(args, "--host", api.URL))
	return code, out.String(), words.String()
}

// TestIPAMCheckDiffers: differences are printed, and the exit code reports them.
func TestIPAMCheckDiffers(t *testing.T) {
	differs := func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, `{"ok":false,"revision":3,"ports":2,"locks":1,"blocks":0,"differences":["address 10.0.0.2 of VNI 4096 of port/web1 is not locked","another"]}`)
	}
	code, out, _ := against(t, differs, "ipam", "check")
	if want := "address 10.0.0.2 of VNI 4096 of port/web1 is not locked\nanother\n"; code != 1 || out != want {
		t.Errorf("exit code %d, output %q, want 1 and %q", code, out, want)
	}
	if code, out, _ := against(t, differs, "ipam", "check", "-o", "json"); code != 1 || !strings.Contains(out, `"ok": false`) {
		t.Errorf("in JSON: exit code %d, %s", code, out)
	}
	failing := func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusInternalServerError)
		fmt.Fprint(w, `{"code":"internal","message":"check addresses: input/output error"}`)
	}
	if code, _, words := against(t, failing, "ipam", "check"); code != 2 || !strings.Contains(words, "input/output error") {
		t.Errorf("without an answer: exit code %d, %s", code, words)
	}
}

// TestBackupCut: a backup whose download is cut off is an error, and the file of the
// previous backup stays.
func TestBackupCut(t *testing.T) {
	path := filepath.Join(t.TempDir(), "saved.db")
	if err := os.WriteFile(path, []byte("before"), 0o600); err != nil {
		t.Fatal(err)
	}
	code, _, words := against(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-Sdnctl-Revision", "7")
		w.Header().Set("Content-Length", "100000")
		// The test is about the client.
		_, _ = io.WriteString(w, "a part")
	}, "backup", path)
	if got, err := os.ReadFile(path); code != 1 || err != nil || string(got) != "before" || !strings.Contains(words, "receive the backup") {
		t.Errorf("exit code %d, %s, file %q, %v", code, words, got, err)
	}
	if left, err := os.ReadDir(filepath.Dir(path)); err != nil || len(left) != 1 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// TestNoSpace: a full disk is reported to the user, with the remedy.
func TestNoSpace(t *testing.T) {
	code, _, words := against(t, func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusInsufficientStorage)
		fmt.Fprint(w, `{"code":"no_space","message":"the change was not saved: there is no space left for the data file; make room and try again"}`)
	}, "network", "create", "blue", "--cidr", "10.0.0.0/24")
	if code != 1 || !strings.Contains(words, "make room") {
		t.Errorf("exit code %d, %s", code, words)
	}
}
