package main

import (
	"net"
	"time"

	"github.com/sdnctl/sdnctl/controller/enroll"
)

// registrar returns who invites machines and gives nodes certificates, or why
// nobody can.
func (s *security) registrar(o options, notes enroll.Notes, ls *listeners) (r *enroll.Registrar, why string, err error) {
	switch {
	case s.own == nil && o.insecure:
		return nil, "it runs with --insecure and has no CA; start it without --insecure", nil
	case s.own == nil:
		return nil, "it does not have the key of its CA (--tls-cert); make the node's certificate where that key is, with 'sdnctl pki node NAME'", nil
	case o.apiListen == "" || o.apiInsecure:
		return nil, "it does not serve its API by TLS, which nodes need to ask for certificates; start it with --api-listen " + apiDefault + " and without --api-insecure", nil
	}
	invitations, err := enroll.OpenInvitations(notes, time.Now)
	if err != nil {
		return nil, "", err
	}
	reach := enroll.Reach{OpenFlowPort: portOf(ls.openflow), OVSDBPort: portOf(ls.ovsdb), Bridge: o.bridge}
	listen := net.IP(nil)
	for _, ln := range ls.api {
		if a, ok := ln.Addr().(*net.TCPAddr); ok {
			reach.APIPort, listen = portOf(ln), a.IP
		}
	}
	return &enroll.Registrar{Authority: s.own, Invitations: invitations, Reach: func() enroll.Reach {
		now := reach
		now.Addresses = addressesOf(listen)
		return now
	}}, "", nil
}

// addressesOf returns where others reach what listens on an address.
func addressesOf(listen net.IP) (out []string) {
	if listen != nil && !listen.IsUnspecified() {
		return []string{listen.String()}
	}
	for _, a := range enroll.Addresses() {
		out = append(out, a.String())
	}
	if len(out) == 0 {
		out = append(out, "127.0.0.1") // a machine by itself
	}
	return out
}

// portOf returns the TCP port of a listener, 0 for none.
func portOf(ln net.Listener) uint16 {
	if ln == nil {
		return 0
	}
	if a, ok := ln.Addr().(*net.TCPAddr); ok {
		return uint16(a.Port)
	}
	return 0
}
