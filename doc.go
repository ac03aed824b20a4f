// Package asynccalls lets services call each other over Kafka as easily as over
// HTTP.
//
// A [Service] registers endpoints with [Service.Handle] and sends requests to
// other services without waiting for them. A request is answered by no
// response, by one, or by any number, each delivered as soon as it is ready.
//
// A client chooses how to ask:
//   - [Service.Call] and [Service.CallOne] give the responses to the goroutine
//     that asked, and always tell how the call ended;
//   - [Service.Send] is for requests whose responses must not be lost: a handler
//     registered with [Service.HandleResponses] gets them, in any instance of
//     the service, also after a restart;
//   - [Service.Notify] asks for no response.
//
// Kafka is hidden behind a [github.com/asynccalls/asynccalls/driver.Driver].
// Package franz connects to a cluster, package memory is a broker inside the
// test process.
//
// A request is committed only after its handler succeeded and its responses
// were acknowledged, so it is handled at least once. Messages with one Key are
// handled one at a time and in order; others run in parallel.
package asynccalls
