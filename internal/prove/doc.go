// Package prove shows with real processes that nothing is lost, by any driver for
// Kafka: it is tests, and whoever calls them gives [Main] the driver. Instances of a
// service, a client and a broker are processes of their own, which the test starts
// from its own executable, kills, stops and starts again. Each writes down what it
// sees, and package checker judges all of it in the end.
//
// A seed leads to the same faults at the same times, but real processes do not
// repeat themselves: run a seed that has found something a few times.
package prove
