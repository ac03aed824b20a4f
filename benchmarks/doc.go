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
// The program exits with status 1 if a work could not be measured, and says
// why. A goal that was missed is not a failure of the program.
package main
