package cli

import (
	"encoding"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/sdnctl/sdnctl/controller/api"
	"github.com/sdnctl/sdnctl/topology/model"
)

// specFlags are the flags for the fields of a spec. They are applied to a spec after the
// command line is parsed.
type specFlags interface {
	// apply returns the JSON of the spec in raw with the values of the flags; raw may be
	// nil.
	apply(raw json.RawMessage) (json.RawMessage, error)
	// given reports whether any of the flags was used.
	given() bool
}

// A specFlag sets one field of an S from text. Empty text resets the field to its default.
// A flag that may be repeated is called once for each value, the first time with first set.
type specFlag[S any] struct {
	name, usage string
	many        bool
	// several is the flag for more than one value, if it is another one.
	several string
	set     func(s *S, text string, first bool) error
	// bare is the value of the flag if it is used without one, "" if it needs a value.
	bare string
	// refers is the kind whose names complete the flag; fixed are its possible values.
	refers api.Kind
	fixed  []string
}

// A flagValue collects the values of one flag; it is a pflag.Value.
type flagValue[S any] struct {
	flag  specFlag[S]
	texts []string
}

// String returns the values, separated by commas.
func (v *flagValue[S]) String() string { return strings.Join(v.texts, ",") }

// Type returns the name of the value's type for usage texts.
func (v *flagValue[S]) Type() string {
	if v.flag.bare == "true" {
		return "bool"
	}
	return "string"
}

func (v *flagValue[S]) repeats() bool { return v.flag.many }

func (v *flagValue[S]) severalBy() string { return v.flag.several }

// Set adds a value, or returns an error if the field cannot have it.
func (v *flagValue[S]) Set(text string) error {
	if !v.flag.many {
		v.texts = nil
	}
	v.texts = append(v.texts, text)
	var scratch S
	for i, t := range v.texts {
		if err := v.flag.set(&scratch, t, i == 0); err != nil {
			return err
		}
	}
	return nil
}

// specFlagSet implements specFlags for one type of spec.
type specFlagSet[S any] struct{ values []*flagValue[S] }

// addSpecFlags adds flags to a command.
func addSpecFlags[S any](a *app, cmd *cobra.Command, flags []specFlag[S]) specFlags {
	set := &specFlagSet[S]{}
	for _, f := range flags {
		v := &flagValue[S]{flag: f}
		set.values = append(set.values, v)
		cmd.Flags().Var(v, f.name, f.usage)
		cmd.Flags().Lookup(f.name).NoOptDefVal = f.bare
		switch {
		case f.fixed != nil:
			mustComplete(cmd, f.name, f.fixed...)
		case f.refers != "":
			mustCompleteFunc(cmd, f.name, a.completeNames(f.refers, 0))
		default:
			mustComplete(cmd, f.name)
		}
	}
	return set
}

func (s *specFlagSet[S]) given() bool {
	for _, v := range s.values {
		if len(v.texts) > 0 {
			return true
		}
	}
	return false
}

func (s *specFlagSet[S]) apply(raw json.RawMessage) (json.RawMessage, error) {
	spec := fresh[S]()
	if len(raw) > 0 {
		if err := json.Unmarshal(raw, &spec); err != nil {
			return nil, fmt.Errorf("decode the spec: %w", err)
		}
	}
	for _, v := range s.values {
		for i, text := range v.texts {
			if err := v.flag.set(&spec, text, i == 0); err != nil {
				return nil, usageErrorf("--%s %s: %w", v.flag.name, text, err)
			}
		}
	}
	return json.Marshal(spec)
}

// fresh returns a spec with the defaults of its kind.
func fresh[S any]() (spec S) {
	if of, ok := any(spec).(model.Spec); ok {
		return model.Deref(of.Kind().NewSpec()).(S)
	}
	return spec
}

// textFlag is a flag of a field that is text.
func textFlag[S any](name, usage string, field func(*S) *string) specFlag[S] {
	return specFlag[S]{name: name, usage: usage, set: func(s *S, text string, _ bool) error {
		*field(s) = text
		return nil
	}}
}

// valueFlag is a flag of a field that has a text form.
func valueFlag[S any](name, usage string, field func(*S) encoding.TextUnmarshaler) specFlag[S] {
	return specFlag[S]{name: name, usage: usage, set: func(s *S, text string, _ bool) error {
		return model.SetText(field(s), text)
	}}
}

// valueText is a value in its text form, for a table; "" for the zero value.
func valueText(v encoding.TextMarshaler) string {
	text, err := v.MarshalText()
	if err != nil {
		return ""
	}
	return string(text)
}

// boolFlag is a flag of a field that is true or false.
func boolFlag[S any](name, usage string, field func(*S) *bool) specFlag[S] {
	return specFlag[S]{name: name, usage: usage, bare: "true", fixed: []string{"true", "false"}, set: func(s *S, text string, _ bool) error {
		switch text {
		case "true", "false", "":
			*field(s) = text == "true"
			return nil
		}
		return fmt.Errorf("want true or false, got %q", text)
	}}
}

// intFlag is a flag of a field that is a whole number.
func intFlag[S any](name, usage string, field func(*S) *int) specFlag[S] {
	return specFlag[S]{name: name, usage: usage, set: func(s *S, text string, _ bool) error {
		n, err := wholeNumber(text)
		*field(s) = n
		return err
	}}
}

func wholeNumber(text string) (int, error) {
	if text == "" {
		return 0, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		return 0, fmt.Errorf("want a whole number, got %q", text)
	}
	return n, nil
}

// A labelFlag collects --label key=value, and --label key- to remove one.
type labelFlag struct{ edits []string }

// String returns the edits, separated by commas.
func (l *labelFlag) String() string { return strings.Join(l.edits, ",") }

// Type names the value in usage texts that have no name of their own for it.
func (l *labelFlag) Type() string { return "string" }

func (l *labelFlag) repeats() bool { return true }

// Set takes one edit.
func (l *labelFlag) Set(text string) error {
	for _, edit := range strings.Split(text, ",") {
		key, _, set := strings.Cut(edit, "=")
		if !set {
			key, set = strings.CutSuffix(edit, "-")
		}
		if !set || key == "" {
			return fmt.Errorf("want key=value, or key- to remove it")
		}
		l.edits = append(l.edits, edit)
	}
	return nil
}

// apply returns labels with the edits made.
func (l *labelFlag) apply(labels map[string]string) map[string]string {
	out := make(map[string]string, len(labels)+len(l.edits))
	for k, v := range labels {
		out[k] = v
	}
	for _, edit := range l.edits {
		if key, value, set := strings.Cut(edit, "="); set {
			out[key] = value
		} else {
			delete(out, strings.TrimSuffix(key, "-"))
		}
	}
	return out
}

func (l *labelFlag) add(cmd *cobra.Command, usage string) {
	cmd.Flags().Var(l, "label", usage)
	mustComplete(cmd, "label")
}
