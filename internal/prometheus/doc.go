// Package prometheus serves the APIs of Prometheus and OpenTelemetry, over the same metrics that CloudWatch's calls read and alarms watch:
//
//   - Handler answers Prometheus' query API (Grafana, promtool), takes remote write and OTLP, all behind the keys of the AWS APIs;
//   - Forwarder sends what is recorded on, by remote write;
//   - Evaluator evaluates the PromQL alarms that are due.
//
// Handler identifies the caller by their key, and shows them the metrics of their account and region only.
package prometheus
