// Package traffic tests by packets what containers of a lab can exchange: whether a server
// answers, refuses or stays silent, for a whole matrix of clients, servers, protocols and
// ports at once, and what happens to live connections while something changes.
//
// A Host is a container with servers: echo servers for TCP and UDP, and one that answers
// the INIT of SCTP; its kernel answers pings. Ask opens a socket in the client's namespace
// for each Probe, all at once, and tries three times before it reports Timeout. Start
// begins a Stream, a TCP connection on which one side or both send every 2 ms; its Report
// has the longest gap and the number of lost segments.
//
// All sockets belong to the process that calls, in the namespaces of its lab:
// nothing is sent anywhere else.
package traffic
