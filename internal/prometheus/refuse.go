package prometheus

import (
	"net/http"
	"strings"
)

// Refuse responds to a request, of a path for which Serves is true, that the port has refused: in the form of OTLP, of the query API, or, for
// remote write, as text.
func Refuse(w http.ResponseWriter, path, contentType string, status int, err error) {
	switch {
	case strings.HasSuffix(path, OTLPPath):
		otlpAnswer{w, strings.Contains(contentType, "json")}.fail(status, err)
	case strings.HasPrefix(path, apiPrefix) && path != apiPrefix+"write":
		kind := kindBad
		if status >= http.StatusInternalServerError {
			kind = kindUnavailable
		}
		send(w, status, answer{Status: "error", ErrorType: kind, Error: err.Error()})
	default:
		http.Error(w, err.Error(), status)
	}
}
