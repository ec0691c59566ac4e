package listing

import (
	"context"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/applicationautoscaling"
	scalingtypes "github.com/aws/aws-sdk-go-v2/service/applicationautoscaling/types"

	"bellows.dev/bellows/internal/client"
	"bellows.dev/bellows/internal/term"
)

// Variant is one variant, as the console's API has it (schema Variant in openapi.yaml). Against AWS, members that need Bellows have no value.
type Variant struct {
	Region    string    `json:"region"`
	Endpoint  string    `json:"endpoint"`
	Variant   string    `json:"variant"`
	Status    string    `json:"status"`
	Health    string    `json:"health,omitempty"`
	Trouble   string    `json:"trouble,omitempty"`
	Type      string    `json:"instance_type,omitempty"`
	Desired   int       `json:"desired"`
	Running   int       `json:"running"`
	Starting  string    `json:"starting,omitempty"`
	Scaled    bool      `json:"scaled"`
	Min       int       `json:"min"`
	Max       int       `json:"max"`
	PerMinute float64   `json:"invocations_per_minute"`
	Errors    float64   `json:"errors"`
	InAlarm   []string  `json:"in_alarm"`
	Warnings  []string  `json:"warnings"`
	Load      []float64 `json:"load"`
	Changed   *Changed  `json:"changed,omitempty"`
}

// Changed is the latest change of a variant's desired capacity.
type Changed struct {
	At   time.Time `json:"at"`
	From int       `json:"from"`
	To   int       `json:"to"`
	Why  string    `json:"why"`
}

// Variants is a page of variants, as the console's API has it (schema VariantList).
type Variants struct {
	Now      time.Time      `json:"now"`
	Trouble  string         `json:"trouble,omitempty"`
	All      int            `json:"all"`
	Total    int            `json:"total"`
	Counts   map[string]int `json:"counts"`
	Variants []Variant      `json:"variants"`
}

// VariantsQuery selects variants. The zero value selects all, the worst health first.
type VariantsQuery struct {
	Text   string // part of the endpoint, variant, region or status
	State  string // failing, degraded, in_alarm, warned or changing
	Sort   string // name, load, errors or capacity
	Limit  int    // 0: all
	Offset int
}

// pageMax is the most variants that the server returns at a time.
const pageMax = 1000

// ReadVariants returns the variants that a query selects.
func ReadVariants(ctx context.Context, c *client.Client, q VariantsQuery) (Variants, error) {
	if c.AWS() {
		return variantsOfAWS(ctx, c, q)
	}
	values := url.Values{}
	for name, v := range map[string]string{"q": q.Text, "state": q.State, "sort": q.Sort} { //tidy:unordered each is set
		if v != "" {
			values.Set(name, v)
		}
	}
	var all Variants
	for offset := q.Offset; ; {
		limit := pageMax
		if q.Limit > 0 {
			limit = min(pageMax, q.Limit-len(all.Variants))
		}
		values.Set("offset", strconv.Itoa(offset))
		values.Set("limit", strconv.Itoa(limit))
		var page Variants
		if err := c.Read(ctx, "variants", values, &page); err != nil {
			return Variants{}, err
		}
		page.Variants, offset = append(all.Variants, page.Variants...), offset+len(page.Variants)
		done := len(page.Variants) == len(all.Variants) || offset >= page.Total || q.Limit > 0 && len(page.Variants) >= q.Limit
		if all = page; done {
			return all, nil
		}
	}
}

// variantsOfAWS returns what AWS's API says of variants.
func variantsOfAWS(ctx context.Context, c *client.Client, q VariantsQuery) (Variants, error) {
	if q.State != "" && q.State != "changing" || q.Sort != "" && q.Sort != "name" && q.Sort != "capacity" {
		return Variants{}, fmt.Errorf("AWS's API does not say which variants are %s", strings.TrimSpace(q.State+" "+q.Sort))
	}
	described, err := describe(ctx, c, nil)
	if err != nil {
		return Variants{}, err
	}
	targets, err := readTargets(ctx, c, "")
	if err != nil {
		return Variants{}, err
	}
	out := Variants{Now: time.Now(), Counts: map[string]int{}, Variants: []Variant{}}
	for _, e := range described {
		for _, v := range e.ProductionVariants {
			x := Variant{
				Region: c.Region(), Endpoint: aws.ToString(e.EndpointName), Variant: aws.ToString(v.VariantName), Status: string(e.EndpointStatus),
				Trouble: aws.ToString(e.FailureReason), Desired: int(aws.ToInt32(v.DesiredInstanceCount)), Running: int(aws.ToInt32(v.CurrentInstanceCount)),
				InAlarm: []string{}, Warnings: []string{}, Load: []float64{},
			}
			if t, found := targets[*resource(x.Endpoint, x.Variant)]; found {
				x.Scaled, x.Min, x.Max = true, int(aws.ToInt32(t.MinCapacity)), int(aws.ToInt32(t.MaxCapacity))
			}
			changing := x.Desired != x.Running || x.Status != "InService"
			if changing {
				out.Counts["changing"]++
			}
			out.All++
			if (q.State == "" || changing) && strings.Contains(strings.ToLower(x.Endpoint+"/"+x.Variant+" "+x.Status), strings.ToLower(q.Text)) {
				out.Variants = append(out.Variants, x)
			}
		}
	}
	slices.SortFunc(out.Variants, func(a, b Variant) int {
		if q.Sort == "capacity" && a.Desired != b.Desired {
			return b.Desired - a.Desired
		}
		return strings.Compare(a.Endpoint+"/"+a.Variant, b.Endpoint+"/"+b.Variant)
	})
	out.Total = len(out.Variants)
	return out, nil
}

// readTargets returns the scalable targets of an endpoint's variants by resource ID, of all endpoints with "".
func readTargets(ctx context.Context, c *client.Client, endpoint string) (map[string]scalingtypes.ScalableTarget, error) {
	all := map[string]scalingtypes.ScalableTarget{}
	pages := applicationautoscaling.NewDescribeScalableTargetsPaginator(c.Scaling, &applicationautoscaling.DescribeScalableTargetsInput{
		ServiceNamespace: scalingtypes.ServiceNamespaceSagemaker,
	})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, err
		}
		for _, t := range page.ScalableTargets {
			if id := aws.ToString(t.ResourceId); ofEndpoint(id, endpoint) {
				all[id] = t
			}
		}
	}
	return all, nil
}

// ListVariants lists variants with load, capacity, alarms and what is wrong.
func ListVariants(ctx context.Context, c *client.Client, q VariantsQuery) (term.Answer, error) {
	list, err := ReadVariants(ctx, c, q)
	if err != nil {
		return term.Answer{}, err
	}
	a := term.Answer{JSON: list, Blocks: []term.Block{VariantsTable(list)}}
	if list.Trouble != "" {
		a.Blocks = slices.Insert(a.Blocks, 0, term.Block(term.Line(term.Toned(term.Bad, list.Trouble))))
	}
	return a, nil
}

// VariantsTable returns a table of variants.
func VariantsTable(list Variants) term.Table {
	t := term.Table{
		Header: []string{"VARIANT", "STATUS", "HEALTH", "INSTANCES", "RANGE", "LOAD/MIN", "15 MINUTES", "ERRORS", "ALARMS", "NOTE"},
		Empty:  "There is no variant. `bellows deploy` makes an endpoint with one.",
	}
	if list.All > 0 {
		t.Empty = "None of the variants matches."
	}
	for _, v := range list.Variants {
		t.Rows = append(t.Rows, []term.Cell{
			term.Plain(v.Endpoint + "/" + v.Variant), term.Status(v.Status), term.Status(v.Health), capacity(v.Running, v.Desired), term.Plain(v.Range()),
			term.Number("%.4g", v.PerMinute), term.Toned(term.Accent, term.Spark(v.Load)), errorsOf(v.Errors), alarmsOf(v.InAlarm), v.note(),
		})
	}
	return t
}

// Range writes the least and most instances; "" where the variant is no scalable target.
func (v Variant) Range() string {
	if !v.Scaled {
		return ""
	}
	return fmt.Sprintf("%d..%d", v.Min, v.Max)
}

func errorsOf(n float64) term.Cell {
	c := term.Number("%g", n)
	if n > 0 {
		c.Tone = term.Bad
	}
	return c
}

func alarmsOf(names []string) term.Cell {
	return term.Toned(term.Bad, strings.Join(names, " "))
}

// note is the most urgent thing to know of a variant.
func (v Variant) note() term.Cell {
	switch {
	case v.Trouble != "":
		return term.Toned(term.Bad, v.Trouble)
	case v.Starting != "":
		return term.Toned(term.Warning, v.Starting)
	case len(v.Warnings) > 0:
		return term.Toned(term.Warning, v.Warnings[0])
	case v.Changed != nil:
		return term.Plain(fmt.Sprintf("%s %d → %d: %s", v.Changed.At.UTC().Format("15:04"), v.Changed.From, v.Changed.To, v.Changed.Why))
	}
	return term.Cell{}
}

// Instance is an instance of a variant.
type Instance struct {
	Endpoint   string    `json:"endpoint"`
	Variant    string    `json:"variant"`
	ID         string    `json:"id"`
	State      string    `json:"state"` // Pending, InService or Terminating
	Ready      bool      `json:"ready"`
	Generation int       `json:"generation"`
	Copies     []string  `json:"copies"`                  // IDs of its model servers, which their logs are named after
	Reason     string    `json:"reason,omitempty"`        // why it does not serve
	Asked      time.Time `json:"asked,omitzero"`          // wall time at which its latest start was asked for
	Seconds    float64   `json:"start_seconds,omitempty"` // that its latest start took
	Slowest    string    `json:"slowest_stage,omitempty"` // of that start: capacity, model data, container or health
}

// instanceAnswer is what the command prints as JSON.
type instanceAnswer struct {
	Instances []Instance `json:"instances"`
}

// explained is what is read of an explanation.
type explained struct {
	Moment struct {
		Instances []struct {
			ID         string `json:"id"`
			State      string `json:"state"`
			Generation int    `json:"generation"`
			Copies     []struct {
				ID        string `json:"id"`
				Ready     bool   `json:"ready"`
				Reason    string `json:"reason"`
				Unhealthy string `json:"unhealthy"`
				Stages    *Stages
			} `json:"copies"`
		} `json:"instances"`
	} `json:"moment"`
}

// Stages are the wall times at which a start reached each stage.
type Stages struct {
	Asked     time.Time `json:"asked"`
	Scheduled time.Time `json:"scheduled"`
	DataReady time.Time `json:"data_ready"`
	Started   time.Time `json:"started"`
	Healthy   time.Time `json:"healthy"`
}

// Took returns how long the start took, and its longest stage; 0 where it has not ended.
func (s Stages) Took() (d time.Duration, slowest string) {
	if s.Healthy.IsZero() || s.Asked.IsZero() {
		return 0, ""
	}
	last, longest := s.Asked, time.Duration(-1)
	for _, x := range []struct {
		name string
		at   time.Time
	}{{"capacity", s.Scheduled}, {"model data", s.DataReady}, {"container", s.Started}, {"health", s.Healthy}} {
		if x.at.IsZero() {
			continue
		}
		if d := x.at.Sub(last); d > longest {
			longest, slowest = d, x.name
		}
		last = x.at
	}
	return s.Healthy.Sub(s.Asked), slowest
}

// ReadInstances returns the instances of an endpoint's variants, or of one.
func ReadInstances(ctx context.Context, c *client.Client, endpoint, variant string) ([]Instance, error) {
	all := []Instance{}
	variants, err := variantsOf(ctx, c, endpoint, variant)
	if err != nil {
		return nil, err
	}
	for _, name := range variants {
		var x explained
		if err := c.Read(ctx, "explain", url.Values{"endpoint": {endpoint}, "variant": {name}, "region": {c.Region()}}, &x); err != nil {
			return nil, err
		}
		for _, i := range x.Moment.Instances {
			shown := Instance{Endpoint: endpoint, Variant: name, ID: i.ID, State: i.State, Generation: i.Generation, Ready: len(i.Copies) > 0, Copies: []string{}}
			for _, y := range i.Copies {
				shown.Copies = append(shown.Copies, y.ID)
				if !y.Ready {
					shown.Ready, shown.Reason = false, strings.TrimSpace(y.Reason+" "+y.Unhealthy)
				}
				if y.Stages != nil {
					took, slowest := y.Stages.Took()
					shown.Asked, shown.Seconds, shown.Slowest = y.Stages.Asked, took.Seconds(), slowest
				}
			}
			all = append(all, shown)
		}
	}
	return all, nil
}

// variantsOf returns the variants of an endpoint, or the one that is named.
func variantsOf(ctx context.Context, c *client.Client, endpoint, variant string) ([]string, error) {
	if variant != "" {
		return []string{variant}, nil
	}
	described, err := describe(ctx, c, []string{endpoint})
	if err != nil {
		return nil, err
	}
	names := map[string]bool{}
	for _, v := range described[0].ProductionVariants {
		names[aws.ToString(v.VariantName)] = true
	}
	if d := described[0].PendingDeploymentSummary; d != nil {
		for _, v := range d.ProductionVariants {
			names[aws.ToString(v.VariantName)] = true
		}
	}
	return slices.Sorted(maps.Keys(names)), nil
}

// Instances lists the instances of an endpoint's variants, or of one.
func Instances(ctx context.Context, c *client.Client, endpoint, variant string) (term.Answer, error) {
	if c.AWS() {
		return term.Answer{}, client.OnlyBellows("the instances of an endpoint (`bellows variants` has their number)")
	}
	all, err := ReadInstances(ctx, c, endpoint, variant)
	if err != nil {
		return term.Answer{}, err
	}
	t := term.Table{Header: []string{"INSTANCE", "VARIANT", "STATE", "START", "SLOWEST STAGE", "SINCE", "NOTE"}, Empty: "No instance runs: the desired capacity is 0."}
	now := time.Now()
	for _, i := range all {
		took := ""
		if i.Seconds > 0 {
			took = fmt.Sprintf("%.1fs", i.Seconds)
		}
		t.Rows = append(t.Rows, []term.Cell{
			term.Plain(i.ID), term.Plain(i.Endpoint + "/" + i.Variant), term.Status(i.State), {Text: took, Right: true}, term.Plain(i.Slowest),
			term.Plain(Age(now, i.Asked)), term.Toned(term.Bad, i.Reason),
		})
	}
	return term.Answer{JSON: instanceAnswer{all}, Blocks: []term.Block{t}}, nil
}

// Life is the life of an instance in a time range (schema Timeline of openapi.yaml).
type Life struct {
	ID     string    `json:"id"`
	From   time.Time `json:"from"`
	To     time.Time `json:"to"`
	Stages []struct {
		Name    string  `json:"name"`
		Seconds float64 `json:"seconds"`
	} `json:"stages"`
}

// Start returns how many seconds the latest start took; 0 where that is not known.
func (l Life) Start() (seconds float64) {
	for _, s := range l.Stages {
		seconds += s.Seconds
	}
	return seconds
}

// ReadLives returns the lives of a variant's instances, in the last span of policy time.
func ReadLives(ctx context.Context, c *client.Client, endpoint, variant string, span time.Duration) ([]Life, error) {
	at, err := now(ctx, c)
	if err != nil {
		return nil, err
	}
	var t struct {
		Lives []Life `json:"instances"`
	}
	err = c.Read(ctx, "timeline", url.Values{
		"endpoint": {endpoint}, "variant": {variant}, "region": {c.Region()}, "points": {"1"},
		"from": {at.Add(-span).Format(time.RFC3339)}, "to": {at.Format(time.RFC3339)},
	}, &t)
	return t.Lives, err
}

// Targets returns the resource IDs of the scalable targets of an endpoint's variants, in order.
func Targets(ctx context.Context, c *client.Client, endpoint string) ([]string, error) {
	all, err := readTargets(ctx, c, endpoint)
	return slices.Sorted(maps.Keys(all)), err
}
