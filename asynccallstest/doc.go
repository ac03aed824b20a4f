// Package asynccallstest tests services without a broker.
package asynccallstest
