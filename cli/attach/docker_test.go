package attach

import (
	"errors"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
)

func TestDocker(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "d.sock")
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	answers := map[string]string{
		"/containers/web/json": `{"Id":"3fa9","Name":"/web","State":{"Running":true,"Pid":77},"HostConfig":{"NetworkMode":"none"}}`,
		"/containers/off/json": `{"Id":"0ff0","Name":"/off","State":{"Running":false,"Pid":0}}`,
	}
	srv := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		text, ok := answers[r.URL.Path]
		if !ok {
			w.WriteHeader(http.StatusNotFound)
		}
		io.WriteString(w, text)
	})}
	go srv.Serve(l)
	t.Cleanup(func() { srv.Close() })
	d, err := NewDocker("unix://" + socket)
	if err != nil {
		t.Fatal(err)
	}
	if c, err := d.Container(t.Context(), "web"); err != nil || c != (Container{"3fa9", "web", 77, "none"}) {
		t.Errorf("%+v, %v", c, err)
	}
	if c, err := d.Container(t.Context(), "off"); err != nil || c.PID != 0 {
		t.Errorf("%+v, %v", c, err)
	}
	var e *Error
	if _, err := d.Container(t.Context(), "a/../b"); !errors.As(err, &e) || e.Code != NotFound {
		t.Errorf("no such container: %v", err)
	}
	d, err = NewDocker("unix:///nowhere/d.sock")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.Container(t.Context(), "web"); err == nil || !strings.Contains(err.Error(), "start it with") {
		t.Errorf("no docker: %v", err)
	}
	if _, err := NewDocker("tcp://10.0.0.1:2375"); err == nil {
		t.Error("a Docker of another machine is taken")
	}
}
