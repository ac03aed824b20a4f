// Package asynccallstest tests services without a broker, as [net/http/httptest]
// tests handlers without a network.
//
// [Run] runs a test. In it [Broker.Start] starts services by the same functions that
// start them in production, and [Broker.Fake] others in their place. A test of a server
// hands it a request with [Instance.Call], and looks at what came of it; a test of a
// client lets it run, and looks at [Instance.Sent]. Handlers run as the library runs them,
// with retries, dead letters and order by key, but in virtual time, one thing after the
// other, in the same order each time.
//
// [Explore] runs a test in many ways: with crashes, repeated delivery, another order, lost
// acknowledgements and delays in all places. It shows the shortest way in which the test
// fails.
//
// The same tests run on a real broker with the option [On].
//
// Programs do not import this package.
package asynccallstest
