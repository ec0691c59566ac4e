// Package prometheus serves the APIs of Prometheus and OpenTelemetry on the metrics that CloudWatch calls read and alarms watch:
//
//   - Handler serves Prometheus' query API (Grafana, promtool) and receives remote write and OTLP, authenticated by the keys of the AWS APIs;
//   - Forwarder sends recorded samples to other systems by remote write;
//   - Evaluator evaluates the PromQL alarms that are due.
//
// Handler identifies callers by their key and restricts them to the metrics of their account and region.
package prometheus
