// Package acurl is the command acurl, which calls services on Kafka by hand. It is
// no program itself: cmd/acurl is one, without cgo, and driver/confluent/cmd/acurl
// another, with a driver more that needs it.
package acurl
