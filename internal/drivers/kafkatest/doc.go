// Package kafkatest is what the drivers for Kafka promise beyond the contract of
// package driver, as tests: what happens when brokers are away, refuse, forget
// members, or tell nothing of their topics.
//
// Each test is a function that takes how the driver under test is opened. It runs
// on brokers inside the process, which it tampers with if need be, and where it
// needs none of that also on Apache Kafka, see [Clusters]. The caller has called
// t.Parallel. What only one driver promises is a test of that driver; it finds
// here what is at hand for the others.
package kafkatest
