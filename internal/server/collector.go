package server

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"bellows.dev/bellows/alarm"
	"bellows.dev/bellows/engine"
)

// collector collects the metrics of the server's parts at each scrape.
type collector struct{ s *Server }

var variantLabels = []string{"account", "region", "endpoint", "variant"}

func desc(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("bellows_"+name, help, labels, nil)
}

var (
	descUptime      = desc("uptime_seconds", "Seconds since the server started.")
	descInvocations = desc("invocations_total", "Invocations that the gateway answered.", "result")
	descJournal     = desc("journal_next_sequence", "Sequence number of the journal's next input.")
	descAside       = desc("inputs_set_aside_total", "Inputs that could not be recorded or replayed; table quarantine has them.")
	descWritable    = desc("journal_failing", "1 while the journal cannot be written, or too slowly, and changes are refused, or while decisions fail.")
	descTime        = desc("policy_time_seconds", "The time that policies run on, in seconds since 1970.")
	descDesired     = desc("instances_desired", "Instances of a variant that are wanted.", variantLabels...)
	descCurrent     = desc("instances_current", "Instances of a variant that serve.", variantLabels...)
	descHealth      = desc("variant_health", "1 for how a variant is, 0 for the others. Failing: its endpoint failed, no instance serves, or most answers are 5XX.",
		append(variantLabels[:len(variantLabels):len(variantLabels)], "health")...)
	descTargets   = desc("scalable_targets", "Registered scalable targets.", "account", "region")
	descAlarms    = desc("alarms", "Alarms by state.", "account", "region", "state")
	descAlarm     = desc("alarm_state", "1 for the state that an alarm is in, 0 for the others.", "account", "region", "alarm", "state")
	descTaken     = desc("ingested_datapoints_total", "Datapoints received by remote write and by OTLP.", "receiver", "result")
	descQueries   = desc("promql_alarm_queries_total", "Queries of PromQL alarms; skipped: a newer one came before.", "result")
	descQuerying  = desc("promql_alarm_query_seconds_total", "How long queries of PromQL alarms took.")
	descAsking    = desc("promql_alarm_queries_waiting", "Queries of PromQL alarms that wait.")
	descForwarded = desc("remote_write_samples_total", "Samples that were sent on, refused by the receiver, or dropped because too much waited.", "url", "result")
	descRetries   = desc("remote_write_retries_total", "Requests of remote write that were sent again.", "url")
	descWaiting   = desc("remote_write_pending_intervals", "Intervals of metrics that wait to be sent on; each has four samples.", "url")
	descDisk      = desc("history_disk_bytes", "Disk space that the history of metrics takes, by the resolution of its datapoints.", "resolution")
	descDiskMax   = desc("history_disk_limit_bytes", "Disk space that the history may take.")
	descKept      = desc("history_kept_time_seconds", "The time up to which all that was recorded is on disk, in seconds since 1970.")
	descHistory   = desc("history_failing", "1 while the history cannot be written.")
	descDamage    = desc("data_damage", "Findings of missing or damaged data on disk since the start; /health describes them.")
	descHeld      = desc("history_waiting_samples", "Samples that wait to be written to the history: in memory and in the journal until then.")
	descPast      = desc("history_series", "Series in the history's memory.", "resolution")
	descSeries    = desc("metric_series", "Metrics that an account has in a region.", "account", "region")
	descSeriesMax = desc("metric_series_limit", "Metrics that an account may have, in all its regions.")
	descSeriesNot = desc("metric_series_refused_datapoints_total", "Datapoints that were refused because their account has too many metrics.")
	descModel     = desc("invocation_model_duration_seconds", "How long invocations took in the model servers.", variantLabels...)
)

// Describe implements prometheus.Collector. It describes nothing: which metrics there are depends on the state.
func (c *collector) Describe(chan<- *prometheus.Desc) {}

// Collect implements prometheus.Collector.
func (c *collector) Collect(ch chan<- prometheus.Metric) {
	served, failed := c.s.gateway.Totals()
	count(ch, descInvocations, float64(served), "served")
	count(ch, descInvocations, float64(failed), "failed")
	gauge(ch, descUptime, time.Since(c.s.started).Seconds())
	gauge(ch, descJournal, float64(c.s.control.Next()))
	_, trouble := c.s.control.Trouble()
	gauge(ch, descWritable, truth(trouble))
	count(ch, descAside, float64(c.s.control.Refused()))
	gauge(ch, descSeriesMax, float64(c.s.series.most))
	count(ch, descSeriesNot, float64(c.s.series.refused.Load()))
	c.traffic(ch)
	c.history(ch)
	there := map[engine.VariantKey]bool{}
	if err := c.s.control.View(context.Background(), func(now time.Time, e *engine.Engine) { collect(ch, now, e, there) }); err != nil {
		c.s.o.Log.Warn("metrics without the engine's", "error", err)
		return
	}
	for key, l := range c.s.instruments.snapshot(there) {
		ch <- prometheus.MustNewConstHistogram(descModel, l.count, l.seconds, l.buckets, key.Account, key.Region, key.Endpoint, key.Variant)
	}
}

// traffic collects the metrics of remote write, OTLP and PromQL alarms.
func (c *collector) traffic(ch chan<- prometheus.Metric) {
	for _, x := range c.s.prometheus.Ingested() {
		count(ch, descTaken, float64(x.Taken), x.Receiver, "taken")
		count(ch, descTaken, float64(x.Refused), x.Receiver, "refused")
	}
	v := c.s.evaluator.Counts()
	count(ch, descQueries, float64(v.Evaluated-v.Failed), "evaluated")
	count(ch, descQueries, float64(v.Failed), "failed")
	count(ch, descQueries, float64(v.Skipped), "skipped")
	count(ch, descQuerying, v.Seconds)
	gauge(ch, descAsking, float64(v.Waiting))
	for _, f := range c.s.forwarders {
		n := f.Counts()
		count(ch, descForwarded, float64(n.Sent), f.Name(), "sent")
		count(ch, descForwarded, float64(n.Failed), f.Name(), "failed")
		count(ch, descForwarded, float64(n.Dropped), f.Name(), "dropped")
		count(ch, descRetries, float64(n.Retries), f.Name())
		gauge(ch, descWaiting, float64(n.Waiting), f.Name())
	}
}

// history collects the metrics of the history of metrics.
func (c *collector) history(ch chan<- prometheus.Metric) {
	st := c.s.history.Status()
	for _, t := range st.Tiers {
		gauge(ch, descDisk, float64(t.Bytes), t.Resolution.String())
		gauge(ch, descPast, float64(t.Series), t.Resolution.String())
	}
	gauge(ch, descDiskMax, float64(st.BytesMax))
	gauge(ch, descHistory, truth(st.Failure != ""))
	gauge(ch, descHeld, float64(st.Held))
	gauge(ch, descDamage, float64(len(c.s.damage)+len(st.Damage)))
	if !st.Kept.IsZero() {
		gauge(ch, descKept, float64(st.Kept.Unix()))
	}
}

func gauge(ch chan<- prometheus.Metric, d *prometheus.Desc, v float64, labels ...string) {
	ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
}

func count(ch chan<- prometheus.Metric, d *prometheus.Desc, v float64, labels ...string) {
	ch <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, v, labels...)
}

// alarmsShown bounds the alarms that have a series of their own, per region; all are counted by state.
const alarmsShown = 500

// collect collects the metrics of the engine's state, and adds the variants that exist to there.
func collect(ch chan<- prometheus.Metric, now time.Time, e *engine.Engine, there map[engine.VariantKey]bool) {
	gauge(ch, descTime, float64(now.UnixMilli())/1e3)
	for _, r := range e.Regions() {
		account, region := r.Scope.Account, r.Scope.Region
		gauge(ch, descSeries, float64(r.Metrics.Len()), account, region)
		for name, x := range r.Hosting.Endpoints {
			for _, v := range x.Variants {
				there[engine.VariantKey{Scope: r.Scope, Endpoint: name, Variant: v.Config.Name}] = true
				gauge(ch, descDesired, float64(v.Desired), account, region, name, v.Config.Name)
				gauge(ch, descCurrent, float64(x.Serving(v)), account, region, name, v.Config.Name)
				health, _ := r.Health(now, x, v)
				for _, h := range []engine.Health{engine.Healthy, engine.Degraded, engine.Failing} {
					gauge(ch, descHealth, truth(h == health), account, region, name, v.Config.Name, h.String())
				}
			}
		}
		states := []alarm.State{alarm.OK, alarm.InAlarm, alarm.InsufficientData}
		total := map[alarm.State]int{}
		shown := 0
		for name, now := range r.Alarms.States() {
			total[now]++
			for _, state := range states {
				if shown < alarmsShown {
					gauge(ch, descAlarm, truth(now == state), account, region, name, state.String())
				}
			}
			shown++
		}
		for _, state := range states {
			gauge(ch, descAlarms, float64(total[state]), account, region, state.String())
		}
		gauge(ch, descTargets, float64(len(r.Targets.Targets)), account, region)
	}
}

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// promLog logs the errors of Prometheus' library.
type promLog struct{ log *slog.Logger }

// Println implements promhttp.Logger.
func (l promLog) Println(v ...any) { l.log.Error("metrics cannot be shown", "error", fmt.Sprint(v...)) }
