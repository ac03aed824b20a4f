// Package confluent connects asynccalls to Kafka through librdkafka, a client
// library in C, by confluent-kafka-go. It is for those who use that already, or
// need what only librdkafka has, such as Kerberos; package
// [github.com/asynccalls/asynccalls/driver/franz] is the default.
//
//	d, err := confluent.Open("kafka-1:9092,kafka-2:9092", &kafka.ConfigMap{
//		"security.protocol": "sasl_ssl",
//		"sasl.mechanism":    "SCRAM-SHA-256",
//		"sasl.username":     "user",
//		"sasl.password":     "pass",
//	})
//
// Both drivers can be used side by side: their members share the groups, a key
// goes to the same partition, and what one publishes the other receives.
//
// # Building
//
// The package needs cgo and a C compiler; librdkafka itself comes with
// confluent-kafka-go for Linux, macOS and Windows. Without cgo the package does
// not compile, and the error says so. With Alpine Linux, build with the tag musl.
//
// # Settings
//
// Open takes the settings of librdkafka by their names (its file
// CONFIGURATION.md), which reach each client of the driver: one that publishes and
// administrates, one more for each limit of size that topics have, one per group,
// one per reader. Those that would break the contract of package driver are an
// error that names them, and says what is right:
//   - what the driver sets: acks, enable.idempotence, max.in.flight (1),
//     retries, message.timeout.ms, message.max.bytes, batch.size, partitioner,
//     group.id, partition.assignment.strategy, auto.offset.reset, enable.auto.commit,
//     enable.auto.offset.store, enable.partition.eof, fetch.error.backoff.ms,
//     topic.metadata.propagation.max.ms, allow.auto.create.topics, and all that begin
//     with go., but for the channel of logs;
//   - what it has no use for: transactional.id, group.instance.id, group.protocol
//     other than classic, statistics.interval.ms, and others.
//
// All others may be set. The defaults that differ from those of librdkafka:
//   - records are not held back to fill batches (linger.ms 0), and the buffer is
//     that of the driver: queue.buffering.max.messages (100,000) and
//     queue.buffering.max.kbytes (64 MiB) bound all clients together;
//   - isolation.level is read_uncommitted, as in other clients;
//   - heartbeats are sent each second, and a group waits for a member for a minute
//     (max.poll.interval.ms);
//   - a broker answers a fetch after a quarter of a second at the latest, and about
//     16 MiB are fetched ahead (queued.max.messages.kbytes);
//   - what can't be reached is tried again after a second at the latest
//     (reconnect.backoff.max.ms), and not waited for longer than 10 s
//     (socket.timeout.ms).
//
// librdkafka writes its logs to the standard error. The driver does not let it; to
// see them, give go.logs.channel.enable and go.logs.channel, and read all that
// comes there.
//
// # Requests on their way
//
// A client has one request to publish on its way to each broker. With more, librdkafka
// 2.14.1 can lose records, and say that they were written: when the first batch for a
// partition meets a broker that does not lead it yet, and the next one succeeds, since
// the broker takes any batch for the first of a producer, librdkafka takes the first
// batch for written as well ("implicitly acked"). With the number of records that fit a
// batch, one request is as fast as five in our benchmarks.
//
// # Records
//
// The time of a record that was published is that of the publisher, also where
// the topic replaces it with the time of the broker: confluent-kafka-go does not
// tell. Its offset is -1 if the client had to send it again, and the broker
// answered that it has it, without saying where. A header whose key has a zero
// byte is refused, as librdkafka would cut it; such a key that others published is
// received cut.
//
// # Records that are refused
//
// The driver asks for the size that a topic accepts before it publishes the first
// record there, so that batches fit; a client that may not ask (DescribeConfigs)
// takes the default of Kafka. Should the broker refuse a batch nevertheless, for
// its size or for the content of one record, the driver sends the records of that
// batch again in order and in parts, down to single records, until only those are
// refused that the broker does not take. Records of that topic handed over
// meanwhile wait for their turn. One gap remains, which librdkafka does not let a
// driver close: records that were in its hands already when it learned of the
// refusal are written before those that are sent again.
//
// # Lost records
//
// Positions are never reset in silence. A position that is not in the log any
// more is reported as [driver.LostError], and receiving goes on at the first
// record of the log. librdkafka does not notice that a topic was deleted and
// created again, if the new one is long enough; the driver looks after each pause
// of 0.4 s in a partition, and every 5 s. So of a busy topic that was created again,
// records may be received before that is reported; then all are received, from the
// first one on.
//
// # Closing
//
// A member that is closed leaves its group at once, also in the middle of a
// rebalance, unless another member is slow to give its partitions up: Close waits
// for that for 10 s. If the broker is away, and has not answered a commit, the
// client goes on in the background until it is back, while Close returns after a few
// seconds.
package confluent
