// Command benchmarks measures asynccalls against the floor: raw franz-go that
// does the same work on the same broker in the same run.
//
//	go run . [-brokers HOST:PORT] [-works echo1,echo1k,…] [-rivals http,…] [-rounds 5] [-plot DIR] [-json]
//
// Without -brokers it starts the broker of package embedded. Each work has fresh
// topics, and processes of its own: a server and a client for each side. After a
// warm-up the sides take turns, round by round. A round takes about as long on each
// side, unless a work says how many calls it makes. The program prints medians, the
// smallest and the largest of the rounds, and the ratio of the sides: the median of
// the ratios of the rounds, which holds where absolute numbers drift. A second table
// says what a call, or a response of a stream, cost each process in CPU time and
// allocations.
//
// The works echo1, echo10, echo100, echo1k, echo10k, stream100, stream100x100 and
// hello make calls. The times of calls are those of all calls, or of about 10,000 in
// a round. sizes-10B, sizes-1KB, sizes-10KB and sizes-100KB are echo10k with other
// bodies, and sizes stands for all four. instances is echo10k by eight servers and
// eight clients, each a process of its own, beside the same by one of each; in ordinals
// the clients have ordinals (asynccalls.WithReplyOrdinal), and so a partition each.
//
// echo1, echo1k, echo10k, stream100 and stream100x100 are also done, in the same
// turns, by what users would pick instead: http is net/http and grpc is gRPC, both
// between the two processes; nats is the micro services of nats.go, with a server of
// NATS in a third process; watermill is its component requestreply, on the same
// Kafka. What they take is in tables of their own, with the ratio of asynccalls to
// each. Built with the tag confluent, which needs a C compiler, there are also librdkafka
// (confluent-kafka-go by itself, doing what the floor does), librdkafka-blind (the same
// without reports of what became of a record) and asynccalls-confluent (asynccalls with
// package driver/confluent). How each is tuned is said where it is written, in rivalhttp.go and so on.
// -rivals picks some of them, or none. They do not do the same: only with the floor,
// asynccalls and watermill a broker stores each request and each response. The CPU
// time of brokers is counted for nobody.
//
// send10k sends durable requests, whose responses the client handles in its own
// consumer group; its floor reads them in a group, too, and commits as often.
// outstanding awaits a million calls at once, which nobody answers, and says what
// each keeps in memory, what they cost the calls of echo1k beside them, and how
// long they take to end; its floor keeps a channel for each. -outstanding makes
// fewer calls.
//
// The works keys, onekey, backlog and neighbors measure how requests are
// delivered. Theirs are published once and wait; in each round every variant
// takes all of them, in a process of its own. What stands in the column of the
// floor: for keys and onekey, waiting as often as the handlers do; for backlog, a
// bare client that reads the same records; for neighbors, the same service with
// nothing strange beside. The keys are drawn with a seed, which is printed, and
// -seed draws them again. -backlog makes fewer requests wait.
//
// The works metrics10k, sampled10k and traces10k are echo10k by services that report
// metrics, metrics and one trace in a hundred, and metrics and all traces, with package
// telemetry, to exporters that drop them. What stands in the column of the floor is
// asynccalls without that.
//
// The works of growth tell how what a call costs grows with the number of something,
// and are measured only if -works names them: growth stands for all, growth-keys for
// those of one series, growth-keys-100 for one point of it. The series are
// outstanding, keys, partitions, instances, endpoints, wildcards and services; see
// growth.go. All but the first are echo10k with so many of these. outstanding makes
// its calls in bursts from one goroutine, and the server answers none before all of a
// burst were made. They have tables of their own: what a call cost at each point, and
// how that grows. What a call may cost at one point against another, if all calls
// together cost n log n, is the ratio of 1 + log₂ n of the two.
//
// -plot draws charts of what was measured: flight.svg if at least two of echo1 to
// echo10k were, size.svg if two of sizes and echo10k were, rivals.svg of echo10k, and
// growth.svg if two points of a series were.
//
// In the folder above, make bench measures all works but growth on Apache Kafka, and
// draws them, in about ten minutes; make bench-growth those of growth, in about six;
// make bench-quick the five that are also done by others, on the embedded broker, in
// about one.
//
// The program exits with status 1 if a work could not be measured, and says
// why. A goal that was missed is not a failure of the program.
package main
