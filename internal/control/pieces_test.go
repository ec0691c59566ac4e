package control

import (
	"bytes"
	"encoding/json"
	"errors"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"
)

type (
	byPointer struct{ N int }
	byText    struct{ a, b string }
	embeds    struct{ byText }
	quoted    struct {
		N int `json:",string"`
	}
	odd struct {
		Plain    string
		Renamed  float64 `json:"other-name"`
		Dropped  int     `json:"-"`
		hidden   int
		Empty    map[string]int `json:",omitempty"`
		Zero     time.Time      `json:",omitzero"`
		When     time.Time      `json:"when,omitzero"`
		Nothing  *odd           `json:",omitempty"`
		False    bool           `json:",omitempty"`
		NoArray  [0]int         `json:",omitempty"`
		Struct   struct{}       `json:",omitempty"`
		NilMap   map[string]int
		NilList  []string
		None     []string
		Bytes    []byte
		Deep     *odd
		Texts    map[byText]*byPointer
		Numbers  map[int]string
		Names    map[string]any
		List     []byPointer
		Pointers []*byPointer
		Any      any
		Pointer  byPointer
		Asks     asked `json:",omitzero"`
		Embeds   embeds
		Quoted   quoted
	}
	asked struct{ N int }
)

func (p *byPointer) MarshalJSON() ([]byte, error) { return []byte(`"n` + strconv.Itoa(p.N) + `"`), nil }
func (t byText) MarshalText() ([]byte, error)     { return []byte(t.a + "/" + t.b), nil }
func (a *asked) IsZero() bool                     { return a.N == 7 }

// largest is a writer that notes its largest write, and fails beyond a limit.
type largest struct {
	bytes.Buffer
	most, limit int
}

var errLimit = errors.New("beyond the limit")

func (l *largest) Write(b []byte) (int, error) {
	l.most = max(l.most, len(b))
	if l.limit > 0 && l.Len()+len(b) > l.limit {
		return 0, errLimit
	}
	return l.Buffer.Write(b)
}

// A value that is written in pieces is what json.Marshal writes.
func TestPiecesAreWhatMarshalWrites(t *testing.T) {
	full := odd{
		Plain: "<a & b>\u2028", Renamed: 1e21, Dropped: 1, hidden: 1, When: time.Unix(7, 0).UTC(), None: []string{}, Bytes: []byte("bytes"),
		Texts: map[byText]*byPointer{{"b", "<"}: {1}, {"a", "z"}: nil}, Numbers: map[int]string{10: "ten", 9: "nine"},
		Names: map[string]any{"<k>": 1, "": nil}, List: []byPointer{{1}, {2}}, Pointers: []*byPointer{{3}, nil}, Any: byPointer{4}, Pointer: byPointer{5},
		Asks: asked{7}, Embeds: embeds{byText{"x", "y"}}, Quoted: quoted{3},
	}
	deep := full
	deep.Deep, deep.Asks = &full, asked{8}
	for name, v := range map[string]any{
		"empty": odd{}, "full": full, "nested": deep, "a pointer": &deep, "no pointer": (*odd)(nil), "a map": map[string]odd{"k": full}, "a list": []odd{full, {}},
		"a text": "text", "an empty struct": struct{}{}, "an empty map": map[string]int{},
	} {
		want, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		var got bytes.Buffer
		s := newPieces(&got, nil)
		if s.value(reflect.ValueOf(v)); s.err != nil || got.String() != string(want) {
			t.Errorf("%s: %v\n%s\nwant\n%s", name, s.err, got.String(), want)
		}
	}
}

// No write is larger than an element, and after one that failed there are no more.
func TestPiecesAreSmall(t *testing.T) {
	v := struct{ Entries map[string]string }{map[string]string{}}
	for i := range 1000 {
		v.Entries[strconv.Itoa(i)] = strings.Repeat("x", 100)
	}
	var w largest
	s := newPieces(&w, &pace{})
	if s.value(reflect.ValueOf(v)); s.err != nil || w.most > 110 || w.Len() < 100_000 {
		t.Errorf("the largest of %d bytes is %d: %v", w.Len(), w.most, s.err)
	}
	w = largest{limit: 5000}
	s = newPieces(&w, nil)
	if s.value(reflect.ValueOf(v)); !errors.Is(s.err, errLimit) || w.Len() > 5000 || !strings.HasPrefix(w.String(), `{"Entries":{"0":`) {
		t.Errorf("%d bytes: %v", w.Len(), s.err)
	}
	bad := map[string]any{"a": 1, "b": func() {}}
	s = newPieces(&largest{}, nil)
	if s.value(reflect.ValueOf(bad)); s.err == nil {
		t.Error("a function was written")
	}
}
