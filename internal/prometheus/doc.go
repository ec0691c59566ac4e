// Package prometheus opens Bellows to the ecosystem around Prometheus, over the same metrics that CloudWatch's calls read and alarms
// watch:
//
//   - Doors answers Prometheus' query API (Grafana, promtool), takes remote write and OTLP, all behind the keys of the AWS APIs;
//   - Forwarder sends what is recorded on, by remote write;
//   - Evaluator evaluates the PromQL alarms that are due.
//
// Doors knows who asks, and shows each caller the metrics of their account and region only.
package prometheus
