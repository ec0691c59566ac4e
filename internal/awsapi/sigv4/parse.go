package sigv4

import (
	"crypto/sha256"
	"encoding/base64"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// parse reads the signature from the Authorization header or, for a presigned URL, from the query.
func (a *authorization) parse(r *Request) error {
	value, found, err := r.value("authorization")
	if err != nil {
		return err
	}
	var query url.Values
	if r.Query != "" {
		if query, err = url.ParseQuery(r.Query); err != nil && !found {
			return errMissing
		}
	}
	switch {
	case found && query.Has("X-Amz-Signature"): // which the canonical request excludes
		return refuse(Incomplete, "The request has both an Authorization header and an 'X-Amz-Signature' query-string parameter.")
	case found:
		return a.parseHeader(r, value)
	case query.Get("X-Amz-Algorithm") == algorithm:
		return a.parseQuery(query)
	default:
		return errMissing
	}
}

// errMissing is shared, since without authentication it occurs, and is ignored, in each request.
var errMissing = refuse(Missing, "Missing Authentication Token")

func (a *authorization) parseHeader(r *Request, value string) error {
	if strings.TrimSpace(value) == "" {
		return refuse(Incomplete, "Authorization header cannot be empty.")
	}
	rest, ok := strings.CutPrefix(value, algorithm)
	if !ok {
		return errMissing
	}
	var credential string
	for rest != "" {
		var pair string
		pair, rest = cut(rest, ',')
		if pair = strings.TrimSpace(pair); pair == "" {
			continue
		}
		name, v, found := strings.Cut(pair, "=")
		if !found {
			hash := sha256.Sum256([]byte(value))
			return refuse(Incomplete, "'%s' not a valid key=value pair (missing equal-sign) in Authorization header (hashed with "+
				"SHA-256 and encoded with Base64): '%s'.", pair, base64.StdEncoding.EncodeToString(hash[:]))
		}
		var into *string
		switch name {
		case "Credential":
			into = &credential
		case "SignedHeaders":
			into = &a.headers
		case "Signature":
			into = &a.sig
		default:
			continue
		}
		if *into != "" {
			return refuse(Incomplete, "Authorization header has more than one '%s' parameter.", name)
		}
		*into = v
	}
	stamp, stamped, err := r.value("x-amz-date")
	if err != nil {
		return err
	}
	date, dated, err := r.value("date")
	if err != nil {
		return err
	}
	if err := a.complete(credential, stamped || dated); err != nil {
		return err
	}
	if a.token, _, err = r.value("x-amz-security-token"); err != nil {
		return err
	}
	if err := a.credential(credential); err != nil {
		return err
	}
	return a.moment(stamp, date)
}

// complete returns an error that lists all missing parts.
func (a *authorization) complete(credential string, dated bool) error {
	var missing []string
	for _, p := range [...]struct{ name, value string }{{"Credential", credential}, {"Signature", a.sig}, {"SignedHeaders", a.headers}} {
		if p.value == "" {
			missing = append(missing, "Authorization header requires '"+p.name+"' parameter.")
		}
	}
	if !dated {
		missing = append(missing, "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header.")
	}
	if len(missing) > 0 {
		return refuse(Incomplete, "%s", strings.Join(missing, " "))
	}
	return nil
}

func (a *authorization) parseQuery(q url.Values) error {
	for _, p := range []string{"X-Amz-Credential", "X-Amz-Signature", "X-Amz-SignedHeaders", "X-Amz-Date", "X-Amz-Expires"} {
		if q.Get(p) == "" {
			return refuse(Incomplete, "AWS query-string parameters must include '%s'.", p)
		}
	}
	for _, p := range []string{
		"X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Signature", "X-Amz-SignedHeaders", "X-Amz-Date", "X-Amz-Expires", "X-Amz-Security-Token",
	} {
		if len(q[p]) > 1 {
			return refuse(Incomplete, "AWS query-string parameters must include '%s' only once.", p)
		}
	}
	expires, err := strconv.Atoi(q.Get("X-Amz-Expires"))
	if err != nil || expires < 1 || expires > expiryMax {
		return refuse(Incomplete, "X-Amz-Expires must be a number of seconds from 1 to %d.", expiryMax)
	}
	a.headers, a.sig, a.token = q.Get("X-Amz-SignedHeaders"), q.Get("X-Amz-Signature"), q.Get("X-Amz-Security-Token")
	a.presigned, a.expires = true, expires
	if err := a.credential(q.Get("X-Amz-Credential")); err != nil {
		return err
	}
	return a.moment(q.Get("X-Amz-Date"), "")
}

func (a *authorization) credential(c string) error {
	var parts [5]string
	rest := c
	for i := range parts {
		parts[i], rest = cut(rest, '/')
	}
	if strings.Count(c, "/") != len(parts)-1 {
		return refuse(Incomplete, "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got '%s'", c)
	}
	if parts[4] != "aws4_request" {
		return refuse(WrongSignature, "Credential should be scoped with a valid terminator: 'aws4_request', not '%s'.", parts[4])
	}
	a.keyID, a.date, a.region, a.service = parts[0], parts[1], parts[2], parts[3]
	if !regionLike(a.region) {
		return refuse(WrongSignature, "Credential should be scoped to a valid Region, not '%s'.", a.region)
	}
	return nil
}

// regionLike reports whether a text has the form of a region, so that others do not get into ARNs and keys.
func regionLike(s string) bool {
	if s == "" || len(s) > 32 {
		return false
	}
	for i := range len(s) {
		if c := s[i]; (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' {
			return false
		}
	}
	return true
}

func (a *authorization) moment(amz, http string) error {
	if amz != "" {
		t, err := time.Parse(timeForm, amz)
		if err != nil {
			return refuse(Incomplete, "Date must be in ISO-8601 'basic format'. Got '%s'. See http://en.wikipedia.org/wiki/ISO_8601", amz)
		}
		a.at, a.stamp = t, amz
		return nil
	}
	t, err := time.Parse(time.RFC1123, http)
	if err != nil {
		return refuse(Incomplete, "Date header is no date: '%s'.", http)
	}
	a.at = t.UTC()
	a.stamp = a.at.Format(timeForm)
	return nil
}
