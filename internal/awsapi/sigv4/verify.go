package sigv4

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Request is what a signature covers, as it was received.
type Request struct {
	Method string
	Path   string // as on the wire, percent-encoded; "" means /
	Query  string // as on the wire, without "?"
	Host   string
	Header func(name string) []string // values of a header, by its lower-case name
	Body   []byte                     // as on the wire: compressed if the client compressed it
}

// Key is what a server knows of an access key.
type Key struct {
	Secret  string
	Token   string    // session token; "" for a key without one
	Expires time.Time // of a session; zero for a key that does not expire
	Account string
}

// Identity is who signed, and what for.
type Identity struct {
	AccessKeyID string
	Account     string
	Region      string
	Service     string
}

const (
	algorithm = "AWS4-HMAC-SHA256"
	timeForm  = "20060102T150405Z"
	dateForm  = "20060102"
	skew      = 15 * time.Minute
	expiryMax = 7 * 24 * 3600 // seconds a presigned URL may be valid
)

// Verify checks a request's signature at a moment. lookup returns the key of an access key ID. It fails with *Error.
func Verify(now time.Time, r Request, lookup func(accessKeyID string) (Key, bool)) (Identity, error) {
	a, err := parse(r)
	if err != nil {
		return Identity{}, err
	}
	if err := a.checkTime(now); err != nil {
		return Identity{}, err
	}
	key, found := lookup(a.keyID)
	if !found || key.Token != a.token {
		return Identity{}, refuse(UnknownKey, "The security token included in the request is invalid.")
	}
	if !key.Expires.IsZero() && !now.Before(key.Expires) {
		return Identity{}, refuse(ExpiredToken, "The security token included in the request is expired")
	}
	if err := a.checkHeaders(r); err != nil {
		return Identity{}, err
	}
	want := a.signature(r, key.Secret)
	if subtle.ConstantTimeCompare([]byte(want), []byte(a.sig)) != 1 {
		return Identity{}, refuse(WrongSignature, "The request signature we calculated does not match the signature you provided. "+
			"Check your AWS Secret Access Key and signing method. Consult the service documentation for details.")
	}
	return Identity{AccessKeyID: a.keyID, Account: key.Account, Region: a.region, Service: a.service}, nil
}

// Claims returns who a request says it is, with nothing checked: for servers that take every request. ok is false where it does
// not say.
func Claims(r Request) (id Identity, ok bool) {
	a, err := parse(r)
	if err != nil {
		return Identity{}, false
	}
	return Identity{AccessKeyID: a.keyID, Region: a.region, Service: a.service}, true
}

// authorization is the parsed claim of a request.
type authorization struct {
	keyID, date, region, service string

	headers   []string // signed, as listed
	sig       string
	token     string
	at        time.Time
	stamp     string // the request's own spelling of at
	presigned bool
	expires   int // seconds a presigned request is valid
}

func (a *authorization) scope() string {
	return a.date + "/" + a.region + "/" + a.service + "/aws4_request"
}

func (a *authorization) checkTime(now time.Time) error {
	if a.date != a.at.Format(dateForm) {
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

// checkHeaders refuses a signature that leaves out the host or what tells the operation: else a signed request could be turned
// into another.
func (a *authorization) checkHeaders(r Request) error {
	must := []string{"host"}
	for _, h := range []string{"x-amz-target", "x-amz-date", "x-amz-security-token"} {
		if len(r.Header(h)) > 0 && (!a.presigned || h != "x-amz-date") {
			must = append(must, h)
		}
	}
	for _, h := range must {
		if !slices.Contains(a.headers, h) {
			return refuse(WrongSignature, "'%s' must be a 'SignedHeader' in the AWS Authorization.", h)
		}
	}
	return nil
}

func (a *authorization) signature(r Request, secret string) string {
	hash := sha256.Sum256([]byte(a.canonical(r)))
	text := strings.Join([]string{algorithm, a.stamp, a.scope(), hex.EncodeToString(hash[:])}, "\n")
	key := []byte("AWS4" + secret)
	for _, part := range []string{a.date, a.region, a.service, "aws4_request"} {
		key = sign(key, part)
	}
	return hex.EncodeToString(sign(key, text))
}

func sign(key []byte, text string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(text)) // a hash does not fail
	return h.Sum(nil)
}

// canonical is the form of the request that both sides agree on.
func (a *authorization) canonical(r Request) string {
	var b strings.Builder
	b.WriteString(r.Method + "\n" + canonicalPath(r.Path) + "\n" + canonicalQuery(r.Query) + "\n")
	for _, h := range a.headers {
		values := r.Header(h)
		if h == "host" {
			values = []string{r.Host}
		}
		trimmed := make([]string, len(values))
		for i, v := range values {
			trimmed[i] = strings.Join(strings.Fields(v), " ")
		}
		b.WriteString(h + ":" + strings.Join(trimmed, ",") + "\n")
	}
	hash := sha256.Sum256(r.Body)
	fmt.Fprintf(&b, "\n%s\n%s", strings.Join(a.headers, ";"), hex.EncodeToString(hash[:]))
	return b.String()
}

// canonicalPath normalises the path and encodes what is encoded once more, as every service but S3 does.
func canonicalPath(path string) string {
	var out []string
	for _, segment := range strings.Split(path, "/") {
		switch segment {
		case "", ".":
		case "..":
			out = out[:max(len(out)-1, 0)]
		default:
			out = append(out, encode(segment))
		}
	}
	s := "/" + strings.Join(out, "/")
	if len(out) > 0 && strings.HasSuffix(path, "/") {
		s += "/"
	}
	return s
}

func canonicalQuery(query string) string {
	if query == "" {
		return ""
	}
	var pairs []string
	for _, p := range strings.Split(query, "&") {
		name, value, _ := strings.Cut(p, "=")
		if name == "" || name == "X-Amz-Signature" {
			continue
		}
		pairs = append(pairs, encode(decode(name))+"="+encode(decode(value)))
	}
	slices.Sort(pairs)
	return strings.Join(pairs, "&")
}

const unreserved = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.~"

// encode percent-encodes every byte that RFC 3986 does not leave alone.
func encode(s string) string {
	var b strings.Builder
	for i := range len(s) {
		if strings.IndexByte(unreserved, s[i]) >= 0 {
			b.WriteByte(s[i])
		} else {
			fmt.Fprintf(&b, "%%%02X", s[i])
		}
	}
	return b.String()
}

// decode undoes percent-encoding; what is not encoded well stays as it is.
func decode(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '%' && i+2 < len(s) {
			if c, err := hex.DecodeString(s[i+1 : i+3]); err == nil {
				b.WriteByte(c[0])
				i += 2
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}
