package integration

import (
	"bytes"
	"errors"
	"io"
	"net/netip"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/sdnctl/sdnctl/integration/lab"
)

// bothFamilies adds IPv6 to each network of a manifest: an IPv6 subnet for each IPv4
// subnet. Most tests run in such a bed: a matrix and a probe use each family.
func bothFamilies(t testing.TB, manifest string) string {
	t.Helper()
	in, out := yaml.NewDecoder(strings.NewReader(manifest)), new(bytes.Buffer)
	enc := yaml.NewEncoder(out)
	for {
		var object map[string]any
		err := in.Decode(&object)
		if errors.Is(err, io.EOF) {
			break
		}
		if err == nil && object["kind"] == "Network" {
			widen(t, object["spec"].(map[string]any))
		}
		if err == nil {
			err = enc.Encode(object)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := enc.Close(); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// widen gives the spec of a network an IPv6 subnet for each that it has.
func widen(t testing.TB, spec map[string]any) {
	t.Helper()
	subnets, _ := spec["subnets"].([]any)
	if cidr, ok := spec["cidr"]; ok {
		subnets = append(subnets, map[string]any{"cidr": cidr})
		delete(spec, "cidr")
	}
	bits := 64
	if spec["mode"] == "segmented" {
		bits = 48
	}
	for _, s := range subnets {
		p, err := netip.ParsePrefix(s.(map[string]any)["cidr"].(string))
		if err != nil {
			t.Fatal(err)
		}
		subnets = append(subnets, map[string]any{"cidr": sixFor(p, bits).String()})
	}
	spec["subnets"] = subnets
}

// sixFor is the IPv6 prefix that goes with an IPv4 one: fd00 and its first three bytes.
func sixFor(p netip.Prefix, bits int) netip.Prefix {
	a := p.Addr().As4()
	return netip.PrefixFrom(netip.AddrFrom16([16]byte{0xfd, 2: a[0], 3: a[1], 5: a[2]}), bits)
}

// widened gives running containers the IPv6 addresses that their ports have got.
func (b *bed) widened(all ...*lab.Container) {
	b.t.Helper()
	for _, c := range all {
		p, err := b.api.Port(b.ctx, c.Name)
		b.must(err)
		n, err := b.api.Network(b.ctx, p.Spec.Network)
		b.must(err)
		for _, a := range p.Status.Links() {
			ip, gateway, err := link(a, n)
			b.must(err)
			if !c.Has(ip.Addr()) {
				b.must(c.AddLink(b.ctx, ip, gateway))
			}
		}
	}
}
