// Package warstories holds five bugs that services on a message broker have had in
// production, each with the fix beside it. All five pass their tests as long as
// things happen in the ordinary schedule. The tests of this package have
// asynccallstest look for the schedule in which they fail.
package warstories
