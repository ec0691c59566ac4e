package log

import (
	"encoding/base64"
	"fmt"
)

// SealToken is the token of a query that goes on behind a row.
func SealToken(at, id int64) string {
	return base64.RawURLEncoding.EncodeToString(fmt.Appendf(nil, "h1 %d %d", at, id))
}

// OpenToken reads a token. It fails with ErrToken.
func OpenToken(token string) (at, id int64, err error) {
	text, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil {
		return 0, 0, ErrToken
	}
	if _, err := fmt.Sscanf(string(text), "h1 %d %d", &at, &id); err != nil || SealToken(at, id) != token {
		return 0, 0, ErrToken
	}
	return at, id, nil
}
