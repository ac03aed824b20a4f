// Package prove has package internal/prove look at driver confluent: processes and
// brokers are killed and stopped, and nothing is lost. It is all tests.
package prove
