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

// Page sorts items by key and returns at most limit items after a token, and the next token, "" at the end. Tokens
// contain a key, not a count, so items may be added and removed between pages. They are bound to an operation and its
// filters, whose text is bind. It returns *ErrToken for an invalid token.
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
	kept := make([]keyed, 0, len(items)) // keys are computed once: there may be many items
	for _, x := range items {
		if k := key(x); token == "" || order(k, after) > 0 {
			kept = append(kept, keyed{k, x})
		}
	}
	if limit <= 0 {
		return nil, "", nil // there is no next page
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

// Seal encodes a position as a token. It is bound to an operation and its filters, whose text is bind.
func Seal(position, bind string) string {
	return base64.RawURLEncoding.EncodeToString([]byte(digest(bind) + position))
}

// Open returns the position in a token made by Seal, "" for no token. It returns *ErrToken for an invalid token.
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
	h.Write([]byte(s)) // writing to a hash cannot fail
	return fmt.Sprintf("%016x", h.Sum64())
}
