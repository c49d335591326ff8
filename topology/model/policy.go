package model

import (
	"cmp"
	"fmt"
	"iter"
	"slices"
	"strings"
)

// PolicySpec is the declared part of a policy: who may connect to the ports that it
// selects, and to whom these may connect.
//
// A connection is judged twice: by the egress rules of the policies that select the port
// that it comes from, and by the ingress rules of those that select the port that it goes
// to. Both must allow it. In each direction the tiers are evaluated in their order, and in a
// tier the policies by priority and each one's rules as listed; the first rule that matches
// decides. With equal priority, a policy all of whose rules in the direction allow comes
// after one that has others. A tier in which no rule matches denies the connection if one of
// its policies isolates the port in the direction. What no tier decides is allowed. These
// are the semantics of Kubernetes' NetworkPolicy (application tier, rules that allow) and
// ClusterNetworkPolicy (the tiers admin and baseline).
type PolicySpec struct {
	// Tier as stored is never empty.
	Tier PolicyTier `json:"tier" required:"false" doc:"When the policy is evaluated: the rules of the admin tier come first, then those of the application tier, then those of the baseline tier. Only an admin may write policies of the admin tier" enum:"admin,application,baseline" default:"application" example:"application"`
	// Priority is DefaultPolicyPriority in a spec that NewSpec made.
	Priority int             `json:"priority" required:"false" doc:"Order within the tier, 0 to 1000; the lowest number is evaluated first" minimum:"0" maximum:"1000" default:"500" example:"500"`
	Subject  PolicySelection `json:"subject" doc:"The ports that the policy applies to"`
	// Isolates as stored is never nil: ingress comes before egress.
	Isolates []PolicyDirection `json:"isolates" required:"false" doc:"Directions in which everything is denied that no rule of this or an earlier tier has decided. If left out: in the application tier those directions that have rules, else none" enum:"ingress,egress" example:"[\"ingress\"]"`
	// Mode as stored is empty for enforce.
	Mode PolicyMode `json:"mode,omitempty" doc:"enforce: the policy is in force. shadow: it decides nothing; what its rules would decide is counted, as if it were in force beside the policies that are" enum:"enforce,shadow" default:"enforce" example:"enforce"`
	// OnChange as stored is empty for cut.
	OnChange PolicyOnChange `json:"onChange,omitempty" doc:"What becomes of connections that rules of the policy have allowed and no longer do: cut ends them, keep lets them go on until they end. Rules that come before those of the policy can still deny them. Connections out of an uplink are always cut" enum:"cut,keep" default:"cut" example:"cut"`
	// LogDenials has sdnd log what the policy denies, as far as it is in force.
	LogDenials bool         `json:"logDenials,omitempty" doc:"sdnd logs the connections that the policy denies: who asked whom for what, and which rule denied it. Each is logged once within a minute, and of all policies at most 10 a second. Nothing is logged in shadow mode, and of what is rejected" example:"true"`
	Ingress    []PolicyRule `json:"ingress,omitempty" doc:"Rules for connections to the ports, in order; at most 100, or 48 if one of them does not allow"`
	Egress     []PolicyRule `json:"egress,omitempty" doc:"Rules for connections from the ports, in order; at most 100, or 48 if one of them does not allow"`
}

// PolicyTier is a rank of policies.
type PolicyTier string

// The tiers, in the order in which they are evaluated.
const (
	TierAdmin       PolicyTier = "admin"
	TierApplication PolicyTier = "application"
	TierBaseline    PolicyTier = "baseline"
)

// PolicyTiers returns the tiers in the order in which they are evaluated.
func PolicyTiers() []PolicyTier { return []PolicyTier{TierAdmin, TierApplication, TierBaseline} }

// UnmarshalText reads a tier in any case.
func (t *PolicyTier) UnmarshalText(b []byte) error {
	*t = PolicyTier(strings.ToLower(string(b)))
	return nil
}

// PolicyMode says whether a policy is in force.
type PolicyMode string

// The modes.
const (
	ModeEnforce PolicyMode = "enforce"
	// ModeShadow only counts what the policy would decide.
	ModeShadow PolicyMode = "shadow"
)

// UnmarshalText reads a mode in any case.
func (m *PolicyMode) UnmarshalText(b []byte) error {
	*m = PolicyMode(strings.ToLower(string(b)))
	return nil
}

// PolicyOnChange says what becomes of connections that rules no longer allow.
type PolicyOnChange string

// What can become of them.
const (
	OnChangeCut  PolicyOnChange = "cut"
	OnChangeKeep PolicyOnChange = "keep"
)

// UnmarshalText reads it in any case.
func (o *PolicyOnChange) UnmarshalText(b []byte) error {
	*o = PolicyOnChange(strings.ToLower(string(b)))
	return nil
}

// PolicyDirection says which end of a connection a policy applies to.
type PolicyDirection string

// The directions.
const (
	// Ingress: connections to the subject.
	Ingress PolicyDirection = "ingress"
	// Egress: connections from the subject.
	Egress PolicyDirection = "egress"
)

// PolicyDirections returns both, ingress first.
func PolicyDirections() []PolicyDirection { return []PolicyDirection{Ingress, Egress} }

// UnmarshalText reads a direction in any case.
func (d *PolicyDirection) UnmarshalText(b []byte) error {
	*d = PolicyDirection(strings.ToLower(string(b)))
	return nil
}

// Limits of a policy.
const (
	// DefaultPolicyPriority of a policy that gives none.
	DefaultPolicyPriority = 500
	// MaxPolicyPriority is the priority that is evaluated last.
	MaxPolicyPriority = 1000
	// MaxPolicyRules of one direction.
	MaxPolicyRules = 100
	// MaxMixedRules of one direction that has a rule with another action than allow.
	MaxMixedRules = 48
	// MaxPolicyPeers of one rule, and exceptions of one peer.
	MaxPolicyPeers = 100
	// MaxPolicyPorts of one rule.
	MaxPolicyPorts = 100
	// MaxPolicyNetworks of one selection.
	MaxPolicyNetworks = 100
)

// Kind returns KindPolicy.
func (PolicySpec) Kind() Kind { return KindPolicy }

// Writer returns Operator, and Admin for a policy of the admin tier.
func (s PolicySpec) Writer() Role {
	if s.Tier == TierAdmin {
		return Admin
	}
	return Operator
}

// References yields the networks and port groups that the subject and the peers name.
func (s PolicySpec) References() iter.Seq2[string, Ref] {
	return func(yield func(string, Ref) bool) {
		if !s.Subject.references("spec.subject", yield) {
			return
		}
		for _, d := range PolicyDirections() {
			for i, r := range s.Rules(d) {
				for j, p := range r.Peers {
					if !p.references(fmt.Sprintf("spec.%s[%d].peers[%d]", d, i, j), yield) {
						return
					}
				}
			}
		}
	}
}

// Rules returns the rules of a direction, in order.
func (s PolicySpec) Rules(d PolicyDirection) []PolicyRule {
	if d == Ingress {
		return s.Ingress
	}
	return s.Egress
}

// IsolatesIn reports whether the policy denies in a direction what no rule decides.
func (s PolicySpec) IsolatesIn(d PolicyDirection) bool { return slices.Contains(s.Isolates, d) }

// Keeps reports whether the policy keeps connections in a direction that its rules have
// allowed. One in shadow mode keeps none.
func (s PolicySpec) Keeps(d PolicyDirection) bool {
	return s.OnChange == OnChangeKeep && s.Mode != ModeShadow && (len(s.Rules(d)) > 0 || s.IsolatesIn(d))
}

// NamesPorts reports whether a rule names ports of its destinations.
func (s PolicySpec) NamesPorts() bool {
	for _, d := range PolicyDirections() {
		for _, r := range s.Rules(d) {
			if slices.ContainsFunc(r.Ports, func(p PolicyPort) bool { return p.Name != "" }) {
				return true
			}
		}
	}
	return false
}

// Mixed reports whether a direction has a rule with another action than allow, so that the
// order of its rules matters.
func (s PolicySpec) Mixed(d PolicyDirection) bool {
	return slices.ContainsFunc(s.Rules(d), func(r PolicyRule) bool { return r.Action != ActionAllow })
}

// Normal implements Spec. It fills in the tier, the directions that are isolated and the
// actions of rules.
func (s PolicySpec) Normal(bad Reporter) Spec {
	if s.Tier == "" {
		s.Tier = TierApplication
	}
	if !slices.Contains(PolicyTiers(), s.Tier) {
		bad(Invalid, "spec.tier", fmt.Sprintf("%q is not a tier", s.Tier), fmt.Sprintf("write %s, %s or %s", TierAdmin, TierApplication, TierBaseline))
	}
	if s.Priority < 0 || s.Priority > MaxPolicyPriority {
		bad(Invalid, "spec.priority", fmt.Sprintf("%d is out of range", s.Priority), fmt.Sprintf("give 0 to %d; the lowest is evaluated first", MaxPolicyPriority))
	}
	switch s.Mode {
	case ModeEnforce:
		s.Mode = ""
	case "", ModeShadow:
	default:
		bad(Invalid, "spec.mode", fmt.Sprintf("%q is not a mode", s.Mode), fmt.Sprintf("write %s or %s", ModeEnforce, ModeShadow))
	}
	switch s.OnChange {
	case OnChangeCut:
		s.OnChange = ""
	case "", OnChangeKeep:
	default:
		bad(Invalid, "spec.onChange", fmt.Sprintf("%q is not what can become of connections", s.OnChange), fmt.Sprintf("write %s or %s", OnChangeCut, OnChangeKeep))
	}
	if len(s.Ingress)+len(s.Egress)+len(s.Isolates) == 0 {
		bad(Invalid, "spec", "does nothing: it has no rules and isolates nothing", "give ingress or egress rules, or isolates: [ingress] to deny everything to the subject")
	}
	if s.Subject.isZero() {
		bad(Invalid, "spec.subject", "selects nothing", "give a selector, such as matchLabels: {app: web}, a portGroup or networks; selector: {} for all ports")
	}
	s.Subject = s.Subject.normal("spec.subject", bad)
	s.Ingress = s.normalRules(Ingress, bad)
	s.Egress = s.normalRules(Egress, bad)
	s.Isolates = s.normalIsolates(bad)
	return s
}

// normalIsolates returns the directions that are isolated, ingress first.
func (s PolicySpec) normalIsolates(bad Reporter) []PolicyDirection {
	all := []PolicyDirection{}
	for _, d := range PolicyDirections() {
		if s.IsolatesIn(d) || s.Isolates == nil && s.Tier == TierApplication && len(s.Rules(d)) > 0 {
			all = append(all, d)
		}
	}
	for i, d := range s.Isolates {
		at := fmt.Sprintf("spec.isolates[%d]", i)
		if !slices.Contains(PolicyDirections(), d) {
			bad(Invalid, at, fmt.Sprintf("%q is not a direction", d), fmt.Sprintf("write %s or %s", Ingress, Egress))
		} else if slices.Contains(s.Isolates[:i], d) {
			bad(Invalid, at, fmt.Sprintf("%s is listed twice", d), "list it once")
		}
	}
	return all
}

// normalRules checks the rules of a direction, and returns a copy of them.
func (s PolicySpec) normalRules(d PolicyDirection, bad Reporter) []PolicyRule {
	field := "spec." + string(d)
	rules := cloned(s.Rules(d))
	if n := len(rules); n > MaxPolicyRules {
		bad(Invalid, field, fmt.Sprintf("%d rules, at most %d are allowed", n, MaxPolicyRules), "join rules that differ in their peers or ports only, or split the policy")
		return nil
	}
	mixed := false
	for i := range rules {
		at := fmt.Sprintf("%s[%d]", field, i)
		rules[i] = rules[i].normal(at, bad)
		mixed = mixed || rules[i].Action != ActionAllow
		if rules[i].Action == ActionPass && s.Tier == TierBaseline {
			bad(Invalid, at+".action", "no tier comes after the baseline tier, to which pass could leave the decision", fmt.Sprintf("write %s, %s or %s", ActionAllow, ActionDeny, ActionReject))
		}
	}
	if n := len(rules); mixed && n > MaxMixedRules {
		bad(Invalid, field, fmt.Sprintf("%d rules, at most %d are allowed where one of them does not allow", n, MaxMixedRules), "split the policy into several of different priority")
	}
	return rules
}

// ComparePolicies orders policies of one direction as they are evaluated: by tier and
// priority, and among equals first those whose rules do not all allow.
func ComparePolicies(a, b PolicySpec, d PolicyDirection) int {
	last := func(s PolicySpec) int {
		if s.Mixed(d) {
			return 0
		}
		return 1
	}
	return cmp.Or(slices.Index(PolicyTiers(), a.Tier)-slices.Index(PolicyTiers(), b.Tier), a.Priority-b.Priority, last(a)-last(b))
}
