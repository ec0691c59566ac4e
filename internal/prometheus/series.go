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

	"bellows.dev/bellows/internal/prometheus/query"
)

// search contains the parameters common to calls that search series.
type search struct {
	storage.Querier
	from, to int64
	limit    int
	sets     [][]*labels.Matcher // the selectors in match[]
}

// hint returns the number of results that the storage has to find: one more than the limit, to detect truncation.
func (s *search) hint() int {
	if s.limit > 0 && s.limit < math.MaxInt {
		return s.limit + 1
	}
	return s.limit
}

// search reads the parameters; wrong converts an error of match[].
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
	sets, err := query.Selectors(c.Form["match[]"])
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

// shut closes a querier. Its error is ignored, since reads would have failed before.
func shut(q storage.Querier) { _ = q.Close() }

func plainly(err error) *failure { return &failure{kindBad, err} }

// union evaluates each selector and merges the results, sorted.
func (s *search) union(ask func(...*labels.Matcher) ([]string, annotations.Annotations, error)) (any, *failure) {
	found := map[string]bool{}
	var warnings annotations.Annotations
	sets := s.sets
	if len(sets) == 0 {
		sets = [][]*labels.Matcher{nil}
	}
	for _, set := range sets {
		names, warnings, err := ask(set...)
		if err != nil {
			return nil, failed(err)
		}
		warnings = warnings.Merge(warnings)
		for _, n := range names {
			found[n] = true
		}
	}
	all := slices.AppendSeq([]string{}, maps.Keys(found))
	slices.Sort(all)
	if s.limit > 0 && len(all) > s.limit {
		all, warnings = all[:s.limit], warnings.Add(errTruncated)
	}
	return warned{data: all, warnings: warnings}, nil
}

// labelNames handles requests for label names.
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

// labelValues handles requests for the values of a label.
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

// series handles requests for series.
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
			warnings := set.Warnings()
			return warned{data: found[:s.limit], warnings: warnings.Add(errTruncated)}, nil
		}
	}
	if err := set.Err(); err != nil {
		return nil, failed(fmt.Errorf("reading series: %w", err))
	}
	return warned{data: found, warnings: set.Warnings()}, nil
}
