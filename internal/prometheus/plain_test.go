package prometheus

import (
	"strings"
	"testing"

	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/internal/history"
	"bellows.dev/bellows/metric"
)

// keep stores a metric's last interval as the metric history does.
func (w *world) keep(s engine.Scope, id metric.ID, sum, count float64) {
	w.t.Helper()
	app := w.db.Appender(w.t.Context())
	for kind, v := range map[history.Kind]float64{history.Sum: sum, history.Count: count, history.Minimum: 0, history.Maximum: sum} {
		if _, err := app.Append(0, history.Labels(s, id, "None", kind), now.UnixMilli(), v); err != nil {
			w.t.Fatal(err)
		}
	}
	if err := app.Commit(); err != nil {
		w.t.Fatal(err)
	}
}

func wrote(name string, pairs ...string) metric.ID {
	var ds []metric.Dimension
	for i := 0; i < len(pairs); i += 2 {
		ds = append(ds, metric.Dimension{Name: pairs[i], Value: pairs[i+1]})
	}
	return metric.NewID(Namespace, name, ds...)
}

// Written series are found with their original names, labels and values, independent of their names in the metric history.
func TestWrittenSeriesKeepTheirNames(t *testing.T) {
	w := open(t)
	w.keep(home, wrote("http_request_duration_seconds_bucket", "le", "0.5", "region", "mars", "namespace", "kube-system"), 6, 2)
	w.keep(home, wrote("http_request_duration_seconds_bucket", "le", "+Inf", "region", "mars", "namespace", "kube-system"), 8, 1)
	w.keep(home, wrote("load_sum", "job", "a"), 7, 1) // a name with the suffix of a kind
	w.keep(engine.Scope{Account: home.Account, Region: "eu-west-1"}, wrote("load_sum", "job", "b"), 9, 1)
	w.keep(home, metric.NewID("N", "Queue", metric.Dimension{Name: "Host", Value: "h"}), 10, 4)
	const at = "1795608000"
	own := `"account":"123456789012","region":"us-east-1"`
	bucket := func(le string) string {
		return `"__name__":"http_request_duration_seconds_bucket","le":"` + le + `","region":"mars","namespace":"kube-system"`
	}
	for _, c := range []struct{ name, query, want string }{
		{"by name", `http_request_duration_seconds_bucket`, `{"metric":{` + bucket("+Inf") + `},"value":[1795608000,"8"]},{"metric":{` + bucket("0.5") + `},"value":[1795608000,"3"]}`},
		{"by a label the history calls otherwise", `http_request_duration_seconds_bucket{le="0.5",region="mars"}`, `{"metric":{` + bucket("0.5") + `},"value":[1795608000,"3"]}`},
		{"not by the scope's labels", `http_request_duration_seconds_bucket{region="us-east-1"}`, ``},
		{"by a label that is not there", `load_sum{job="a",nothing=""}`, `{"metric":{"__name__":"load_sum","job":"a"},"value":[1795608000,"7"]}`},
		{"by a pattern", `{__name__=~"load.*",job!="x"}`, `{"metric":{"__name__":"load_sum","job":"a"},"value":[1795608000,"7"]}`},
		{"not by the history's name", `prometheus_load_sum_sum`, ``},
		{"others as ever", `n_queue_sum / n_queue_count`, `{"metric":{"Host":"h","metric":"Queue","namespace":"N",` + own + `},"value":[1795608000,"2.5"]}`},
		{"joined", `histogram_quantile(0.5, http_request_duration_seconds_bucket)`, `{"metric":{"namespace":"kube-system","region":"mars"},"value":[1795608000,"0.5"]}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, body := w.get("query", "query", "sort("+c.query+")", "time", at)
			if c.name == "by name" {
				_, body = w.get("query", "query", "sort_desc("+c.query+")", "time", at)
			}
			same(t, body, `{"status":"success","data":{"resultType":"vector","result":[`+c.want+`]}}`)
		})
	}
	for path, want := range map[string]string{
		"label/__name__/values": `["http_request_duration_seconds_bucket","load_sum","n_queue_count","n_queue_max","n_queue_min","n_queue_sum"]`,
		"label/region/values":   `["mars","us-east-1"]`,
		"label/le/values":       `["+Inf","0.5"]`,
		"labels":                `["Host","__name__","account","job","le","metric","namespace","region"]`,
	} {
		_, body := w.get(path)
		same(t, body, `{"status":"success","data":`+want+`}`)
	}
	_, body := w.get("series", "match[]", `{job="a"}`)
	same(t, body, `{"status":"success","data":[{"__name__":"load_sum","job":"a"}]}`)
	_, body = w.get("metadata", "metric", "n_queue_max")
	same(t, body, `{"status":"success","data":{"n_queue_max":[{"type":"gauge","help":"Maximum of Queue in N, of each interval.","unit":""}]}}`)
	_, body = w.get("metadata", "limit", "2")
	if n := strings.Count(body, `"type"`); n != 2 {
		t.Errorf("%d families: %s", n, body)
	}
}
