// Command benchmarks measures asynccalls against the floor: raw franz-go that
// does the same work on the same broker in the same run.
//
//	go run . [-brokers HOST:PORT] [-works echo1,echo1k,…] [-rounds 5] [-json]
//
// Without -brokers it starts the broker of package embedded. Each work has fresh
// topics, and four processes of its own: a server and a client for either side.
// After a warm-up the two sides take turns, round by round. The program prints
// medians, the smallest and the largest of the rounds, and the ratio of the
// sides: the median of the ratios of the rounds, which holds where absolute
// numbers drift. A second table says what a call, or a response of a stream,
// cost each process in CPU time and allocations.
//
// The works echo1, echo1k, echo10k, stream100, stream100x100 and hello make calls.
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
// The program exits with status 1 if a work could not be measured, and says
// why. A goal that was missed is not a failure of the program.
package main
