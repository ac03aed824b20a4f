package main

// hello starts clients: from the start of the process to the first response,
// with the server running and the topics present. A client makes a call before
// it says that it is ready, so there is nothing to do in the client.
func hello() work {
	return work{
		name:     "hello",
		size:     100,
		inflight: 1,
		answers:  1,
		count:    3, // starts in a round, of which the median counts
		figures:  []figure{{"first response", "ms", goal{extra: 50}}},
	}
}
