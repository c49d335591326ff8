package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/sdnctl/sdnctl/integration/simswitch"
	"github.com/sdnctl/sdnctl/openflow"
)

// api reports about a fleet, and changes it.
type api struct{ f *simswitch.Fleet }

// newAPI returns the handler of the control socket. Answers are JSON; errors
// have a status of 4xx and {"error": …}.
//
//	GET    /status                       sums over the fleet: status
//	GET    /switches                     all switches: []switchStatus
//	GET    /switches/NAME                one
//	GET    /switches/NAME/cookies        of its flows, ascending, as "0x…"
//	PUT    /switches/NAME/ports/PORT?no=N  adds a port, or renumbers it
//	DELETE /switches/NAME/ports/PORT
//	PUT    /switches/NAME/faults         replaces the faults: faults
//	POST   /switches/NAME/disconnect     closes its connections
//	POST   /switches/NAME/reset          restarts it, without flows
//	PUT    /faults, POST /disconnect, POST /reset   the same for all
func newAPI(f *simswitch.Fleet) http.Handler {
	a := &api{f}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /status", func(w http.ResponseWriter, _ *http.Request) { reply(w, http.StatusOK, statusOf(f)) })
	mux.HandleFunc("GET /switches", a.list)
	mux.HandleFunc("GET /switches/{name}", a.one(func(w http.ResponseWriter, _ *http.Request, name string, s *simswitch.Switch) {
		reply(w, http.StatusOK, statusOfSwitch(name, s))
	}))
	mux.HandleFunc("GET /switches/{name}/cookies", a.one(cookies))
	mux.HandleFunc("PUT /switches/{name}/ports/{port}", a.one(putPort))
	mux.HandleFunc("DELETE /switches/{name}/ports/{port}", a.one(deletePort))
	a.action(mux, "PUT", "faults", readFaults)
	a.action(mux, "POST", "disconnect", always((*simswitch.Switch).Disconnect))
	a.action(mux, "POST", "reset", always((*simswitch.Switch).Reset))
	return mux
}

// action reads a request, and returns what to do to a switch.
type action func(*http.Request) (func(*simswitch.Switch), error)

func always(do func(*simswitch.Switch)) action {
	return func(*http.Request) (func(*simswitch.Switch), error) { return do, nil }
}

// action adds an action to one switch, and to all.
func (a *api) action(mux *http.ServeMux, method, path string, read action) {
	act := func(w http.ResponseWriter, r *http.Request, names ...string) {
		do, err := read(r)
		if err != nil {
			fail(w, http.StatusBadRequest, err)
			return
		}
		for _, name := range names {
			do(a.f.Switch(name))
		}
		w.WriteHeader(http.StatusNoContent)
	}
	mux.HandleFunc(method+" /"+path, func(w http.ResponseWriter, r *http.Request) { act(w, r, a.f.Names()...) })
	mux.HandleFunc(method+" /switches/{name}/"+path, a.one(func(w http.ResponseWriter, r *http.Request, name string, _ *simswitch.Switch) {
		act(w, r, name)
	}))
}

// switchStatus is the state of one switch and its counters.
type switchStatus struct {
	Name      string `json:"name"`
	Connected bool   `json:"connected"`
	Flows     int    `json:"flows"`
	Groups    int    `json:"groups"`
	Meters    int    `json:"meters"`
	FlowMods  uint64 `json:"flowMods"`
	Bundles   uint64 `json:"bundles"`
	Refused   uint64 `json:"refused"`
	Aborts    uint64 `json:"aborts"`
	// Hash is the same for switches that have the same groups and meters, and flows
	// with the same cookies (simswitch.HashCookies), in hexadecimal digits.
	Hash  string   `json:"hash"`
	Ports []string `json:"ports"`
}

func statusOfSwitch(name string, s *simswitch.Switch) switchStatus {
	st := s.Stats()
	v := switchStatus{Name: name, Connected: s.Connected(), Flows: s.NumFlows(),
		Groups: len(s.Groups()), Meters: len(s.Meters()), FlowMods: st.FlowMods,
		Bundles: st.Bundles, Refused: st.Refused, Aborts: st.Aborts, Hash: fmt.Sprintf("%016x", s.Hash())}
	for _, p := range s.Ports() {
		v.Ports = append(v.Ports, p.Name)
	}
	return v
}

func (a *api) list(w http.ResponseWriter, _ *http.Request) {
	all := make([]switchStatus, 0, len(a.f.Names()))
	for _, name := range a.f.Names() {
		all = append(all, statusOfSwitch(name, a.f.Switch(name)))
	}
	reply(w, http.StatusOK, all)
}

// one finds the switch that a request is about.
func (a *api) one(h func(http.ResponseWriter, *http.Request, string, *simswitch.Switch)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		name := r.PathValue("name")
		s := a.f.Switch(name)
		if s == nil {
			fail(w, http.StatusNotFound, fmt.Errorf("no switch %q", name))
			return
		}
		h(w, r, name, s)
	}
}

func cookies(w http.ResponseWriter, _ *http.Request, _ string, s *simswitch.Switch) {
	all := []string{}
	for _, c := range s.Cookies() {
		all = append(all, c.String())
	}
	reply(w, http.StatusOK, all)
}

func putPort(w http.ResponseWriter, r *http.Request, _ string, s *simswitch.Switch) {
	no, err := strconv.ParseUint(r.FormValue("no"), 10, 32)
	if err != nil {
		fail(w, http.StatusBadRequest, fmt.Errorf("no=%q: want the port's number, 1 or more", r.FormValue("no")))
		return
	}
	name := r.PathValue("port")
	s.RemovePort(name) // an interface that gets another number is removed first
	if err := s.AddPort(openflow.Port{No: openflow.PortNo(no), Name: name}); err != nil {
		fail(w, http.StatusBadRequest, err)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

func deletePort(w http.ResponseWriter, r *http.Request, _ string, s *simswitch.Switch) {
	if !s.RemovePort(r.PathValue("port")) {
		fail(w, http.StatusNotFound, fmt.Errorf("no port %q", r.PathValue("port")))
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

// faults are simswitch.Faults in JSON.
type faults struct {
	DropAfter    int  `json:"dropAfter"`
	ReplyDelayMS int  `json:"replyDelayMs"`
	StopReading  bool `json:"stopReading"`
	ReadRate     int  `json:"readRate"`
	RefuseFlows  bool `json:"refuseFlows"`
	RefuseGroups bool `json:"refuseGroups"`
	RefuseMeters bool `json:"refuseMeters"`
}

func readFaults(r *http.Request) (func(*simswitch.Switch), error) {
	var v faults
	d := json.NewDecoder(r.Body)
	d.DisallowUnknownFields()
	if err := d.Decode(&v); err != nil {
		return nil, fmt.Errorf("faults: %w", err)
	}
	f := simswitch.Faults{DropAfter: v.DropAfter, ReplyDelay: time.Duration(v.ReplyDelayMS) * time.Millisecond,
		StopReading: v.StopReading, ReadRate: v.ReadRate, RefuseFlows: v.RefuseFlows,
		RefuseGroups: v.RefuseGroups, RefuseMeters: v.RefuseMeters}
	return func(s *simswitch.Switch) { s.SetFaults(f) }, nil
}

func reply(w http.ResponseWriter, code int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(v) // fails only if the caller has gone
}

func fail(w http.ResponseWriter, code int, err error) {
	reply(w, code, map[string]string{"error": err.Error()})
}
