package prometheus

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/timestamp"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/util/annotations"
)

// search is what the calls that look for series have in common.
type search struct {
	storage.Querier
	from, to int64
	limit    int
	sets     [][]*labels.Matcher // the selectors in match[]
}

// hint is how many the storage needs to find: one more tells that there are more.
func (s *search) hint() int {
	if s.limit > 0 && s.limit < math.MaxInt {
		return s.limit + 1
	}
	return s.limit
}

// search reads the parameters; wrong is how an error of match[] is told.
func (h *Handler) search(c *call, wrong func(error) *failure) (*search, *failure) {
	limit, f := c.limit()
	if f != nil {
		return nil, f
	}
	start, f := c.timeOf("start", timeMin)
	if f != nil {
		return nil, f
	}
	end, f := c.timeOf("end", timeMax)
	if f != nil {
		return nil, f
	}
	sets, err := h.parser.ParseMetricSelectors(c.Form["match[]"])
	if err != nil {
		return nil, wrong(err)
	}
	for _, set := range sets {
		if !slices.ContainsFunc(set, func(m *labels.Matcher) bool { return m != nil && !m.Matches("") }) {
			return nil, wrong(errors.New("match[] must contain at least one non-empty matcher"))
		}
	}
	s := &search{from: timestamp.FromTime(start), to: timestamp.FromTime(end), limit: limit, sets: sets}
	if s.Querier, err = Scoped(h.o.Data, c.scope).Querier(s.from, s.to); err != nil {
		return nil, failed(err)
	}
	return s, nil
}

// shut closes a querier. What it could fail with would have failed its reads.
func shut(q storage.Querier) { _ = q.Close() }

func plainly(err error) *failure { return &failure{kindBad, err} }

// union asks for each selector, and joins what is found, sorted.
func (s *search) union(ask func(...*labels.Matcher) ([]string, annotations.Annotations, error)) (any, *failure) {
	found := map[string]bool{}
	var said annotations.Annotations
	sets := s.sets
	if len(sets) == 0 {
		sets = [][]*labels.Matcher{nil}
	}
	for _, set := range sets {
		names, warnings, err := ask(set...)
		if err != nil {
			return nil, failed(err)
		}
		said = said.Merge(warnings)
		for _, n := range names {
			found[n] = true
		}
	}
	all := slices.AppendSeq([]string{}, maps.Keys(found))
	slices.Sort(all)
	if s.limit > 0 && len(all) > s.limit {
		all, said = all[:s.limit], said.Add(errTruncated)
	}
	return warned{data: all, said: said}, nil
}

// labelNames answers which labels there are.
func (h *Handler) labelNames(c *call) (any, *failure) {
	s, f := h.search(c, plainly)
	if f != nil {
		return nil, f
	}
	defer shut(s)
	return s.union(func(ms ...*labels.Matcher) ([]string, annotations.Annotations, error) {
		return s.LabelNames(c.Context(), &storage.LabelHints{Limit: s.hint()}, ms...)
	})
}

// labelValues answers which values a label has.
func (h *Handler) labelValues(c *call, name string) (any, *failure) {
	if strings.HasPrefix(name, "U__") {
		name = model.UnescapeName(name, model.ValueEncodingEscaping)
	}
	if !model.UTF8Validation.IsValidLabelName(name) {
		return nil, bad("invalid label name: %q", name)
	}
	s, f := h.search(c, plainly)
	if f != nil {
		return nil, f
	}
	defer shut(s)
	return s.union(func(ms ...*labels.Matcher) ([]string, annotations.Annotations, error) {
		return s.LabelValues(c.Context(), name, &storage.LabelHints{Limit: s.hint()}, ms...)
	})
}

// series answers which series there are.
func (h *Handler) series(c *call) (any, *failure) {
	if len(c.Form["match[]"]) == 0 {
		return nil, bad("no match[] parameter provided")
	}
	s, f := h.search(c, func(err error) *failure { return invalid("match[]", err) })
	if f != nil {
		return nil, f
	}
	defer shut(s)
	return s.list(c.Context())
}

func (s *search) list(ctx context.Context) (any, *failure) {
	hints := &storage.SelectHints{Start: s.from, End: s.to, Func: "series", Limit: s.hint()}
	sets := make([]storage.SeriesSet, len(s.sets))
	for i, set := range s.sets {
		sets[i] = s.Select(ctx, true, hints, set...)
	}
	set := storage.NewMergeSeriesSet(sets, 0, storage.ChainedSeriesMerge)
	found := []labels.Labels{}
	for set.Next() {
		if len(found)%128 == 0 && ctx.Err() != nil {
			return nil, failed(ctx.Err())
		}
		found = append(found, set.At().Labels())
		if s.limit > 0 && len(found) > s.limit {
			said := set.Warnings()
			return warned{data: found[:s.limit], said: said.Add(errTruncated)}, nil
		}
	}
	if err := set.Err(); err != nil {
		return nil, failed(fmt.Errorf("reading series: %w", err))
	}
	return warned{data: found, said: set.Warnings()}, nil
}
