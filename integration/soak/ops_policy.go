package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/sdnctl/sdnctl/controller/api"
	"github.com/sdnctl/sdnctl/integration/policymodel"
	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/model"
)

// maxPolicies is the largest number of policies: with more of them hardly anything is allowed.
const maxPolicies = 4

// createPolicy declares a random policy about existing ports and networks.
func (s *soak) createPolicy(ctx context.Context) (bool, error) {
	name, spec, ok, err := s.newPolicy()
	if !ok || err != nil {
		return false, err
	}
	return true, s.declare(ctx, name, nil, spec)
}

// newPolicy returns a policy that could be declared; false if there are enough.
func (s *soak) newPolicy() (name string, spec model.PolicySpec, ok bool, err error) {
	name, ok = free(s.rng, s.policies, "policy", maxPolicies)
	if !ok {
		return "", spec, false, nil
	}
	now, err := s.snapshot()
	if err != nil {
		return "", spec, false, err
	}
	return name, policymodel.NewRandom(s.rng.IntN, now).Policy(), true, nil
}

// changePolicy replaces a policy by another of the same name.
func (s *soak) changePolicy(ctx context.Context) (bool, error) {
	name, ok := pick(s.rng, sorted(s.policies))
	if !ok {
		return false, nil
	}
	now, err := s.snapshot()
	if err != nil {
		return false, err
	}
	return true, s.declare(ctx, name, nil, policymodel.NewRandom(s.rng.IntN, now).Policy())
}

func (s *soak) deletePolicy(ctx context.Context) (bool, error) {
	name, ok := pick(s.rng, sorted(s.policies))
	if !ok {
		return false, nil
	}
	return true, s.remove(ctx, api.KindPolicy, name)
}

// replacePolicies replaces all policies by others in one transaction.
func (s *soak) replacePolicies(ctx context.Context) (bool, error) {
	bare := s.clone()
	for _, name := range sorted(s.policies) {
		bare.delete(api.KindPolicy, name)
	}
	now, err := bare.snapshot()
	if err != nil {
		return false, err
	}
	random := policymodel.NewRandom(s.rng.IntN, now)
	specs := map[string]model.PolicySpec{}
	var req api.ApplyRequest
	for i := range 1 + s.rng.IntN(maxPolicies) {
		name := fmt.Sprintf("policy%d", i)
		specs[name] = random.Policy()
		o, err := api.NewObject(name, nil, specs[name])
		if err != nil {
			return false, err
		}
		req.Objects = append(req.Objects, o)
	}
	for _, name := range sorted(s.policies) {
		if !has(specs, name) {
			req.Delete = append(req.Delete, api.Key{Kind: api.KindPolicy, Name: name})
		}
	}
	did, err := s.api.Apply(ctx, req)
	if err != nil {
		return true, err
	}
	for _, c := range did.Changes {
		if c.After != nil {
			s.put(*c.After, specs[c.After.Name])
		}
	}
	for _, key := range req.Delete {
		s.delete(key.Kind, key.Name)
	}
	return true, nil
}

// named returns the networks that policies name, which cannot be deleted.
func (m *expected) named() map[string]bool {
	names := map[string]bool{}
	for _, p := range m.policies {
		for _, r := range p.References() {
			names[r.Name] = true
		}
	}
	return names
}

// snapshot returns what is declared, for a judge that does not ask sdnd. Addresses that sdnd
// has allocated may differ in it.
func (m *expected) snapshot() (*topology.Snapshot, error) {
	var ops []topology.Op
	for _, ref := range sorted(m.objects) {
		o := m.objects[ref]
		spec, problems := o.DecodeSpec()
		if len(problems) > 0 {
			return nil, fmt.Errorf("%s: %v", ref, problems)
		}
		ops = append(ops, topology.Op{Verb: topology.Put, Ref: topology.Ref{Kind: o.Kind.Model(), Name: o.Name}, Labels: o.Labels, Spec: spec})
	}
	r, err := topology.Plan(topology.NewSnapshot(), ops, time.Time{})
	if err != nil {
		return nil, errors.Join(errors.New("the model's objects do not fit together"), err)
	}
	return r.Next, nil
}
