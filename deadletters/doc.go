// Package deadletters reads the dead letters of a service, and replays them: it
// puts messages that could not be handled back into the topics that they came
// from, when what was wrong with them, or with the service, is mended.
//
// [Read], [Replay] and [Drop] look at what is in the topic when their loop begins, from
// the beginning or from [Filter].FirstOffset to the end of each partition, and
// return. What gets there later, such as a letter that failed again meanwhile,
// is for the next time.
//
// A message that is replayed keeps its key, value, headers and ID, and counts its
// replays, so that one that fails for ever is not replayed for ever, see
// [Options].MaxReplays. Its dead letter stays where it is, with a mark behind
// it, so that the next Replay skips it. A Replay that is interrupted may leave
// letters that are replayed and not marked, and two at the same time do not see
// each other's marks: like everything here, replaying is at least once, and
// should be done by one process at a time.
//
// A letter that is of no use any more can be dropped: it gets a mark, too, and is
// skipped from then on.
//
// The driver must tell the position of its readers, see
// [github.com/asynccalls/asynccalls/driver.Reader]; packages franz and memory do.
// How replays are noted in the topics is specified in PROTOCOL.md, section 8.
package deadletters
