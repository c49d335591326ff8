package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/sdnctl/sdnctl/controller/api"
)

// The values of wait --for.
const (
	forReady     = "ready"
	forBound     = "bound"
	forConnected = "connected"
)

// objectState is the part of an object's status that wait --for checks.
type objectState struct {
	// A state that the status does not have is nil.
	Ready, Bound, Connected *bool
	Conditions              []api.Condition
}

// waitedFor returns whether the state is the given value of --for; nil if objects of the kind
// have no such state.
func (s objectState) waitedFor(what string) *bool {
	switch what {
	case forBound:
		return s.Bound
	case forConnected:
		return s.Connected
	}
	return s.Ready
}

// parseWaitFor reads the objects of wait --for.
func parseWaitFor(what string, args []string) ([]api.Key, error) {
	switch {
	case what != forReady && what != forBound && what != forConnected:
		return nil, usageErrorf("--for %s: want %s, %s or %s", what, forReady, forBound, forConnected)
	case len(args) == 0:
		return nil, usageErrorf("--for %s: give the objects to wait for, such as port/web or node/node1", what)
	}
	var keys []api.Key
	for _, arg := range args {
		kind, name, ok := strings.Cut(arg, "/")
		k, err := api.ParseKind(kind)
		if !ok || err != nil || name == "" {
			return nil, usageErrorf("%q is not the reference of an object: want kind/name, such as port/web", arg)
		}
		keys = append(keys, api.Key{Kind: k, Name: name})
	}
	return keys, nil
}

// errArrived ends a watch once the object has the requested state.
var errArrived = errors.New("arrived")

// waitFor returns once all objects have the requested state. After timeout it returns an error
// with ExitTimeout and the conditions of the first object that has not; a timeout of 0 is no
// limit. It returns an error at once if an object does not exist, or never has the state.
func (a *app) waitFor(ctx context.Context, client *api.Client, what string, objects []api.Key, timeout time.Duration) error {
	limited := ctx
	if timeout > 0 {
		var cancel context.CancelFunc
		limited, cancel = context.WithTimeout(ctx, timeout)
		defer cancel()
	}
	var last objectState // of objects[0]
	check := func() error {
		for len(objects) > 0 {
			o, err := client.Object(limited, objects[0].Kind, objects[0].Name)
			if err != nil {
				return err
			}
			last = objectState{}
			if err := json.Unmarshal(o.Status, &last); err != nil {
				return fmt.Errorf("%s: decode its status: %w", o.Ref(), err)
			}
			state := last.waitedFor(what)
			if state == nil {
				return usageErrorf("a %s is never %s", objects[0].Kind.Lower(), what)
			}
			if !*state {
				return nil
			}
			objects = objects[1:]
		}
		return errArrived
	}
	err := client.Watch(limited, api.WatchOptions{}, func(e api.Event) error {
		if e.Type == api.EventReady || e.Type == api.EventResync || len(objects) > 0 && e.Object == objects[0].String() {
			return check()
		}
		return nil
	})
	switch {
	case errors.Is(err, errArrived):
		return nil
	case ctx.Err() != nil || limited.Err() == nil:
		return err
	}
	text := fmt.Sprintf("%s is not %s after %v", objects[0], what, timeout)
	for _, c := range last.Conditions {
		text += fmt.Sprintf("\n%s: %s\nfix: %s", c.Reason, c.Message, c.Action)
	}
	return codedError{ExitTimeout, errors.New(text)}
}
