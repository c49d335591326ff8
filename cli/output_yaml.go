package cli

import (
	"encoding/json"
	"io"
	"regexp"

	"go.yaml.in/yaml/v3"
)

// writeYAML writes v as YAML with the structure and field order of its JSON.
func writeYAML(w io.Writer, v any) error {
	n, err := yamlNode(v)
	if err != nil {
		return err
	}
	enc := yaml.NewEncoder(w)
	enc.SetIndent(2)
	if err := enc.Encode(n); err != nil {
		return err
	}
	return enc.Close()
}

// yamlNode turns v into a YAML node by way of its JSON.
func yamlNode(v any) (*yaml.Node, error) {
	b, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	var n yaml.Node
	if err := yaml.Unmarshal(b, &n); err != nil {
		return nil, err
	}
	plain(&n)
	return &n, nil
}

// plain removes JSON's quotes and braces. Text that a reader of YAML 1.1 would take for
// another type stays quoted, in keys and in values.
func plain(n *yaml.Node) {
	n.Style = 0
	if n.Kind == yaml.ScalarNode && n.Tag == "!!str" && ambiguous.MatchString(n.Value) {
		n.Style = yaml.DoubleQuotedStyle
	}
	if (n.Kind == yaml.MappingNode || n.Kind == yaml.SequenceNode) && len(n.Content) == 0 {
		n.Style = yaml.FlowStyle
	}
	for _, c := range n.Content {
		plain(c)
	}
}

// ambiguous matches text that YAML 1.1 (yaml.org/type: bool, int, float, merge, value)
// takes for another type than text, and that the encoder, which follows YAML 1.2, does not
// quote. Readers of YAML 1.1 are PyYAML, and so Ansible, and other users of libyaml. Digits
// with colons are numbers in base 60, and some MAC addresses have that form.
var ambiguous = regexp.MustCompile(`^(?i:y|yes|n|no|on|off|true|false|null|~|=|<<|` +
	`[-+]?[0-9][0-9_]*(:[0-9]+)*(\.[0-9_]*)?(e[-+]?[0-9]+)?|[-+]?\.[0-9_]+(e[-+]?[0-9]+)?|` +
	`[-+]?0b[01_]+|[-+]?0x[0-9a-f_]+|[-+]?0o[0-7_]+|[-+]?\.(inf|nan))$`)
