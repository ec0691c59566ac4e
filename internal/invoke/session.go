package invoke

import (
	"bytes"
	"maps"
	"strings"
	"sync"
	"time"

	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/hosting"
)

const (
	newSession = "NEW_SESSION"

	sessionsMax   = 100_000
	sessionMax    = 24 * time.Hour // where a container names no end, or a later one
	sessionIDMax  = 256            // characters, in the API model
	expiresFormat = "2006-01-02T15:04:05Z"
)

// sessions maps each sticky session to its copy. It belongs to one gateway and is lost with it.
type sessions struct {
	mu     sync.Mutex // guards pinned
	pinned map[sessionKey]pin
}

type sessionKey struct {
	engine.EndpointKey
	id string
}

// pin is where a session's invocations go.
type pin struct {
	variant string
	copy    hosting.CopyID
	expires time.Time
}

func (s *sessions) find(scope engine.Scope, endpoint, id []byte, now time.Time) (pin, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p, found := s.pinned[sessionKey{engine.EndpointKey{Scope: scope, Endpoint: string(endpoint)}, string(id)}]
	return p, found && now.Before(p.expires)
}

func (s *sessions) full() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.pinned) >= sessionsMax
}

// open pins the session that a container's header describes, "ID; Expires=yyyy-mm-ddThh:mm:ssZ", and reports whether the
// header names one.
func (s *sessions) open(key engine.EndpointKey, header []byte, p pin, now time.Time) bool {
	id, attributes, _ := strings.Cut(string(header), ";")
	id = strings.TrimSpace(id)
	if id == "" || len(id) > sessionIDMax || id == newSession {
		return false
	}
	p.expires = now.Add(sessionMax)
	for a := range strings.SplitSeq(attributes, ";") {
		name, value, _ := strings.Cut(strings.TrimSpace(a), "=")
		if t, err := time.Parse(expiresFormat, value); strings.EqualFold(name, "Expires") && err == nil && t.Before(p.expires) {
			p.expires = t
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pinned[sessionKey{key, id}] = p
	return true
}

func (s *sessions) close(key engine.EndpointKey, header []byte) {
	id, _, _ := bytes.Cut(header, []byte(";"))
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.pinned, sessionKey{key, string(bytes.TrimSpace(id))})
}

// expire forgets sessions that are over.
func (s *sessions) expire(now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	maps.DeleteFunc(s.pinned, func(_ sessionKey, p pin) bool { return !now.Before(p.expires) })
}
