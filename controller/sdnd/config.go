package main

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/spf13/pflag"
	"go.yaml.in/yaml/v3"
)

// readConfig sets the flags that were not given from a configuration file: the
// one named, which must exist, or the default one.
func readConfig(path string, flags *pflag.FlagSet) error {
	data, err := os.ReadFile(cmp.Or(path, defaultConfig))
	switch {
	case errors.Is(err, fs.ErrNotExist) && path == "":
		return nil
	case err != nil:
		return fmt.Errorf("configuration: %w", err)
	}
	if err := setFlags(data, flags); err != nil {
		return fmt.Errorf("configuration %s: %w", cmp.Or(path, defaultConfig), err)
	}
	return nil
}

// setFlags reads YAML in which each key is the name of a flag, and sets those
// that were not given. It reports all mistakes together.
func setFlags(data []byte, flags *pflag.FlagSet) error {
	var doc yaml.Node
	if err := yaml.NewDecoder(bytes.NewReader(data)).Decode(&doc); errors.Is(err, io.EOF) {
		return nil
	} else if err != nil {
		return err
	}
	root := doc.Content[0]
	if root.Kind == yaml.ScalarNode && root.Tag == "!!null" {
		return nil
	}
	if root.Kind != yaml.MappingNode {
		return fmt.Errorf("line %d: want lines of the form \"key: value\"", root.Line)
	}
	var mistakes []error
	given := map[string]bool{}
	for i := 0; i < len(root.Content); i += 2 {
		if err := setFlag(flags, given, root.Content[i], root.Content[i+1]); err != nil {
			mistakes = append(mistakes, fmt.Errorf("line %d: %w", root.Content[i].Line, err))
		}
	}
	return errors.Join(mistakes...)
}

func setFlag(flags *pflag.FlagSet, given map[string]bool, key, value *yaml.Node) error {
	flag := flags.Lookup(key.Value)
	switch {
	case flag == nil || key.Value == "config" || key.Value == "help" || key.Value == "version":
		return fmt.Errorf("unknown key %q; the keys are the flags that sdnd --help shows", key.Value)
	case given[key.Value]:
		return fmt.Errorf("%s is given twice", key.Value)
	case value.Kind != yaml.ScalarNode:
		return fmt.Errorf("%s: want one value", key.Value)
	}
	given[key.Value] = true
	if flag.Changed {
		return nil
	}
	if err := flag.Value.Set(value.Value); err != nil {
		return fmt.Errorf("%s: %q: %w", key.Value, value.Value, err)
	}
	return nil
}
