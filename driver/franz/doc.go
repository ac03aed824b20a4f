// Package franz connects asynccalls to Kafka through franz-go, a client library
// in pure Go. It is the default driver.
//
//	d, err := franz.Open("kafka-1:9092,kafka-2:9092",
//		kgo.DialTLSConfig(&tls.Config{…}),
//		kgo.SASL(scram.Auth{User: "user", Pass: "pass"}.AsSha256Mechanism()))
//
// # Options
//
// Open takes the options of franz-go, which reach each client of the driver: one
// that publishes and administrates, one per group, one per reader. Those that
// would break the contract of package driver are an error that names them. The
// defaults that differ from those of franz-go are few: records are not held back
// to fill batches ([kgo.ProducerLinger] 0), heartbeats are sent each second, what
// failed is tried again after a second at the latest, a batch may decompress to
// 128 MiB at most, and a broker answers a fetch after a quarter of a second at
// the latest, so that a partition which was resumed or assigned does not wait
// longer than that for its turn.
//
// # Records that are refused
//
// The driver asks for the size that a topic accepts before it publishes the first
// record there, so that batches fit; a client that may not ask (DescribeConfigs)
// takes the default of Kafka. The driver notices a limit changed later only when
// it is opened again. Should the broker refuse a batch nevertheless, for its size
// or for the content of one record, the driver sends the records of that partition
// again in order and in parts, down to single records, until only those are
// refused that the broker does not take. Records of that topic handed over
// meanwhile wait for their turn. One gap remains, which franz-go does not let a
// driver close: while the refusal makes its way to the driver, records that come
// later than the refused one may get to the broker, and then come before those
// that are sent again.
//
// # Lost records
//
// Positions are never reset in silence. A position that is not in the log any
// more is reported as [driver.LostError], and receiving goes on at the first
// record of the log. If the broker can tell where a log was truncated, it goes
// on there. A batch that decompresses to more than the bound is reported and
// skipped in the same way.
package franz
