//go:build !cgo

package confluent

// Without cgo this package does not compile, and says why: librdkafka is written
// in C. Set CGO_ENABLED=1 and install a C compiler, or use package
// [github.com/asynccalls/asynccalls/driver/franz], which needs neither.
var _ = driver_confluent_needs_cgo_and_a_C_compiler
