// Package embedded runs a Kafka broker inside the process: one node, on the
// loopback interface, in memory or with a data directory. It is there for tests,
// for examples and for trying things out by hand; clients connect to it over TCP
// as to any other broker.
//
//	broker, err := embedded.Start(embedded.Options{})
//	if err != nil {
//		return err
//	}
//	defer broker.Close()
//	d, err := franz.Open(broker.Addr())
//
// # Limits
//
// The broker is kfake, of the franz-go project, not Apache Kafka. It implements
// the protocol and checks what Kafka checks in most places, yet it is one
// goroutine that serves all requests, without replication, quotas, encryption and
// authentication. It does not look into records: it takes a record without a key
// for a topic that is compacted, and any time. A group does not notice that a
// member died while it joined until another one joins; until then nobody commits.
// A test that passes here should run against Apache Kafka too before anybody
// trusts it, and a measurement taken here says nothing about Kafka.
//
// A data directory survives the process. Records are written to it without
// waiting for the disk: what was acknowledged survives a crash of the process,
// but not necessarily one of the machine. After a crash it does not know any more
// what a producer wrote last, and can take the same record twice. Two brokers must not use the same
// directory at once; nothing prevents it.
package embedded
