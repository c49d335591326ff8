package membership

import (
	"context"
	"crypto/tls"
	"log/slog"
	"net"
	"net/netip"
	"slices"

	"github.com/sdnctl/sdnctl/controller/pki"
)

// sdndAddresses returns the addresses of sdnd's machine: the one that the node uses, and those in sdnd's
// certificate, which has all addresses of its machine.
func (j Join) sdndAddresses(ctx context.Context) []netip.Addr {
	all := []netip.Addr{j.Controller.Unmap()}
	if !j.secure() || j.Offline || j.Blind && !j.redeemed {
		return all
	}
	found, err := j.certified(ctx)
	if err != nil {
		j.Host.note("note: only %s is known of sdnd's addresses, so ports reach sdnd by its others: %v; join again when sdnd is reached", all[0], err)
	}
	for _, a := range found {
		if !slices.Contains(all, a) {
			all = append(all, a)
		}
	}
	return all
}

// certified returns the addresses in the certificate of sdnd's API.
func (j Join) certified(ctx context.Context) (all []netip.Addr, err error) {
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	source, err := pki.Open(j.Files, slog.New(slog.DiscardHandler))
	if err != nil {
		return nil, err
	}
	dialer := tls.Dialer{NetDialer: &net.Dialer{}, Config: source.Client(j.Controller.String())}
	conn, err := dialer.DialContext(ctx, "tcp", j.endpoint(j.APIPort))
	if err != nil {
		return nil, err
	}
	for _, ip := range conn.(*tls.Conn).ConnectionState().PeerCertificates[0].IPAddresses { // there is one, as it was verified
		if a, ok := netip.AddrFromSlice(ip); ok && !a.Unmap().IsLoopback() {
			all = append(all, a.Unmap())
		}
	}
	return all, conn.Close()
}

// ofFamily lists the addresses of IPv4, or of IPv6, as nft reads a set of them.
func ofFamily(all []netip.Addr, six bool) (text string) {
	for _, a := range all {
		if a.Is6() != six {
			continue
		}
		if text != "" {
			text += ", "
		}
		text += a.String()
	}
	return text
}
