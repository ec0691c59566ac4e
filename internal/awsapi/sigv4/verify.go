package sigv4

import (
	"crypto/subtle"
	"time"
)

// Field is one header field as received. A header that was sent twice is two fields.
type Field struct{ Name, Value string }

// Request contains the parts of a request that a signature covers, as received. The body is represented by its hash.
type Request struct {
	Method string
	Path   string // as on the wire, percent-encoded; "" means /
	Query  string // as on the wire, without "?"
	Host   string
	Header []Field // without Host; names in any case
}

// value returns the value of a header that may be sent once, and whether it was sent. name is in lower case. A header that was sent more
// than once is an error, even if the values are equal.
func (r *Request) value(name string) (value string, sent bool, err error) {
	for i := range r.Header {
		if !equalFold(r.Header[i].Name, name) {
			continue
		}
		if sent {
			return "", true, refuse(Incomplete, "The request has more than one '%s' header.", name)
		}
		value, sent = r.Header[i].Value, true
	}
	return value, sent, nil
}

// Key is an access key as stored by the server.
type Key struct {
	Secret  string
	Token   string    // session token; "" for a key without one
	Expires time.Time // of a session; zero for a key that does not expire
	Account string

	User     string
	ReadOnly bool // it may only read
}

// Identity is the signer of a request, and the region and service that it was signed for.
type Identity struct {
	AccessKeyID string
	Account     string
	Region      string
	Service     string
	User        string
	ReadOnly    bool
}

const (
	algorithm = "AWS4-HMAC-SHA256"
	timeForm  = "20060102T150405Z"
	dateForm  = "20060102"
	skew      = 15 * time.Minute
	expiryMax = 7 * 24 * 3600 // seconds a presigned URL may be valid
	signedMax = 128           // signed headers; SDKs sign about ten
)

// Claim is a request's signature after all checks that do not need the body.
type Claim struct {
	authorization
	key Key
}

// Begin checks a request's head at the time now: the form of the signature, its time, the key, and that all required headers are signed.
// It is cheap and does not need the body, so a server calls it before reading one. lookup returns the key of an access key ID. The claim's
// strings share memory with the request's. Errors are of type *Error.
func Begin(now time.Time, r *Request, lookup func(accessKeyID string) (Key, bool)) (Claim, error) {
	var c Claim
	if err := c.parse(r); err != nil {
		return c, err
	}
	if err := c.checkTime(now); err != nil {
		return c, err
	}
	var found bool
	c.key, found = lookup(c.keyID)
	if !found || subtle.ConstantTimeCompare([]byte(c.key.Token), []byte(c.token)) != 1 {
		return c, refuse(UnknownKey, "The security token included in the request is invalid.")
	}
	if !c.key.Expires.IsZero() && !now.Before(c.key.Expires) {
		return c, refuse(ExpiredToken, "The security token included in the request is expired")
	}
	return c, c.checkHeaders(r)
}

// Finish compares the signature with the expected one, given the SHA-256 of the body. The identity's strings do not share memory with the
// request. Errors are of type *Error.
func (c *Claim) Finish(r *Request, body [32]byte, keys *Keys) (Identity, error) {
	k, known := keys.find(c)
	if !known {
		k = derive(c)
	}
	want := c.signature(r, body, k)
	if len(c.sig) != len(want) || subtle.ConstantTimeCompare(want[:], []byte(c.sig)) != 1 {
		return Identity{}, refuse(WrongSignature, "The request signature we calculated does not match the signature you provided. "+
			"Check your AWS Secret Access Key and signing method. Consult the service documentation for details.")
	}
	if !known {
		keys.keep(k)
	}
	id := k.identity
	id.User, id.ReadOnly = c.key.User, c.key.ReadOnly
	return id, nil
}

// Service returns the service that the request claims to be signed for.
func (c *Claim) Service() string { return c.service }

// Claims returns the identity that a request claims, without verification, for servers without authentication. ok is false if there is
// none.
func Claims(r *Request) (id Identity, ok bool) {
	var a authorization
	if err := a.parse(r); err != nil {
		return Identity{}, false
	}
	return Identity{AccessKeyID: a.keyID, Region: a.region, Service: a.service}, true
}

// authorization is the parsed signature of a request.
type authorization struct {
	keyID, date, region, service string

	headers   string // signed, as listed, with ";" between them
	sig       string
	token     string
	at        time.Time
	stamp     string // at, as spelled in the request
	presigned bool
	expires   int // seconds a presigned request is valid
}

func (a *authorization) checkTime(now time.Time) error {
	if len(a.stamp) < len(dateForm) || a.date != a.stamp[:len(dateForm)] {
		return refuse(WrongSignature, "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: "+
			"'%s' != '%s', from '%s'.", a.date, a.at.Format(dateForm), a.stamp)
	}
	stamp := func(t time.Time) string { return t.UTC().Format(timeForm) }
	if a.presigned {
		if end := a.at.Add(time.Duration(a.expires) * time.Second); now.After(end) {
			return refuse(Expired, "Signature expired: %s is now earlier than %s", stamp(end), stamp(now))
		}
	} else if a.at.Before(now.Add(-skew)) {
		return refuse(Expired, "Signature expired: %s is now earlier than %s (%s - 15 min.)", a.stamp, stamp(now.Add(-skew)), stamp(now))
	}
	if a.at.After(now.Add(skew)) {
		return refuse(Expired, "Signature not yet current: %s is still later than %s (%s + 15 min.)", a.stamp, stamp(now.Add(skew)), stamp(now))
	}
	return nil
}

// checkHeaders refuses a signature that does not cover the host and every header whose name begins with x-amz, since these determine
// the operation, the variant and the session. AWS: IAM user guide, SignedHeaders: host and any x-amz-* header. Others, such as Accept and
// Content-Type, may be unsigned, as on AWS: some clients add them after signing. The trace ID is exempt: load balancers add it, and SDKs
// never sign it.
func (a *authorization) checkHeaders(r *Request) error {
	if n := countSigned(a.headers); n > signedMax {
		return refuse(Incomplete, "SignedHeaders lists %d headers; at most %d are accepted.", n, signedMax)
	}
	if !a.signs("host") {
		return unsigned("host")
	}
	for i := range r.Header {
		name := r.Header[i].Name
		if len(name) < len("x-amz") || !equalFold(name[:len("x-amz")], "x-amz") || equalFold(name, "x-amzn-trace-id") ||
			a.presigned && equalFold(name, "x-amz-date") {
			continue
		}
		if !a.signs(name) {
			return unsigned(lower(name))
		}
	}
	return nil
}

func unsigned(name string) error {
	return refuse(WrongSignature, "'%s' must be a 'SignedHeader' in the AWS Authorization.", name)
}

// signs reports whether a header is signed; name is case-insensitive.
func (a *authorization) signs(name string) bool {
	for rest := a.headers; rest != ""; {
		var h string
		if h, rest = cut(rest, ';'); equalFold(h, name) {
			return true
		}
	}
	return false
}

func countSigned(headers string) int {
	n := 1
	for i := range len(headers) {
		if headers[i] == ';' {
			n++
		}
	}
	return n
}
