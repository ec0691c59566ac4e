package awsapi

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"bellows.dev/bellows/internal/awsapi/wire"
)

// succeed writes an operation's output.
func (s *Server) succeed(w http.ResponseWriter, q *request, out any) {
	var body []byte
	switch q.protocol {
	case wire.CBOR:
		body = wire.EncodeCBOR(out)
	case wire.Query:
		body = wire.EncodeQuery(q.Operation, q.service.Namespace, q.RequestID, out)
	default:
		body = wire.EncodeJSON(out)
	}
	s.write(w, q, http.StatusOK, body)
}

// fail renders an error in the request's protocol. Internal failures are logged, and their text is not sent.
func (s *Server) fail(w http.ResponseWriter, q *request, err error) {
	e, known := asError(err)
	if !known {
		s.Log.Error("a request failed", "operation", q.Operation, "request_id", q.RequestID, "error", err)
		e = internal(q.RequestID)
	}
	party := "Sender"
	if e.status() >= http.StatusInternalServerError {
		party = "Receiver"
	}
	status := e.status()
	var body []byte
	switch q.protocol {
	case wire.Query:
		if body = q.xmlError(e, party); q.shape != shapeOwn {
			body = q.xmlShape(e)
		}
	default:
		if q.mode {
			w.Header().Set("X-Amzn-Query-Error", e.query()+";"+party)
		} else if e.Status == http.StatusNotFound && q.service != nil && q.service.CBOR != "" && e.Code != "UnknownOperationException" {
			status = http.StatusBadRequest // recorded: without the query mode, all client errors are 400
		}
		body = q.bodyError(e)
	}
	w.Header().Set("X-Amzn-ErrorType", e.Code)
	s.write(w, q, status, body)
}

// bodyError returns the error for JSON or CBOR: __type, the message, and the exception's own members.
func (q *request) bodyError(e *Error) []byte {
	shape := e.Code
	if q.service != nil && !e.Lower {
		shape = q.service.Shapes + shape
	}
	m := map[string]string{"__type": shape}
	name := "Message"
	if e.Lower || (q.service != nil && q.service.CBOR != "") {
		name = "message"
	}
	if e.Message != "" {
		m[name] = e.Message
	}
	maps.Copy(m, e.Members)
	if q.protocol == wire.CBOR {
		return wire.EncodeCBOR(m)
	}
	return wire.EncodeJSON(m)
}

func (q *request) xmlError(e *Error, party string) []byte {
	namespace := ""
	if q.service != nil {
		namespace = q.service.Namespace
	}
	var b strings.Builder
	fmt.Fprintf(&b, "<ErrorResponse xmlns=%q><Error><Type>%s</Type><Code>%s</Code>", namespace, party, e.query())
	if e.Message != "" {
		fmt.Fprintf(&b, "<Message>%s</Message>", wire.EscapeXML(e.Message))
	}
	for _, name := range slices.Sorted(maps.Keys(e.Members)) {
		fmt.Fprintf(&b, "<%s>%s</%s>", name, wire.EscapeXML(e.Members[name]), name)
	}
	fmt.Fprintf(&b, "</Error><RequestId>%s</RequestId></ErrorResponse>", q.RequestID)
	return []byte(b.String())
}

func (s *Server) write(w http.ResponseWriter, q *request, status int, body []byte) {
	h := w.Header()
	h.Set("Content-Type", q.protocol.ContentType())
	h["x-amzn-RequestId"] = []string{q.RequestID} // AWS's spelling: some clients read it case-sensitively
	if q.protocol == wire.CBOR {
		h.Set("Smithy-Protocol", "rpc-v2-cbor")
	}
	w.WriteHeader(status)
	if _, err := w.Write(body); err != nil {
		s.Log.Debug("a client disconnected before its response", "request_id", q.RequestID, "error", err)
	}
}
