package topology

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/sdnctl/sdnctl/topology/model"
)

// read checks op i by itself and makes it an item.
func (p *planner) read(i int, op Op) {
	it := &item{op: i, ref: op.Ref, del: op.Verb == Delete}
	order := op.Ref.Kind.Order()
	if order < 0 {
		p.bad(it, Invalid, "kind", fmt.Sprintf("%q is not a kind of object", op.Ref.Kind), "write "+strings.ToLower(model.KindList()))
		return
	}
	if first, ok := p.items[op.Ref]; ok {
		p.bad(it, Invalid, "", fmt.Sprintf("named twice in one change (items %d and %d)", first.op+1, i+1), "name it once")
		return
	}
	p.items[op.Ref] = it
	p.byKind[order] = append(p.byKind[order], it)
	it.before, _ = p.old.Object(op.Ref)
	switch {
	case op.Verb == Delete:
		if it.before == nil {
			p.bad(it, NotFound, "", "does not exist", "check the name")
		}
		return
	case op.Verb == Create && it.before != nil:
		p.bad(it, Exists, "", "exists already", "choose another name, or change the one there is")
	case op.Verb != Create && op.Verb != Put:
		p.bad(it, Invalid, "", fmt.Sprintf("%q is not a verb", op.Verb), "use create, put or delete")
	}
	if m := model.CheckName(op.Ref.Name); m != "" {
		p.bad(it, Invalid, "name", m, fmt.Sprintf("begin with a letter or digit and go on with letters, digits, _ . -, %d at most", model.MaxNameLength))
	}
	p.readLabels(it, op.Labels)
	p.readSpec(it, op.Spec)
	if it.before != nil && !it.broken {
		it.same = sameLabels(it.labels, it.before.Metadata().Labels) && sameSpec(it.spec, SpecOf(it.before))
		if it.same {
			it.after = it.before
		}
	}
}

func (p *planner) readLabels(it *item, labels map[string]string) {
	if len(labels) > model.MaxLabels {
		p.bad(it, Invalid, "labels", fmt.Sprintf("%d labels, at most %d are allowed", len(labels), model.MaxLabels), "remove some")
		return
	}
	for _, k := range slices.Sorted(maps.Keys(labels)) {
		if m := model.CheckLabel(k, labels[k]); m != "" {
			p.bad(it, Invalid, "labels", m, "use letters, digits and _ . - / (in values also : @ +), beginning a key with a letter or digit")
		}
	}
	if len(labels) > 0 {
		it.labels = maps.Clone(labels)
	}
}

// readSpec checks the spec by itself and normalises it.
func (p *planner) readSpec(it *item, spec Spec) {
	if spec == nil || spec.Kind() != it.ref.Kind {
		p.bad(it, Invalid, "spec", fmt.Sprintf("not the spec of a %s", it.ref.Kind), "give the spec that belongs to the kind")
		return
	}
	it.spec = spec.Normal(func(kind ProblemKind, field, message, fix string) { p.bad(it, kind, field, message, fix) })
}
