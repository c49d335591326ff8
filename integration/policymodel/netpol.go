package policymodel

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"github.com/sdnctl/sdnctl/topology/model"
)

// A pod of Kubernetes is a port here: it has the pod's labels, those of the pod's namespace
// with this in front of their keys, and the namespace's name.
const (
	namespacePrefix = "namespace-labels/"
	namespaceKey    = "namespace"
)

// netpol is the spec of Kubernetes' NetworkPolicy (networking.k8s.io/v1).
type netpol struct {
	PodSelector model.Selector
	Ingress     []netpolRule
	Egress      []netpolRule
	PolicyTypes []string
}

type netpolRule struct {
	Ports    []netpolPort
	From, To []netpolPeer
}

type netpolPort struct {
	Protocol string
	Port     json.RawMessage // a number, or the name of a container's port
	EndPort  uint16
}

type netpolPeer struct {
	PodSelector, NamespaceSelector *model.Selector
	IPBlock                        *struct {
		CIDR   netip.Prefix
		Except []netip.Prefix
	}
}

// policy translates a NetworkPolicy of a namespace.
func (n netpol) policy(namespace string) (model.PolicySpec, error) {
	spec := model.PolicySpec{
		Tier: model.TierApplication, Priority: model.DefaultPolicyPriority,
		Subject:  podsOf(&n.PodSelector, nil, namespace),
		Isolates: []model.PolicyDirection{},
	}
	for _, d := range n.PolicyTypes {
		spec.Isolates = append(spec.Isolates, model.PolicyDirection(strings.ToLower(d)))
	}
	for _, r := range n.Ingress {
		if err := r.appendTo(&spec.Ingress, r.From, namespace); err != nil {
			return spec, err
		}
	}
	for _, r := range n.Egress {
		if err := r.appendTo(&spec.Egress, r.To, namespace); err != nil {
			return spec, err
		}
	}
	return spec, nil
}

// appendTo translates a rule. It omits a rule whose ports match nothing.
func (r netpolRule) appendTo(rules *[]model.PolicyRule, peers []netpolPeer, namespace string) error {
	out := model.PolicyRule{Action: model.ActionAllow}
	for _, p := range peers {
		switch {
		case p.IPBlock != nil:
			out.Peers = append(out.Peers, model.PolicyPeer{CIDR: p.IPBlock.CIDR.Masked(), Except: p.IPBlock.Except})
		default:
			out.Peers = append(out.Peers, model.PolicyPeer{PolicySelection: podsOf(p.PodSelector, p.NamespaceSelector, namespace)})
		}
	}
	for _, p := range r.Ports {
		port, ok, err := p.port()
		if err != nil {
			return err
		}
		if ok {
			out.Ports = append(out.Ports, port)
		}
	}
	if len(out.Ports) > 0 || len(r.Ports) == 0 {
		*rules = append(*rules, out)
	}
	return nil
}

// port translates a port; ok is false if no pod has it. Names are those of Cyclonus' containers:
// "serve-80-tcp" is port 80 of TCP.
func (p netpolPort) port() (port model.PolicyPort, ok bool, err error) {
	text := strings.ToLower(p.Protocol)
	if text == "" {
		text = "tcp"
	}
	number := string(p.Port)
	if name, err := strconv.Unquote(number); err == nil {
		parts := strings.Split(name, "-")
		if len(parts) != 3 {
			return port, false, fmt.Errorf("%q is not the name of a port", name)
		}
		if parts[2] != text {
			return port, false, nil
		}
		number = parts[1]
	}
	if number != "" {
		text += "/" + number
	}
	if p.EndPort != 0 {
		text += fmt.Sprintf("-%d", p.EndPort)
	}
	return port, true, port.UnmarshalText([]byte(text))
}

// podsOf selects pods by their labels and by their namespace's: those of one namespace if
// there is no selector of namespaces.
func podsOf(pods, namespaces *model.Selector, namespace string) model.PolicySelection {
	var s model.Selector
	if pods != nil {
		s.MatchExpressions = append(s.MatchExpressions, pods.Terms()...)
	}
	if namespaces == nil {
		s.MatchLabels = map[string]string{namespaceKey: namespace}
	} else {
		for _, t := range namespaces.Terms() {
			t.Key = namespacePrefix + t.Key
			s.MatchExpressions = append(s.MatchExpressions, t)
		}
		// This matches pods only, even if the selector requires no label.
		s.MatchExpressions = append(s.MatchExpressions, model.Requirement{Key: namespaceKey, Operator: model.SelectExists})
	}
	return model.PolicySelection{Selector: &s}
}
