package membership

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/sdnctl/sdnctl/controller/api"
	"github.com/sdnctl/sdnctl/controller/pki"
)

// The names of the node's files in Host.Dir.
const (
	configFile = "node.yaml"
	// The files of a certificate from an invitation.
	caFile   = "node-ca.crt"
	certFile = "node.crt"
	keyFile  = "node.key"
)

// Config has the name of the machine's node and the settings to reach sdnd. It is the content
// of the file node.yaml, which joining with a certificate writes.
type Config struct {
	// Node is the node's name.
	Node string `yaml:"node"`
	// Host is the address of sdnd's API, such as https://192.168.50.10:8453.
	Host string `yaml:"host"`
	// CA, Cert and Key are the paths of sdnd's certificate authority, of the node's
	// certificate and of its key.
	CA   string `yaml:"ca"`
	Cert string `yaml:"cert"`
	Key  string `yaml:"key"`
	// Bridge is the node's integration bridge.
	Bridge string `yaml:"bridge"`
}

// files returns the files of the node's certificate.
func (c Config) files() pki.Files { return pki.Files{CA: c.CA, Cert: c.Cert, Key: c.Key} }

// ConfigFile returns the path of node.yaml.
func (h Host) ConfigFile() string { return h.file(configFile) }

// Config reads node.yaml. The error is [fs.ErrNotExist] if the file does not exist: the machine
// is not a node, or it joined without a certificate.
func (h Host) Config() (Config, error) {
	data, err := os.ReadFile(h.ConfigFile())
	if err != nil {
		return Config{}, err
	}
	c := Config{Bridge: DefaultBridge}
	dec := yaml.NewDecoder(bytes.NewReader(data))
	dec.KnownFields(true)
	if err := dec.Decode(&c); err != nil {
		return Config{}, fmt.Errorf("%s: %w", h.ConfigFile(), err)
	}
	if c.Node == "" || c.Host == "" {
		return Config{}, fmt.Errorf("%s: node or host is missing: join again, or add them", h.ConfigFile())
	}
	return c, nil
}

// WriteConfig writes node.yaml atomically.
func (h Host) WriteConfig(c Config) error {
	var b bytes.Buffer
	b.WriteString("# How this node reaches sdnd. Written by 'sdnctl node join'.\n")
	enc := yaml.NewEncoder(&b)
	enc.SetIndent(2)
	if err := errors.Join(enc.Encode(c), enc.Close()); err != nil {
		return err
	}
	if err := os.MkdirAll(h.dir(), 0o755); err != nil {
		return err
	}
	return pki.WriteFile(h.ConfigFile(), b.Bytes(), 0o644)
}

// Client returns a client of sdnd's API for programs on the node. It uses node.yaml and the
// node's certificate. Without node.yaml it uses sdnd's socket on this machine, and the Config
// is empty. If there is no socket either, the error is an [Error] with NotNode. Client does not
// connect yet.
func (h Host) Client() (*api.Client, Config, error) {
	c, err := h.Config()
	if errors.Is(err, fs.ErrNotExist) {
		client, err := h.local()
		if client == nil && err == nil {
			err = fault(NotNode, "this machine has not joined as a node with a certificate: there is no %s; run 'sdnctl node invite NAME' on the controller, and the line that it prints here (or give --host)", h.ConfigFile())
		}
		return client, Config{}, err
	}
	if err != nil {
		return nil, Config{}, err
	}
	client, err := h.clientOf(c)
	return client, c, err
}

// clientOf returns a client that authenticates with the node's certificate.
func (h Host) clientOf(c Config) (*api.Client, error) {
	config, err := c.files().ClientTLS(c.Host)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", h.ConfigFile(), err)
	}
	return api.NewClient(c.Host, api.ClientOptions{TLS: config, Author: h.Author})
}

// local returns a client of the sdnd on this machine; nil if sdnd has no socket here.
func (h Host) local() (*api.Client, error) {
	if _, err := os.Stat(strings.TrimPrefix(api.DefaultHost, "unix://")); err != nil {
		return nil, nil
	}
	return api.NewClient(api.DefaultHost, api.ClientOptions{Author: h.Author})
}

// forget removes node.yaml and the files of a certificate from an invitation, if they exist.
func (h Host) forget() error {
	var all error
	for _, name := range []string{configFile, caFile, certFile, keyFile} {
		if err := os.Remove(h.file(name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			all = errors.Join(all, err)
		}
	}
	return all
}
