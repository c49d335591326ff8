// Package nameserver answers DNS questions of ports (RFC 1034, RFC 1035): names of the
// ports and services that are declared, and of their addresses. An [Answer] is a function
// of the snapshot and the question, so a name is known with the commit that declares it.
//
// A name is NAME.DOMAIN, with the domain of a network that the asking port's router joins.
// Nobody learns names of other routing domains. All below such a domain, and the names of
// all addresses of such networks, are answered here: what does not exist is said not to
// exist, and is asked nowhere else. Everything else is for [Upstream].
//
// Nobody answers TCP. So an answer that is too long for the asker is cut without being
// marked as truncated, as long as it has at least one record.
package nameserver
