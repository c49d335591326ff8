package cli

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/sdnctl/sdnctl/controller/api"
	"github.com/sdnctl/sdnctl/controller/pki"
)

// defaultNodeDir is where a node keeps how it reaches sdnd; dirVar names the
// environment variable that says otherwise.
const (
	defaultNodeDir = "/etc/sdnctl"
	dirVar         = "SDNCTL_DIR"
)

// nodeConfig is how a machine that is a node reaches sdnd, and which node it is:
// the file node.yaml, written by "node join".
type nodeConfig struct {
	// Node is the node's name.
	Node string `yaml:"node"`
	// Host is the address of sdnd's API, such as https://192.168.50.10:8453.
	Host string `yaml:"host"`
	// CA, Cert and Key are files: sdnd's authority, and the node's certificate
	// with its key.
	CA   string `yaml:"ca"`
	Cert string `yaml:"cert"`
	Key  string `yaml:"key"`
	// Bridge is the node's integration bridge.
	Bridge string `yaml:"bridge"`
}

// nodeDir is the folder of the node's files.
func nodeDir(env Env) string { return cmp.Or(env.Getenv(dirVar), defaultNodeDir) }

func nodeFile(env Env, name string) string { return filepath.Join(nodeDir(env), name) }

// readNodeConfig reads node.yaml. The error of a machine that has none is
// fs.ErrNotExist.
func readNodeConfig(env Env) (nodeConfig, error) {
	name := nodeFile(env, "node.yaml")
	data, err := os.ReadFile(name)
	if err != nil {
		return nodeConfig{}, err
	}
	c := nodeConfig{Bridge: "br-int"}
	dec := yaml.NewDecoder(bytes.NewReader(data))
	dec.KnownFields(true)
	if err := dec.Decode(&c); err != nil {
		return nodeConfig{}, fmt.Errorf("%s: %w", name, err)
	}
	if c.Node == "" || c.Host == "" {
		return nodeConfig{}, fmt.Errorf("%s: node and host are missing: join again, or write them", name)
	}
	return c, nil
}

// write writes node.yaml.
func (c nodeConfig) write(env Env) error {
	var b bytes.Buffer
	b.WriteString("# How this node reaches sdnd. Written by 'sdnctl node join'.\n")
	enc := yaml.NewEncoder(&b)
	enc.SetIndent(2)
	if err := errors.Join(enc.Encode(c), enc.Close()); err != nil {
		return err
	}
	if err := os.MkdirAll(nodeDir(env), 0o755); err != nil {
		return err
	}
	return pki.WriteFile(nodeFile(env, "node.yaml"), b.Bytes(), 0o644)
}

// client makes a client of the node's sdnd that proves to be the node.
func (c nodeConfig) client(env Env) (*api.Client, error) {
	options := api.ClientOptions{Author: env.Author()}
	files := pki.Files{CA: c.CA, Cert: c.Cert, Key: c.Key}
	var err error
	if options.TLS, err = files.ClientTLS(c.Host); err != nil {
		return nil, fmt.Errorf("%s: %w", nodeFile(env, "node.yaml"), err)
	}
	return api.NewClient(c.Host, options)
}

// nodeClient makes the client of a command that works for the node it runs on:
// as the node, unless --host or SDNCTL_HOST names another way. On a machine
// that has no certificate of a node but runs sdnd it uses sdnd's socket.
func (a *app) nodeClient() (*api.Client, nodeConfig, error) {
	c, err := readNodeConfig(a.env)
	if a.host != "" || a.env.Getenv("SDNCTL_HOST") != "" {
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, nodeConfig{}, err
		}
		client, err := a.client()
		return client, c, err
	}
	if errors.Is(err, fs.ErrNotExist) {
		if _, err := os.Stat(strings.TrimPrefix(api.DefaultHost, "unix://")); err == nil {
			client, err := a.client()
			return client, nodeConfig{}, err
		}
		return nil, nodeConfig{}, fmt.Errorf("this machine has not joined as a node with a certificate: there is no %s; run 'sdnctl node invite NAME' on the controller, and here the line that it prints (or give --host)", nodeFile(a.env, "node.yaml"))
	}
	if err != nil {
		return nil, nodeConfig{}, err
	}
	client, err := c.client(a.env)
	return client, c, err
}

// forgetNode removes node.yaml, and the files of the certificate that an
// invitation gave; files that others made stay. That there is nothing is no
// error.
func forgetNode(env Env) error {
	var all error
	for _, name := range []string{"node.yaml", nodeCA, nodeCert, nodeKey} {
		if err := os.Remove(nodeFile(env, name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			all = errors.Join(all, err)
		}
	}
	return all
}

// The files of a certificate that an invitation gave, in the node's folder.
const (
	nodeCA   = "node-ca.crt"
	nodeCert = "node.crt"
	nodeKey  = "node.key"
)
