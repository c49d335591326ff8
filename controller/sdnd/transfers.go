package main

import (
	"errors"
	"fmt"
	"log/slog"
	"strings"

	"github.com/miekg/dns"

	"github.com/sdnctl/sdnctl/controller/zonetransfer"
)

// openTransferKeys reads what the options say about zone transfers. An error says which option to change.
func openTransferKeys(o options, log *slog.Logger) (c zonetransfer.Config, err error) {
	if o.dnsTransferListen == "" {
		if o.dnsTransferKeys != "" || o.dnsTransferNameServers != "" {
			return c, errors.New("zones are not transferred without --dns-transfer-listen: give it, or leave the other options of zone transfers out")
		}
		return c, nil
	}
	if o.dnsTransferKeys == "" {
		return c, errors.New("--dns-transfer-listen gives names only to who has a key: make one by 'tsig-keygen NAME > FILE && chmod 600 FILE', and give --dns-transfer-keys FILE")
	}
	c.Logger = log
	if c.Keys, err = zonetransfer.OpenKeys(o.dnsTransferKeys, log); err != nil {
		return c, fmt.Errorf("--dns-transfer-keys: %w", err)
	}
	for name := range strings.SplitSeq(o.dnsTransferNameServers, ",") {
		name = strings.TrimSuffix(strings.ToLower(strings.TrimSpace(name)), ".")
		if name == "" {
			continue
		}
		if _, ok := dns.IsDomainName(name); !ok || strings.ContainsAny(name, " \t\\\"();@$") {
			return c, fmt.Errorf("--dns-transfer-name-servers: %q is not the name of a server; give full names, such as ns1.example.com", name)
		}
		c.NameServers = append(c.NameServers, name+".")
	}
	return c, nil
}
