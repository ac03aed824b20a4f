// Package telemetry gives services traces and metrics by OpenTelemetry. It is a
// module of its own, so that the library itself depends on none of this.
//
//	stop, err := telemetry.Instrument(svc)
//
// No payload, key or header value gets into a span or a metric. The text of an error
// that a handler returns does get into a span, as its status.
//
// # Traces
//
// A call is one trace, from [asynccalls.Service.Call] to each response at its reader,
// as far as the services on its way are instrumented. Spans follow the semantic
// conventions for messaging (OpenTelemetry 1.43); what these have no attribute for is
// called asynccalls.*. The context crosses Kafka in the headers traceparent and
// tracestate of requests and responses (W3C Trace Context), and a dead letter keeps
// it: what is replayed belongs to the trace that it began with.
//
//	call SERVICE     producer  a call, until it has ended; asynccalls.responses says how many it got
//	send SERVICE     producer  a request of Send or Notify, until the broker has answered
//	process PATTERN  consumer  an attempt at a request; the next one has a link to it
//	respond SERVICE  producer  a response of a handler, until it is queued; below its attempt
//	receive SERVICE  consumer  a response to a call, at its reader; below respond
//	process PATTERN  consumer  an attempt at a response, by a handler of responses; below respond, too
//
// A call ends when its responses were read, or the loop over them is left. One whose
// responses nobody reads ends with its context; without that, it is not reported.
//
// # Metrics
//
// All have the attribute asynccalls.service, which is the ID of the service that
// reports. asynccalls.endpoint is the pattern of the handler, or _OTHER if there is
// none; asynccalls.peer is the other service; asynccalls.kind is request or response.
// What failed also has error.type: a status, such as 404, or one of deadline_exceeded,
// canceled, slow_reader, restarted, reply_lost, revoked, unknown_outcome, no_service,
// closed and _OTHER.
//
//	asynccalls.call.duration        s          histogram  a call as its caller sees it; by peer, see WithCallEndpoint
//	asynccalls.queue.duration       s          histogram  from the sending to the first attempt; by kind, endpoint
//	asynccalls.handler.duration     s          histogram  an attempt; by kind, endpoint
//	asynccalls.requests.sent        {request}  counter    requests that the broker has stored, or not; by peer
//	asynccalls.retries              {attempt}  counter    failed attempts with another to follow; by kind, endpoint
//	asynccalls.dead_letters         {message}  counter    by kind, endpoint
//	asynccalls.responses.late       {response} counter    that came after the end of their call
//	asynccalls.responses.duplicate  {response} counter    that were not delivered again
//	asynccalls.rebalances           {event}    counter    by asynccalls.change: assigned or revoked
//	asynccalls.gaps                 {gap}      counter    times that the broker has lost messages not received yet
//
// A time in the queue is by the clock of the broker and that of this host. The buckets
// of call.duration and handler.duration go from 1 ms to 60 s, those of queue.duration
// to an hour. The following are those of [asynccalls.Stats]:
//
//	asynccalls.calls.pending        {call}      gauge
//	asynccalls.calls.unread         By          gauge
//	asynccalls.replies.received     {response}  counter
//	asynccalls.replies.foreign      {response}  counter
//	asynccalls.handlers.running     {handler}   gauge
//	asynccalls.messages.ready       {message}   gauge
//	asynccalls.messages.parked      {message}   gauge
//	asynccalls.partitions.assigned  {partition} gauge
//	asynccalls.partitions.paused    {partition} gauge
//	asynccalls.window.use           1           gauge
//	asynccalls.lag                  {message}   gauge    by messaging.destination.name and .partition.id
//	asynccalls.commits              {commit}    counter
//	asynccalls.commits.failed       {commit}    counter
//
// The exporter for Prometheus calls them asynccalls_call_duration_seconds,
// asynccalls_retries_total, asynccalls_window_use_ratio and so on. The folder rules
// has a dashboard for Grafana and alerting rules for Prometheus made for these names.
package telemetry
