package sigv4

import (
	"crypto/sha256"
	"encoding/base64"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// parse finds the claim in the Authorization header or, for a presigned URL, in the query.
func parse(r Request) (*authorization, error) {
	values := r.Header("authorization")
	if len(values) > 0 {
		return parseHeader(r, values[0])
	}
	query, err := url.ParseQuery(r.Query)
	if err == nil && query.Get("X-Amz-Algorithm") == algorithm {
		return parseQuery(query)
	}
	return nil, refuse(Missing, "Missing Authentication Token")
}

func parseHeader(r Request, value string) (*authorization, error) {
	if strings.TrimSpace(value) == "" {
		return nil, refuse(Incomplete, "Authorization header cannot be empty.")
	}
	rest, ok := strings.CutPrefix(value, algorithm)
	if !ok {
		return nil, refuse(Missing, "Missing Authentication Token")
	}
	parts := map[string]string{}
	for _, pair := range strings.Split(rest, ",") {
		pair = strings.TrimSpace(pair)
		name, v, found := strings.Cut(pair, "=")
		if pair == "" {
			continue
		}
		if !found {
			hash := sha256.Sum256([]byte(value))
			return nil, refuse(Incomplete, "'%s' not a valid key=value pair (missing equal-sign) in Authorization header (hashed with "+
				"SHA-256 and encoded with Base64): '%s'.", pair, base64.StdEncoding.EncodeToString(hash[:]))
		}
		parts[name] = v
	}
	date := first(r.Header("x-amz-date"))
	if err := complete(parts, date != "" || first(r.Header("date")) != ""); err != nil {
		return nil, err
	}
	a := &authorization{
		headers: strings.Split(parts["SignedHeaders"], ";"), sig: parts["Signature"], token: first(r.Header("x-amz-security-token")),
	}
	if err := a.credential(parts["Credential"]); err != nil {
		return nil, err
	}
	return a, a.moment(date, first(r.Header("date")))
}

// complete names every part that is not there.
func complete(parts map[string]string, dated bool) error {
	var missing []string
	for _, p := range []string{"Credential", "Signature", "SignedHeaders"} {
		if parts[p] == "" {
			missing = append(missing, "Authorization header requires '"+p+"' parameter.")
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

func parseQuery(q url.Values) (*authorization, error) {
	for _, p := range []string{"X-Amz-Credential", "X-Amz-Signature", "X-Amz-SignedHeaders", "X-Amz-Date", "X-Amz-Expires"} {
		if q.Get(p) == "" {
			return nil, refuse(Incomplete, "AWS query-string parameters must include '%s'.", p)
		}
	}
	expires, err := strconv.Atoi(q.Get("X-Amz-Expires"))
	if err != nil || expires < 1 || expires > expiryMax {
		return nil, refuse(Incomplete, "X-Amz-Expires must be a number of seconds from 1 to %d.", expiryMax)
	}
	a := &authorization{
		headers: strings.Split(q.Get("X-Amz-SignedHeaders"), ";"), sig: q.Get("X-Amz-Signature"), token: q.Get("X-Amz-Security-Token"),
		presigned: true, expires: expires,
	}
	if err := a.credential(q.Get("X-Amz-Credential")); err != nil {
		return nil, err
	}
	return a, a.moment(q.Get("X-Amz-Date"), "")
}

func (a *authorization) credential(c string) error {
	parts := strings.Split(c, "/")
	if len(parts) != 5 {
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

// regionLike keeps odd texts out of ARNs and keys.
func regionLike(s string) bool {
	return s != "" && len(s) <= 32 && strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789-") == ""
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

func first(values []string) string {
	if len(values) == 0 {
		return ""
	}
	return values[0]
}
