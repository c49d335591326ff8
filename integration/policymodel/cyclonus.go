package policymodel

import (
	"bytes"
	"compress/gzip"
	_ "embed"
	"encoding/json"
	"fmt"
	"maps"
	"net/netip"

	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/model"
)

// vectors is the output of the program in the folder cyclonus.
//
//go:embed testdata/cyclonus.json.gz
var vectors []byte

// Case is a set of pods with their policies, and Cyclonus' verdicts about connections between
// them.
type Case struct {
	Name   string
	Family model.Family
	Pods   []Pod
	// Policies are all policies of the case.
	Policies []topology.Op
	// What are the protocols and ports with verdicts, as for Matrix.
	What []model.PolicyPort
	// allowed has the verdicts, by index in What, client and server.
	allowed map[model.PolicyPort][]string
}

// Pod is a port that represents a pod of Kubernetes.
type Pod struct {
	Name   string // of the port, "x-a" of pod a in namespace x
	Labels map[string]string
	IP     netip.Addr
}

// Allowed reports whether Cyclonus allows a pod, by its index in Pods, to connect to another.
func (c Case) Allowed(from, to int, what model.PolicyPort) bool {
	return c.allowed[what][from][to] == '.'
}

// Cyclonus returns the cases of Cyclonus, of both families. Their ports fit into 10.0.0.0/24
// and fd00:0:0:1::/64, behind the ninth address; a case has 9 to 11 of them.
func Cyclonus() ([]Case, error) {
	text, err := gzip.NewReader(bytes.NewReader(vectors))
	if err != nil {
		return nil, err
	}
	var steps []struct {
		Case       string
		Namespaces map[string]map[string]string
		Pods       []struct {
			Namespace, Name string
			Labels          map[string]string
			IP              netip.Addr
		}
		Policies []struct {
			Namespace, Name string
			Spec            netpol
		}
		Allowed map[string][]string
	}
	if err := json.NewDecoder(text).Decode(&steps); err != nil {
		return nil, err
	}
	cases := make([]Case, len(steps))
	for i, s := range steps {
		c := Case{Name: s.Case, Family: model.FamilyOf(s.Pods[0].IP), allowed: map[model.PolicyPort][]string{}}
		for _, p := range s.Pods {
			labels := map[string]string{namespaceKey: p.Namespace}
			maps.Copy(labels, p.Labels)
			for k, v := range s.Namespaces[p.Namespace] {
				labels[namespacePrefix+k] = v
			}
			c.Pods = append(c.Pods, Pod{p.Namespace + "-" + p.Name, labels, p.IP})
		}
		for _, p := range s.Policies {
			spec, err := p.Spec.policy(p.Namespace)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", s.Case, err)
			}
			c.Policies = append(c.Policies, topology.Op{Verb: topology.Put, Ref: topology.Ref{Kind: model.KindPolicy, Name: p.Namespace + "-" + p.Name}, Spec: spec})
		}
		for _, t := range []string{"tcp/80", "tcp/81", "udp/80", "udp/81", "sctp/80", "sctp/81"} {
			var what model.PolicyPort
			if err := what.UnmarshalText([]byte(t)); err != nil {
				return nil, err
			}
			if len(s.Allowed[t]) != len(c.Pods) {
				return nil, fmt.Errorf("%s: %d verdicts about %s", s.Case, len(s.Allowed[t]), t)
			}
			c.What, c.allowed[what] = append(c.What, what), s.Allowed[t]
		}
		cases[i] = c
	}
	return cases, nil
}
