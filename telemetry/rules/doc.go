// Package rules has no code: the folder holds alerting rules for Prometheus
// (alerts.yaml) and a dashboard for Grafana (dashboard.json) made for the metrics of
// package telemetry, and the tests that check them. It is a module of its own, so
// that neither the library nor package telemetry depends on Prometheus.
// docs/operations.md says how to load them, and what each alert means.
package rules
