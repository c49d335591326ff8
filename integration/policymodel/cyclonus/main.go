// Command cyclonus writes the test cases of Cyclonus (github.com/mattfenwick/cyclonus) and
// its verdicts about them as JSON, compressed by gzip, for package policymodel:
//
//	go run -C integration/policymodel/cyclonus . > integration/policymodel/testdata/cyclonus.json.gz
//
// It is a module of its own, so that sdnctl does not depend on what Cyclonus depends on.
package main

import (
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"net/netip"
	"os"
	"slices"
	"strings"

	"github.com/mattfenwick/cyclonus/pkg/connectivity/probe"
	"github.com/mattfenwick/cyclonus/pkg/generator"
	"github.com/mattfenwick/cyclonus/pkg/matcher"
	v1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
)

// step is the state of a cluster and the verdicts about it.
type step struct {
	Case       string                       `json:"case"`
	Namespaces map[string]map[string]string `json:"namespaces"` // labels by name
	Pods       []pod                        `json:"pods"`
	Policies   []policy                     `json:"policies"`
	// Allowed has, by protocol and port, a row for each pod that sends: a letter for each
	// pod that receives, "." if it is allowed and "X" if it is not.
	Allowed map[string][]string `json:"allowed"`
}

type pod struct {
	Namespace string            `json:"namespace"`
	Name      string            `json:"name"`
	Labels    map[string]string `json:"labels"`
	IP        string            `json:"ip"`
}

type policy struct {
	Namespace string                         `json:"namespace"`
	Name      string                         `json:"name"`
	Spec      networkingv1.NetworkPolicySpec `json:"spec"`
}

func main() {
	log.SetFlags(0)
	var steps []step
	for _, first := range []string{"10.0.0.10", "fd00:0:0:1::10"} {
		steps = append(steps, stepsOf(netip.MustParseAddr(first))...)
	}
	out := gzip.NewWriter(os.Stdout)
	if err := errors.Join(json.NewEncoder(out).Encode(steps), out.Close()); err != nil {
		log.Fatal(err)
	}
}

// stepsOf runs all cases with pods whose addresses begin at first.
func stepsOf(first netip.Addr) []step {
	cluster, next := newCluster(first)
	last := cluster.Pods[len(cluster.Pods)-1]
	var all []step
	for i, c := range generator.NewTestCaseGenerator(false, last.IP, []string{"x", "y", "z"}, nil, nil).GenerateTestCases() {
		tags := c.Tags.Keys()
		slices.Sort(tags)
		state, policies, free := cluster, []*networkingv1.NetworkPolicy{}, next
		for j, s := range c.Steps {
			for _, a := range s.Actions {
				var err error
				if state, policies, err = act(state, policies, a); err != nil {
					log.Fatalf("case %d, step %d: %v", i+1, j+1, err)
				}
			}
			for _, p := range state.Pods {
				if _, err := netip.ParseAddr(p.IP); err != nil {
					p.IP, free = free.String(), free.Next()
				}
			}
			one := verdicts(state, policies)
			one.Case = fmt.Sprintf("%d.%d %s", i+1, j+1, strings.Join(tags, ","))
			all = append(all, one)
		}
	}
	return all
}

// newCluster returns the pods a, b and c in the namespaces x, y and z, and the next address.
func newCluster(next netip.Addr) (*probe.Resources, netip.Addr) {
	r := &probe.Resources{Namespaces: map[string]map[string]string{}}
	for _, ns := range []string{"x", "y", "z"} {
		r.Namespaces[ns] = map[string]string{"ns": ns, "kubernetes.io/metadata.name": ns}
		for _, name := range []string{"a", "b", "c"} {
			p := probe.NewDefaultPod(ns, name, []int{80, 81}, []v1.Protocol{v1.ProtocolTCP, v1.ProtocolUDP, v1.ProtocolSCTP}, false, "")
			p.IP, next = next.String(), next.Next()
			r.Pods = append(r.Pods, p)
		}
	}
	return r, next
}

// act returns the state after an action.
func act(r *probe.Resources, policies []*networkingv1.NetworkPolicy, a *generator.Action) (*probe.Resources, []*networkingv1.NetworkPolicy, error) {
	without := func(ns, name string) []*networkingv1.NetworkPolicy {
		return slices.DeleteFunc(slices.Clone(policies), func(p *networkingv1.NetworkPolicy) bool { return p.Namespace == ns && p.Name == name })
	}
	var err error
	switch {
	case a.CreatePolicy != nil:
		policies = append(slices.Clone(policies), a.CreatePolicy.Policy)
	case a.UpdatePolicy != nil:
		p := a.UpdatePolicy.Policy
		policies = append(without(p.Namespace, p.Name), p)
	case a.DeletePolicy != nil:
		policies = without(a.DeletePolicy.Namespace, a.DeletePolicy.Name)
	case a.CreateNamespace != nil:
		r, err = r.CreateNamespace(a.CreateNamespace.Namespace, a.CreateNamespace.Labels)
	case a.SetNamespaceLabels != nil:
		r, err = r.UpdateNamespaceLabels(a.SetNamespaceLabels.Namespace, a.SetNamespaceLabels.Labels)
	case a.DeleteNamespace != nil:
		r, err = r.DeleteNamespace(a.DeleteNamespace.Namespace)
	case a.CreatePod != nil:
		r, err = r.CreatePod(a.CreatePod.Namespace, a.CreatePod.Pod, a.CreatePod.Labels)
	case a.SetPodLabels != nil:
		r, err = r.SetPodLabels(a.SetPodLabels.Namespace, a.SetPodLabels.Pod, a.SetPodLabels.Labels)
	case a.DeletePod != nil:
		r, err = r.DeletePod(a.DeletePod.Namespace, a.DeletePod.Pod)
	default:
		err = fmt.Errorf("unknown action %+v", a)
	}
	return r, policies, err
}

// verdicts asks Cyclonus about all pairs of pods, on all ports that these serve.
func verdicts(r *probe.Resources, policies []*networkingv1.NetworkPolicy) step {
	s := step{Namespaces: r.Namespaces, Policies: []policy{}, Allowed: map[string][]string{}}
	row := map[string]int{}
	for i, p := range r.Pods {
		s.Pods = append(s.Pods, pod{p.Namespace, p.Name, p.Labels, p.IP})
		row[p.PodString().String()] = i
	}
	for _, p := range policies {
		s.Policies = append(s.Policies, policy{p.Namespace, p.Name, p.Spec})
	}
	builder := &probe.JobBuilder{}
	runner := probe.SimulatedJobRunner{Policies: matcher.BuildNetworkPolicies(true, policies)}
	rows := map[string][][]byte{}
	for _, j := range runner.RunJobs(builder.GetJobsAllAvailableServers(r, generator.ProbeModePodIP).Valid) {
		key := fmt.Sprintf("%s/%d", strings.ToLower(string(j.Job.Protocol)), j.Job.ResolvedPort)
		if rows[key] == nil {
			for range r.Pods {
				rows[key] = append(rows[key], make([]byte, len(r.Pods)))
			}
		}
		verdict := byte('X')
		if j.Combined == probe.ConnectivityAllowed {
			verdict = '.'
		}
		rows[key][row[j.Job.FromKey]][row[j.Job.ToKey]] = verdict
	}
	for key, all := range rows {
		for _, line := range all {
			s.Allowed[key] = append(s.Allowed[key], string(line))
		}
	}
	return s
}
