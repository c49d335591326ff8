// Package openflow has the messages of OpenFlow 1.3 as Open vSwitch speaks it. It
// does no I/O: conversations are package session's. It has two layers, the first of
// use without the second:
//
//   - A flow as a value: Match, Actions and Instructions are bytes of the wire
//     that methods append to, Flow puts them together, and String prints them as
//     ovs-ofctl would.
//   - Messages: a struct for each, with AppendBinary one way and DecodeMessage
//     the other.
//
// The specification is cited as "OpenFlow 1.3.5, 7.3.4.1", Nicira's extensions by
// the file of Open vSwitch that defines them, and fields by their names in
// ovs-fields(7).
//
// # Flows
//
// A flow that lets a container's packets into the pipeline:
//
//	f := openflow.Flow{
//		Table:    0,
//		Priority: 100,
//		Match:    openflow.Match(nil).EthType(0x0800).InPort(3).EthSrc(mac),
//		Instructions: openflow.Instructions(nil).
//			ApplyActions(openflow.Actions(nil).SetMetadata(5001)).
//			GotoTable(10),
//	}
//	b = f.AppendAdd(b, xid)
//
// Appending to buffers with room allocates nothing. The bytes are the same for
// every switch, so a flow is encoded once and sent many times.
//
// # Bytes of others
//
// What a switch sends is not trusted: every field is checked before it is read,
// nested lengths are bounded by what is around them, entries of no length are
// refused, and nothing is allocated for a length that a message only claims.
// What is not known (match fields, actions, instructions, messages, extensions)
// is kept as it is, so that it can be encoded again. Decoded messages alias the
// bytes that they were decoded from.
//
// Errors name the field, from the outside in: "flow_mod: instructions:
// instruction 0 (apply_actions): action 0 (set_field): value: message is cut
// short". They wrap ErrTruncated, ErrBadLength, ErrBadValue, ErrVersion or
// ErrTooLong.
//
// # To add a message
//
//  1. Give it a file, with a struct that embeds Header and a comment that cites
//     the section. Constants for its enumerations go beside it.
//  2. Write Type, AppendBinary (begin, append, end) and decode (a reader's methods
//     in the order of the wire, then finish, or rest if bytes may follow).
//  3. Name it in newMessage or, if it is an experimenter's, in known.
//  4. Add it to samples in samples_test.go, with every field set and what
//     ovs-ofctl ofp-print says of it. The tests of round trips, prefixes, fuzzing
//     and ovs-ofctl all run over that list.
//  5. Add a line to TestWireBytes with bytes written by hand from the
//     specification.
//
// A kind of multipart body needs neither 1 nor 3: a struct with AppendBinary, a
// method of MultipartReply that decodes it, and an entry in TestMultipartBodies
// and TestMultipartErrors.
//
// # To add a match field
//
//  1. Add its header to the constants in field.go: class, number and length, with
//     its name in ovs-fields(7) in the comment.
//  2. Add a line to newFields in field_table.go, at the place where match_format
//     in Open vSwitch prints it. TestFieldsAsOVSHasThem and TestFieldBits then
//     compare its names, its form and its width with ovs-ofctl's.
//  3. Add a method to Match and, if it can be set, to Actions.
//  4. Add a flow that uses them to flowKinds in kinds_test.go, and one in
//     ovs-ofctl's words to testdata/ovs/flows.txt; go test -update records it.
//
// # To add an action
//
//  1. Add its type or subtype to action.go, and a method to Actions.
//  2. Add its length to checkAction if it has a fixed one, and its text to
//     appendAction or appendNicira.
//  3. Proceed as in step 4 above.
package openflow
