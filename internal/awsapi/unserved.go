package awsapi

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"bellows.dev/bellows/internal/awsapi/sigv4"
	"bellows.dev/bellows/internal/awsapi/wire"
)

// shape is the form of a service's errors where it differs from the protocol.
type shape int

const (
	shapeOwn  shape = iota // of the protocol
	shapeEC2               // EC2's form of Query errors
	shapeS3                // the bare error element of S3
	shapeJSON              // of services whose operations are paths
)

// xmlServices are services whose operations are paths and whose errors are XML, in the form of the Query protocol.
var xmlServices = []string{"route53", "cloudfront"}

// SignedFor returns the name of the service that a request claims to be signed for, "" if it is unsigned. Nothing is verified.
func SignedFor(r *sigv4.Request) string {
	id, _ := sigv4.Claims(r)
	return id.Service
}

// Unserved returns the service that a request is signed for if this server does not provide it, else "".
func (s *Server) Unserved(r *sigv4.Request) string {
	signed := SignedFor(r)
	if signed == "" || slices.ContainsFunc(s.Services, func(x *Service) bool { return x.Signing == signed }) {
		return ""
	}
	return signed
}

// refuseUnserved refuses a call of a service that is not served, in the format of its clients.
func (s *Server) refuseUnserved(q *request, service string) *Error {
	h := q.http.Header
	e := &Error{Code: "UnknownOperationException", Query: "InvalidAction", Status: http.StatusNotFound, Lower: true}
	switch {
	case strings.HasPrefix(q.http.URL.Path, "/service/"):
		q.protocol = wire.CBOR
	case h.Get("X-Amz-Target") != "":
		q.protocol = wire.JSON11
		if strings.Contains(h.Get("Content-Type"), "json-1.0") {
			q.protocol = wire.JSON10
		}
	case service == "ec2":
		q.protocol, q.shape, e.Status = wire.Query, shapeEC2, http.StatusBadRequest
	case strings.HasPrefix(service, "s3"):
		q.protocol, q.shape = wire.Query, shapeS3
		e.Code, e.Query, e.Status = "NotImplemented", "NotImplemented", http.StatusNotImplemented
	case strings.HasPrefix(h.Get("Content-Type"), "application/x-www-form-urlencoded"), slices.Contains(xmlServices, service),
		q.http.URL.Query().Get("Action") != "":
		q.protocol, e.Status = wire.Query, http.StatusBadRequest
	default:
		q.protocol, q.shape = wire.JSON11, shapeJSON
	}
	names := make([]string, 0, len(s.Services))
	for _, x := range s.Services {
		names = append(names, x.Signing)
	}
	slices.Sort(names)
	e.Message = fmt.Sprintf("This server does not serve the service %s. It serves: %s.", service, strings.Join(slices.Compact(names), ", "))
	return e
}

// xmlShape renders an error in EC2's form or S3's.
func (q *request) xmlShape(e *Error) []byte {
	inner := "<Code>" + wire.EscapeXML(e.query()) + "</Code><Message>" + wire.EscapeXML(e.Message) + "</Message>"
	const head = `<?xml version="1.0" encoding="UTF-8"?>` + "\n"
	if q.shape == shapeS3 {
		return []byte(head + "<Error>" + inner + "<RequestId>" + q.RequestID + "</RequestId></Error>")
	}
	return []byte(head + "<Response><Errors><Error>" + inner + "</Error></Errors><RequestID>" + q.RequestID + "</RequestID></Response>")
}
