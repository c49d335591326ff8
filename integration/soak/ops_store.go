package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/sdnctl/sdnctl/controller/api"
)

// apply makes the ports with a label a new set in one transaction: some are added, some stay,
// and the others are pruned. It first asks what that would do.
func (s *soak) apply(ctx context.Context) (bool, error) {
	set := fmt.Sprintf("s%d", s.rng.IntN(3))
	req := api.ApplyRequest{Prune: "set=" + set}
	labels := s.labels()
	labels["set"] = set
	specs := s.newPorts(s.rng.IntN(6))
	var gone []string
	for _, name := range sorted(s.ports) {
		if s.objects[api.Key{Kind: api.KindPort, Name: name}.String()].Labels["set"] != set {
			continue
		}
		if s.rng.IntN(2) == 0 && !s.led(name) {
			gone = append(gone, name)
		} else {
			specs[name] = s.ports[name]
		}
	}
	if len(specs)+len(gone) == 0 {
		return false, nil
	}
	for _, name := range sorted(specs) {
		o, err := api.NewObject(name, labels, specs[name])
		if err != nil {
			return true, err
		}
		req.Objects = append(req.Objects, o)
	}
	req.DryRun = true
	would, err := s.api.Apply(ctx, req)
	if err != nil {
		return true, err
	}
	req.DryRun = false
	did, err := s.api.Apply(ctx, req)
	if err != nil {
		return true, err
	}
	if a, b := changed(would.Changes), changed(did.Changes); !slices.Equal(a, b) {
		return true, fmt.Errorf("the dry run showed %v, and done was %v", a, b)
	}
	for _, c := range did.Changes {
		if c.After != nil {
			s.put(*c.After, specs[c.After.Name])
		}
	}
	for _, name := range gone {
		s.delete(api.KindPort, name)
	}
	return true, s.pullGone(ctx)
}

// deleteWithPorts deletes a network and all of its ports in one transaction, and
// afterwards their interfaces.
func (s *soak) deleteWithPorts(ctx context.Context) (bool, error) {
	named := s.named()
	for _, f := range s.floating {
		named[s.ports[f.Port].Network] = true
	}
	name, ok := pick(s.rng, slices.DeleteFunc(s.unrouted(), func(n string) bool { return named[n] }))
	if !ok {
		return false, nil
	}
	req := api.ApplyRequest{Delete: []api.Key{{Kind: api.KindNetwork, Name: name}}}
	for _, port := range sorted(s.ports) {
		if s.ports[port].Network == name {
			req.Delete = append(req.Delete, api.Key{Kind: api.KindPort, Name: port})
		}
	}
	did, err := s.api.Apply(ctx, req)
	if err != nil {
		return true, err
	}
	if len(did.Changes) != len(req.Delete) {
		return true, fmt.Errorf("%d objects were to be deleted, and deleted was %v", len(req.Delete), changed(did.Changes))
	}
	for _, key := range req.Delete {
		s.delete(key.Kind, key.Name)
	}
	return true, s.pullGone(ctx)
}

// changed records what was done to which objects.
func changed(changes []api.Change) []string {
	var all []string
	for _, c := range changes {
		all = append(all, c.Verb+" "+c.Object)
	}
	slices.Sort(all)
	return all
}

// restore makes a backup, changes things that no interface depends on, and restores the backup.
func (s *soak) restore(ctx context.Context) (bool, error) {
	var backup bytes.Buffer
	if _, err := s.api.Backup(ctx, &backup); err != nil {
		return true, err
	}
	before := s.expected.clone()
	meanwhile := []func(context.Context) (bool, error){
		s.createPort, s.burst, s.labelPort, s.repinPort, s.deleteBarePort, s.createNetwork, s.deleteNetwork,
		s.createRouter, s.changeRouter, s.deleteRouter, s.createAbsentNode, s.renumberAbsentNode, s.deleteAbsentNode,
		s.createPolicy, s.changePolicy, s.deletePolicy, s.replacePolicies,
		s.createService, s.changeService, s.deleteService, s.letOut, s.createFloating, s.moveFloating, s.deleteFloating,
	}
	for range 1 + s.rng.IntN(8) {
		if _, err := meanwhile[s.rng.IntN(len(meanwhile))](ctx); err != nil {
			return true, err
		}
	}
	got, err := s.api.Restore(ctx, bytes.NewReader(backup.Bytes()), int64(backup.Len()), false)
	if err != nil {
		return true, err
	}
	s.expected = before
	again, err := s.api.Restore(ctx, bytes.NewReader(backup.Bytes()), int64(backup.Len()), true)
	if err == nil && len(again.Changes) > 0 {
		err = errors.New("a restore leaves something to restore")
	}
	if err == nil && got.Revision != again.Revision {
		err = fmt.Errorf("a dry run makes revision %d of %d", again.Revision, got.Revision)
	}
	return true, err
}

// deleteBarePort deletes a port that has no interface.
func (s *soak) deleteBarePort(ctx context.Context) (bool, error) {
	name, ok := pick(s.rng, s.unled(s.bare()))
	if !ok {
		return false, nil
	}
	return true, s.remove(ctx, api.KindPort, name)
}
