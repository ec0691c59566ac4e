package awsapi

import (
	"cmp"
	"encoding/base64"
	"errors"
	"fmt"
	"hash/fnv"
	"slices"
	"strings"
)

// Page sorts items by key and returns the limit of them that follow a token, and the token to go on with, "" at the end. Tokens
// say where they stand, not how far they came: items may come and go between pages. They are bound to an operation and its
// filters, whose text is bind. It fails with *ErrToken.
func Page[T any](items []T, key func(T) string, descending bool, token, bind string, limit int) (page []T, next string, err error) {
	after, err := Open(token, bind)
	if err != nil {
		return nil, "", err
	}
	order := func(a, b string) int {
		if descending {
			return cmp.Compare(b, a)
		}
		return cmp.Compare(a, b)
	}
	type keyed struct {
		key  string
		item T
	}
	kept := make([]keyed, 0, len(items)) // keys are made once: there may be many items
	for _, x := range items {
		if k := key(x); token == "" || order(k, after) > 0 {
			kept = append(kept, keyed{k, x})
		}
	}
	if limit <= 0 {
		return nil, "", nil // a token would lead nowhere
	}
	slices.SortFunc(kept, func(a, b keyed) int { return order(a.key, b.key) })
	if len(kept) > limit {
		kept = kept[:limit]
		next = Seal(kept[limit-1].key, bind)
	}
	for _, x := range kept {
		page = append(page, x.item)
	}
	return page, next, nil
}

// Seal makes a token of a position. It is bound to an operation and its filters, whose text is bind.
func Seal(position, bind string) string {
	return base64.RawURLEncoding.EncodeToString([]byte(digest(bind) + position))
}

// Open returns the position that Seal made a token of, "" for none. It fails with *ErrToken.
func Open(token, bind string) (string, error) {
	if token == "" {
		return "", nil
	}
	text, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil {
		return "", &ErrToken{err, token}
	}
	position, ok := strings.CutPrefix(string(text), digest(bind))
	if !ok {
		return "", &ErrToken{errors.New("it belongs to another request"), token}
	}
	return position, nil
}

func digest(s string) string {
	h := fnv.New64a()
	h.Write([]byte(s)) // a hash does not fail
	return fmt.Sprintf("%016x", h.Sum64())
}
