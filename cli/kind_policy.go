package cli

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/sdnctl/sdnctl/controller/api"
	"github.com/sdnctl/sdnctl/topology/model"
)

type policyView = view[model.PolicySpec, api.PolicyStatus]

func policyKind() kindDef {
	columns := []column[policyView]{
		{header: "TIER", cell: func(v policyView) string { return string(v.spec.Tier) }},
		{header: "PRIORITY", cell: func(v policyView) string { return fmt.Sprint(v.spec.Priority) }},
		{header: "SUBJECT", cell: func(v policyView) string { return selectionText(v.spec.Subject) }},
		{header: "PORTS", cell: func(v policyView) string { return fmt.Sprint(v.status.Subject.Count) }},
		{header: "ISOLATES", cell: func(v policyView) string { return directionsText(v.spec.Isolates) }},
		{header: "MODE", cell: func(v policyView) string { return string(cmp.Or(v.spec.Mode, model.ModeEnforce)) }},
		{header: "RULES", cell: func(v policyView) string { return fmt.Sprint(v.status.Rules) }},
	}
	return kindDef{
		kind:     api.KindPolicy,
		is:       "a set of rules that say who may talk to the ports that it selects, and to whom these may talk",
		flags:    policyFlags,
		print:    tablePrinter(columns),
		details:  detailPrinter(columns, policyDetails),
		optional: "tier",
		required: []string{"subject"},
		example:  "web --subject app=web --allow-from app=lb --ports tcp/80",
		change:   "web --ports tcp/80,tcp/443",
		more:     showPolicyCounters,
		verbs: func(a *app) []*cobra.Command {
			return []*cobra.Command{newPolicyCountersCmd(a), newPolicyDenialsCmd(a)}
		},
		pin: pinning(func(*model.PolicySpec, api.PolicyStatus) error { return nil }),
	}
}

func policyFlags(a *app, cmd *cobra.Command) specFlags {
	return addSpecFlags(a, cmd, []specFlag[model.PolicySpec]{
		{name: "subject", usage: "ports that the policy applies to, as a `selector` such as app=web; '*' for all, group:NAME or network:NAME", set: setPolicySubject},
		{name: "tier", usage: "`tier` of the policy: admin, application (the default) or baseline", fixed: []string{string(model.TierAdmin), string(model.TierApplication), string(model.TierBaseline)},
			set: func(s *model.PolicySpec, text string, _ bool) error { return s.Tier.UnmarshalText([]byte(text)) }},
		{name: "priority", usage: "order within the tier, as a `number` from 0 to 1000; the lowest is evaluated first", set: setPolicyPriority},
		{name: "mode", usage: "`mode`: enforce, or shadow, in which the policy only counts what it would decide", fixed: []string{string(model.ModeEnforce), string(model.ModeShadow)},
			set: func(s *model.PolicySpec, text string, _ bool) error { return s.Mode.UnmarshalText([]byte(text)) }},
		{name: "on-change", usage: "what happens to connections that rules of the policy no longer allow, as an `action`: cut (the default) or keep", fixed: []string{string(model.OnChangeCut), string(model.OnChangeKeep)},
			set: func(s *model.PolicySpec, text string, _ bool) error { return s.OnChange.UnmarshalText([]byte(text)) }},
		boolFlag("log-denials", "whether sdnd logs the connections that the policy denies: true or false (default false)", func(s *model.PolicySpec) *bool { return &s.LogDenials }),
		{name: "isolate", usage: "`direction` in which everything else is denied: ingress, egress or none; may be repeated, or both separated by a comma", many: true, fixed: []string{string(model.Ingress), string(model.Egress), isolateNone}, set: setPolicyIsolates},
		{name: "allow-from", usage: "who may talk to the subject: a `peer` such as app=lb, '*', group:NAME, network:NAME, node:* (the nodes themselves) or 192.0.2.0/24; may be repeated. Replaces the ingress rule", many: true,
			set: func(s *model.PolicySpec, text string, first bool) error {
				return setPolicyPeer(&s.Ingress, model.Ingress, text, first)
			}},
		{name: "allow-to", usage: "to whom the subject may talk, as a `peer`; may be repeated. Replaces the egress rule", many: true,
			set: func(s *model.PolicySpec, text string, first bool) error {
				return setPolicyPeer(&s.Egress, model.Egress, text, first)
			}},
		{name: "ports", usage: "`ports` of the one rule, such as tcp/80, udp/5000-5010 or icmp; may be repeated, or several separated by commas. Without a rule: from any address", many: true, set: setPolicyPorts},
	})
}

// isolateNone is the value of --isolate that stands for no direction.
const isolateNone = "none"

func setPolicySubject(s *model.PolicySpec, text string, _ bool) (err error) {
	s.Subject, err = parseSelection(text)
	return err
}

func setPolicyPriority(s *model.PolicySpec, text string, _ bool) (err error) {
	if s.Priority = model.DefaultPolicyPriority; text != "" {
		s.Priority, err = wholeNumber(text)
	}
	return err
}

func setPolicyIsolates(s *model.PolicySpec, text string, first bool) error {
	if first {
		s.Isolates = nil
	}
	if text == isolateNone {
		s.Isolates = []model.PolicyDirection{}
		return nil
	}
	for _, d := range strings.Split(text, ",") {
		if d != "" {
			s.Isolates = append(s.Isolates, model.PolicyDirection(strings.ToLower(d)))
		}
	}
	return nil
}

// setPolicyPeer adds a peer to the one rule of a direction, which allows.
func setPolicyPeer(rules *[]model.PolicyRule, d model.PolicyDirection, text string, first bool) error {
	if len(*rules) > 1 || len(*rules) == 1 && (*rules)[0].Action != "" && (*rules)[0].Action != model.ActionAllow {
		return fmt.Errorf("the policy has %s rules that cannot be given by flags; change them in a file, with 'sdnctl apply -f'", d)
	}
	if text == "" {
		*rules = nil
		return nil
	}
	peer, err := parsePeer(text)
	if err != nil {
		return err
	}
	if len(*rules) == 0 {
		*rules = []model.PolicyRule{{Action: model.ActionAllow}}
	}
	r := &(*rules)[0]
	if first {
		r.Peers = nil
	}
	r.Peers = append(r.Peers, peer)
	return nil
}

// setPolicyPorts adds ports to the one rule.
func setPolicyPorts(s *model.PolicySpec, text string, first bool) error {
	if len(s.Ingress)+len(s.Egress) == 0 {
		s.Ingress = []model.PolicyRule{{Action: model.ActionAllow}}
	}
	rules := slices.Concat(s.Ingress, s.Egress)
	if len(rules) > 1 {
		return fmt.Errorf("the policy has several rules; give their ports in a file, with 'sdnctl apply -f'")
	}
	r := &rules[0]
	if first {
		r.Ports = nil
	}
	for _, t := range strings.Split(text, ",") {
		var p model.PolicyPort
		if err := model.SetText(&p, t); err != nil {
			return err
		}
		if p != (model.PolicyPort{}) {
			r.Ports = append(r.Ports, p)
		}
	}
	if len(s.Ingress) > 0 {
		s.Ingress = rules
	} else {
		s.Egress = rules
	}
	return nil
}

// parseSelection parses a selection of ports in a flag: a selector, '*', group:NAME or
// network:NAME.
func parseSelection(text string) (s model.PolicySelection, err error) {
	kind, name, named := strings.Cut(text, ":")
	switch {
	case text == "":
		return s, nil
	case named && kind == "group":
		s.PortGroup = name
		return s, nil
	case named && kind == "network":
		s.Networks = strings.Split(name, ",")
		return s, nil
	}
	selector, err := model.ParseSelector(strings.TrimPrefix(text, "*"))
	s.Selector = &selector
	return s, err
}

// peerNodes is the value of a flag that stands for the nodes themselves as peers.
const peerNodes = "node:*"

// parsePeer parses a peer in a flag: a selection, addresses, or the nodes.
func parsePeer(text string) (p model.PolicyPeer, err error) {
	if text == peerNodes {
		return model.PolicyPeer{Node: true}, nil
	}
	if p.CIDR, err = netip.ParsePrefix(text); err == nil {
		return p, nil
	}
	if a, err := netip.ParseAddr(text); err == nil {
		return model.PolicyPeer{CIDR: netip.PrefixFrom(a, a.BitLen())}, nil
	}
	p.PolicySelection, err = parseSelection(text)
	return p, err
}

// selectionText returns a selection in the syntax of parseSelection, or several of them.
func selectionText(s model.PolicySelection) string {
	var parts []string
	if s.Selector != nil {
		text := s.Selector.String()
		if text == "" {
			text = "*"
		}
		parts = append(parts, text)
	}
	if s.PortGroup != "" {
		parts = append(parts, "group:"+s.PortGroup)
	}
	if len(s.Networks) > 0 {
		parts = append(parts, "network:"+strings.Join(s.Networks, ","))
	}
	return strings.Join(parts, " and ")
}

func directionsText(all []model.PolicyDirection) string {
	if len(all) == 0 {
		return isolateNone
	}
	return listText(all, ",", func(d model.PolicyDirection) string { return string(d) })
}

func listText[T any](all []T, separator string, text func(T) string) string {
	parts := make([]string, len(all))
	for i, one := range all {
		parts[i] = text(one)
	}
	return strings.Join(parts, separator)
}

// policyDetails are the number, the ports and a line for each rule.
func policyDetails(v policyView) [][2]string {
	selects := strings.Join(v.status.Subject.Ports, ", ")
	if selects == "" {
		selects = "no port; policies apply to ports only, never to a node itself"
	}
	lines := [][2]string{{"number", fmt.Sprint(v.status.ID)}, {"selects", selects}}
	if v.status.Subject.Continue != "" {
		lines = append(lines, [2]string{"more", "sdnctl port list --policy " + v.Name})
	}
	if v.spec.OnChange == model.OnChangeKeep {
		lines = append(lines, [2]string{"on change", "keeps the connections that its rules have allowed"})
	}
	if v.spec.LogDenials {
		lines = append(lines, [2]string{"denials", "logged by sdnd"})
	}
	for _, d := range model.PolicyDirections() {
		for i, r := range v.spec.Rules(d) {
			lines = append(lines, [2]string{fmt.Sprintf("%s %d", d, i+1), ruleText(d, r)})
		}
	}
	return lines
}

// ruleText describes a rule: "allow from app=lb: tcp/80 (the load balancer)".
func ruleText(d model.PolicyDirection, r model.PolicyRule) string {
	way, peers, ports := "from", "any address", "any protocol"
	if d == model.Egress {
		way = "to"
	}
	if len(r.Peers) > 0 {
		peers = listText(r.Peers, "; ", peerText)
	}
	if len(r.Ports) > 0 {
		ports = listText(r.Ports, ", ", model.PolicyPort.String)
	}
	text := fmt.Sprintf("%s %s %s: %s", r.Action, way, peers, ports)
	if r.Name != "" {
		text += " (" + r.Name + ")"
	}
	return text
}

func peerText(p model.PolicyPeer) string {
	if p.Node {
		return peerNodes
	}
	if !p.CIDR.IsValid() {
		return selectionText(p.PolicySelection)
	}
	if len(p.Except) == 0 {
		return p.CIDR.String()
	}
	return p.CIDR.String() + " except " + listText(p.Except, ", ", netip.Prefix.String)
}
