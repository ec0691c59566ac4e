package console

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"strings"
	"time"

	"bellows.dev/bellows/engine"
)

// sessionFor is how long a session lasts from the sign-in.
const sessionFor = 12 * time.Hour

// cookiePrefix begins the cookie's name. The port follows: browsers send a host's cookies to all of its ports.
const cookiePrefix = "bellows-session"

// Identity is who sent a request.
type Identity struct {
	Account     string
	AccessKeyID string // "" without authentication
	User        string
	ReadOnly    bool // it may only read
}

// Key is an access key.
type Key struct {
	Identity
	Secret string
}

// session is the content of the cookie. It is signed with a key that is derived from the access key's secret, so that it survives a restart of
// the server and ends with its access key.
type session struct {
	AccessKeyID string    `json:"id"`
	Expires     time.Time `json:"expires"`
}

// signInRequest is the body of a sign-in.
type signInRequest struct {
	AccessKeyID     string `json:"access_key_id"`
	SecretAccessKey string `json:"secret_access_key"`
}

// sessionInfo is what a page needs to know of its session and its server.
type sessionInfo struct {
	Account     string    `json:"account"`
	AccessKeyID string    `json:"access_key_id,omitempty"`
	Expires     time.Time `json:"expires,omitzero"`
	User        string    `json:"user,omitempty"`
	ReadOnly    bool      `json:"read_only"` // changes are refused
	Open        bool      `json:"open"`      // no authentication is needed
	Region      string    `json:"region"`
	Regions     []string  `json:"regions"` // those with something in them, and Region
	Version     string    `json:"version"`
	PolicyTime  time.Time `json:"policy_time"`
	ClockSpeed  float64   `json:"clock_speed"`
}

// errNoSession is the error of a request without a session or a key.
var errNoSession = &apiError{http.StatusUnauthorized, "NotSignedIn", "Sign in with an access key."}

// identify returns who sent a request: by the session cookie, or by a key as user name and password or signature.
func (c *Console) identify(r *http.Request) (Identity, session, error) {
	if c.o.Open {
		return Identity{Account: c.o.Scope.Account}, session{}, nil
	}
	if cookie, err := r.Cookie(cookieName(r)); err == nil {
		if s, id, ok := c.openSession(cookie.Value); ok {
			return id, s, nil
		}
	}
	if id, ok := c.o.Identify(r); ok {
		return id, session{}, nil
	}
	return Identity{}, session{}, errNoSession
}

// Invoker returns who sent a request to InvokePath, and the scope whose endpoints it names. It fails with Denied.
func (c *Console) Invoker(r *http.Request) (scope engine.Scope, id Identity, err error) {
	p := parametersOf(r, "region", "endpoint")
	p.required("endpoint")
	if id, _, err = c.identify(r); err == nil {
		scope, err = c.scope(p, id), p.err
	}
	if e := (*apiError)(nil); errors.As(err, &e) {
		return scope, id, &Denied{e.status, e.code, e.message}
	}
	return scope, id, err
}

// Denied is the refusal of a request, with its HTTP status.
type Denied struct {
	Status        int
	Code, Message string
}

// Error implements error.
func (d *Denied) Error() string { return d.Message }

// SignInEvent is an attempt to sign in, or a sign-out.
type SignInEvent struct {
	By            Identity // as claimed where it failed: the access key ID alone
	Out           bool     // it is a sign-out
	Code, Message string   // why it failed; "" where it succeeded
}

// signIn answers POST session.
func (c *Console) signIn(w http.ResponseWriter, r *http.Request) error {
	id, err := c.trySignIn(w, r)
	e := SignInEvent{By: id}
	if refusal := (*apiError)(nil); errors.As(err, &refusal) {
		e.Code, e.Message = refusal.code, refusal.message
	}
	c.o.OnSignIn(r, e)
	return err
}

// trySignIn returns who has signed in, or with an error the access key ID that was given, if any.
func (c *Console) trySignIn(w http.ResponseWriter, r *http.Request) (Identity, error) {
	if !c.o.Open && !c.o.Safe(r) {
		return Identity{}, &apiError{http.StatusForbidden, "InsecureConnection", c.o.Insecure}
	}
	var in signInRequest
	if err := readJSON(r, &in); err != nil {
		return Identity{}, err
	}
	id, err := c.o.SignIn(strings.TrimSpace(in.AccessKeyID), strings.TrimSpace(in.SecretAccessKey))
	if err != nil {
		return Identity{AccessKeyID: in.AccessKeyID}, &apiError{http.StatusForbidden, "InvalidKey", "This is no access key of the server, or not its secret. `bellows env` prints both."}
	}
	s := session{strings.TrimSpace(in.AccessKeyID), time.Now().Add(sessionFor).Truncate(time.Second)}
	if !c.o.Open {
		http.SetCookie(w, c.cookie(r, c.sealSession(s), int(sessionFor/time.Second)))
	}
	return id, c.writeSession(w, r, id, s)
}

// signOut answers DELETE session.
func (c *Console) signOut(w http.ResponseWriter, r *http.Request) error {
	if id, _, err := c.identify(r); err == nil {
		c.o.OnSignIn(r, SignInEvent{By: id, Out: true})
	}
	http.SetCookie(w, c.cookie(r, "", -1))
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func (c *Console) cookie(r *http.Request, value string, maxAge int) *http.Cookie {
	return &http.Cookie{
		Name: cookieName(r), Value: value, Path: "/console", MaxAge: maxAge, HttpOnly: true, Secure: c.o.Encrypted(r), SameSite: http.SameSiteStrictMode,
	}
}

// cookieName is the name of the session cookie of the server that a request was sent to.
func cookieName(r *http.Request) string {
	if _, port, err := net.SplitHostPort(r.Host); err == nil {
		return cookiePrefix + "-" + port
	}
	return cookiePrefix
}

// getSession answers GET session.
func (c *Console) getSession(w http.ResponseWriter, r *http.Request) error {
	id, s, err := c.identify(r)
	if err != nil {
		return err
	}
	return c.writeSession(w, r, id, s)
}

func (c *Console) writeSession(w http.ResponseWriter, r *http.Request, id Identity, s session) error {
	info := sessionInfo{
		Account: id.Account, AccessKeyID: id.AccessKeyID, User: id.User, ReadOnly: id.ReadOnly, Expires: s.Expires, Open: c.o.Open,
		Region: c.o.Scope.Region, Regions: []string{}, Version: c.o.Version, PolicyTime: c.o.Control.Now(), ClockSpeed: c.o.Control.Speed(),
	}
	if err := c.view(r.Context(), func(_ time.Time, e *engine.Engine) {
		own := true
		for _, x := range e.Regions() {
			if x.Scope.Account == id.Account {
				info.Regions = append(info.Regions, x.Scope.Region)
				own = own && x.Scope.Region != info.Region
			}
		}
		if own {
			info.Regions = append(info.Regions, info.Region)
		}
	}); err != nil {
		return err
	}
	return c.write(w, info)
}

// sealSession returns a session as the cookie has it.
func (c *Console) sealSession(s session) string {
	text, _ := json.Marshal(s) // it does not fail
	body := base64.RawURLEncoding.EncodeToString(text)
	key, _ := c.o.Key(s.AccessKeyID)
	return body + "." + base64.RawURLEncoding.EncodeToString(signature(key.Secret, body))
}

// openSession returns the session of a cookie and its owner. It fails where the cookie was not made by sealSession, is expired, or its access
// key is no longer valid.
func (c *Console) openSession(value string) (s session, id Identity, ok bool) {
	body, sum, found := strings.Cut(value, ".")
	if !found {
		return s, Identity{}, false
	}
	text, err := base64.RawURLEncoding.DecodeString(body)
	if err != nil || json.Unmarshal(text, &s) != nil {
		return s, Identity{}, false
	}
	got, err := base64.RawURLEncoding.DecodeString(sum)
	key, known := c.o.Key(s.AccessKeyID)
	if err != nil || !known || !hmac.Equal(got, signature(key.Secret, body)) || !time.Now().Before(s.Expires) {
		return s, Identity{}, false
	}
	return s, key.Identity, true
}

// signature signs a session with a key that is derived from the access key's secret for this purpose.
func signature(secret, body string) []byte {
	derived := hmac.New(sha256.New, []byte(secret))
	derived.Write([]byte("bellows console session, version 1"))
	m := hmac.New(sha256.New, derived.Sum(nil))
	m.Write([]byte(body))
	return m.Sum(nil)
}

// bodyMax is the most bytes that a request's body to the console's own API may have.
const bodyMax = 64 << 10

// readJSON reads a request's body. Unknown members are refused.
func readJSON(r *http.Request, into any) error {
	if kind, _, _ := strings.Cut(r.Header.Get("Content-Type"), ";"); strings.TrimSpace(kind) != "application/json" {
		return &apiError{http.StatusUnsupportedMediaType, "InvalidRequest", "The Content-Type must be application/json."}
	}
	d := json.NewDecoder(http.MaxBytesReader(nil, r.Body, bodyMax))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		if e := (*http.MaxBytesError)(nil); errors.As(err, &e) {
			return &apiError{http.StatusRequestEntityTooLarge, "InvalidRequest", "The body is too large."}
		}
		return invalid("The body is not what is expected: " + err.Error() + ".")
	}
	return nil
}
