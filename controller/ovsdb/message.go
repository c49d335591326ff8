package ovsdb

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// message is anything that a peer sends: a request, a notification (a request
// whose id is null) or a response (RFC 7047, section 4, after JSON-RPC 1.0).
type message struct {
	Method string          `json:"method"`
	Params json.RawMessage `json:"params"`
	ID     json.RawMessage `json:"id"`
	Result json.RawMessage `json:"result"`
	Error  json.RawMessage `json:"error"`

	// large is what the message takes from the pool until it has been handled; nil for a
	// small one.
	large *large
}

// request is a request of ours.
type request struct {
	Method string `json:"method"`
	Params any    `json:"params"`
	ID     any    `json:"id"`
}

// response is our answer to a request; ID is the request's, untouched.
type response struct {
	ID     json.RawMessage `json:"id"`
	Result any             `json:"result"`
	Error  any             `json:"error"`
}

// decodeMessage decodes one message. The result shares no memory with b.
func decodeMessage(b []byte) (message, error) {
	var m message
	if err := json.Unmarshal(b, &m); err != nil {
		return message{}, fmt.Errorf("decode message: %w", err)
	}
	return m, nil
}

// answers says whether m is the response to our request with the given id.
func (m *message) answers(id string) bool {
	return m.Method == "" && bytes.Equal(m.ID, []byte(`"`+id+`"`))
}

// null says whether an element of a message is absent or null, which RFC 7047 does not
// distinguish.
func null(raw json.RawMessage) bool {
	return len(raw) == 0 || string(raw) == "null"
}

// excerpt returns the beginning of something that a peer sent, for an error.
func excerpt(raw []byte) string {
	const most = 120
	if len(raw) > most {
		return fmt.Sprintf("%q…", raw[:most])
	}
	return fmt.Sprintf("%q", raw)
}
