// Package memory is a message broker inside the process, for tests and first
// steps.
//
// It behaves as Kafka does, and refuses what Kafka refuses: topics are not
// created by using them, their names and settings are checked, records that are
// too large are turned down, keys choose the partitions that Kafka's default
// partitioner chooses, and only those partitions that are assigned can be
// committed. Services that share a [Driver] talk to each other; several members
// of one group share its partitions, and rebalance cooperatively. A member that
// does not call Receive within a minute of a rebalance loses its partitions.
//
// Nothing is forgotten by itself: retention and compaction do not run.
// [Driver.DeleteRecords] and [Driver.DeleteTopic] do what an administrator
// does, so that a test can make records disappear.
//
// The driver starts no goroutine, and waits for channels and timers only, so
// that it can be used within a bubble of testing/synctest.
package memory
