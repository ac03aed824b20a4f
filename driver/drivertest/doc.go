// Package drivertest is the conformance suite of package driver: whatever
// passes [Run] is a driver.
//
// The suite knows nothing but the contract. It runs against a broker inside the
// process and against a shared cluster alike: each case opens its own driver,
// uses topics and groups with random names, and waits for events, never for
// time to pass.
package drivertest
