package expr

import (
	"slices"

	"bellows.dev/bellows/metric"
)

// tokens are the tokens of a text in a search: its letters and digits in lower case, and where one token ends and the next begins, which is
// at a change of case, between letters and digits, and at every other character. Network-Errors_2 is networkerrors2, cut after k and s.
// AWS: CloudWatch user guide, search expression syntax, tokenization.
type tokens struct {
	text []byte
	cuts []int // ascending, without 0 and len(text)
}

func tokenize(src string) tokens { return tokenizeInto(tokens{}, src) }

// tokenizeInto appends to the slices of empty tokens.
func tokenizeInto(t tokens, src string) tokens {
	text, cuts, boundary := t.text, t.cuts, false
	for i := range len(src) {
		c := src[i]
		if !letter(c) && !digit(c) {
			boundary = true
			continue
		}
		if len(text) > 0 && (boundary || i > 0 && begins(src, i)) {
			cuts = append(cuts, len(text))
		}
		boundary = false
		if upper(c) {
			c += 'a' - 'A'
		}
		text = append(text, c)
	}
	return tokens{text, cuts}
}

// begins reports whether a token begins at i within a word: count|1, custom|Count, SDB|Failure.
func begins(src string, i int) bool {
	c, before := src[i], src[i-1]
	switch {
	case digit(c) != digit(before):
		return true
	case upper(c) && lower(before):
		return true
	default:
		return upper(c) && upper(before) && i+1 < len(src) && lower(src[i+1])
	}
}

// within reports whether a text has a term as one or several consecutive whole tokens, and the term has no cut where the text has none.
// AWS: recorded: customcount and CustomCount find CustomCount1, couNT and ount do not; CustomCount does not find customcount1.
func (t tokens) within(o tokens) bool {
	for start := 0; start+len(t.text) <= len(o.text); start++ {
		if slices.Equal(o.text[start:start+len(t.text)], t.text) && t.fits(o, start) {
			return true
		}
	}
	return false
}

func (t tokens) fits(o tokens, start int) bool {
	end := start + len(t.text)
	cut := func(i int) bool { return i == 0 || i == len(o.text) || slices.Contains(o.cuts, i) }
	if !cut(start) || !cut(end) {
		return false
	}
	for _, c := range t.cuts {
		if !cut(start + c) {
			return false
		}
	}
	return true
}

// filter returns a filter that every metric of the search matches, so that a source need not list all its metrics: the schema, and the exact
// values that the terms require.
func (s *search) filter() metric.Filter {
	f := metric.Filter{Namespace: s.namespace}
	for _, name := range s.dimensions {
		f.Dimensions = append(f.Dimensions, metric.Dimension{Name: name})
	}
	terms := []*term{s.term}
	if s.term != nil && s.term.kind == andTerm {
		terms = s.term.args
	}
	for _, t := range terms {
		if t == nil || t.kind != matchTerm || !t.exact {
			continue
		}
		switch t.property {
		case "", accountProperty:
		case nameProperty:
			f.Name = t.text
		case namespaceProperty:
			f.Namespace = t.text
		default:
			f.Dimensions = append(f.Dimensions, metric.Dimension{Name: t.property, Value: t.text})
		}
	}
	return f
}

// matches reports whether the search finds a metric. account is that of the metrics.
func (s *search) matches(id metric.ID, account string) bool {
	if s.schema && (id.Namespace != s.namespace || !s.sameDimensions(id)) {
		return false
	}
	return s.term == nil || s.term.matches(id, account)
}

// sameDimensions reports whether a metric has exactly the dimensions of the schema. AWS: recorded, and search expression examples.
func (s *search) sameDimensions(id metric.ID) bool {
	return slices.EqualFunc(id.Dimensions, s.dimensions, func(d metric.Dimension, name string) bool { return d.Name == name })
}

func (t *term) matches(id metric.ID, account string) bool {
	switch t.kind {
	case andTerm:
		return !slices.ContainsFunc(t.args, func(a *term) bool { return !a.matches(id, account) })
	case orTerm:
		return slices.ContainsFunc(t.args, func(a *term) bool { return a.matches(id, account) })
	case notTerm:
		return !t.args[0].matches(id, account)
	default:
		return t.matchesText(id, account)
	}
}

func (t *term) matchesText(id metric.ID, account string) bool {
	switch t.property {
	case nameProperty:
		return t.is(id.Name)
	case namespaceProperty:
		return t.is(id.Namespace)
	case accountProperty:
		return t.text == account || t.text == "LOCAL"
	case "":
		return t.is(id.Name) || t.is(id.Namespace) ||
			slices.ContainsFunc(id.Dimensions, func(d metric.Dimension) bool { return t.is(d.Name) || t.is(d.Value) })
	default:
		return slices.ContainsFunc(id.Dimensions, func(d metric.Dimension) bool { return d.Name == t.property && t.is(d.Value) })
	}
}

func (t *term) is(s string) bool {
	if t.exact {
		return s == t.text
	}
	if len(t.token.text) > len(s) {
		return false
	}
	var text [128]byte // enough for most names: a search examines many of them
	var cuts [32]int
	return t.token.within(tokenizeInto(tokens{text[:0], cuts[:0]}, s))
}
