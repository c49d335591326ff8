package integration

import (
	"errors"
	"strings"
	"syscall"
	"testing"
)

// servicesErrors: P-ICM-01: an ICMP error about a packet that a service translated reaches the socket
// that sent it, since both of its headers have the service's address. Here the backend says that
// nothing listens at its port.
func servicesErrors(t *testing.T, b *serviceBed) {
	defer b.apply(serviceWeb(allWeb))
	for _, backend := range []string{"web1", "web2", "web3"} {
		b.apply(strings.ReplaceAll(serviceWeb("{endpoints: [{port: "+backend+"}]}"), "targetPort: 8080", "targetPort: 8098"))
		b.revalidated()
		for _, client := range []string{"near", "pod", "far"} {
			for _, way := range addresses(b.hosts[client]) {
				if way[0] != "udp" {
					continue
				}
				c, err := b.connect(b.hosts[client], way[0], way[1], 0)
				b.must(err)
				if _, _, err := ask(c); !errors.Is(err, syscall.ECONNREFUSED) {
					t.Errorf("%s asks %s, whose backend %s has a closed port: %v, want that it is refused", client, way[1], backend, err)
				}
				b.must(c.Close())
			}
		}
	}
}
