package replies

const (
	// sample is how many records are looked at before they say anything.
	sample = 100_000

	// tolerable is how many records of others may come with each of our own.
	tolerable = 8

	// aim is how many would come if the advice of a Share is followed.
	aim = 3
)

// Share is how much of what a lane receives is for others: all instances that
// read one partition receive the responses of each other, and skip them. The zero
// Share is ready to use.
type Share struct{ own, others int }

// Count takes records in. Once for each sample it may say that there should be more
// partitions, by which factor.
func (s *Share) Count(own, others int) (factor int, tooMany bool) {
	s.own += own
	s.others += others
	if s.own+s.others < sample {
		return 0, false
	}
	factor, tooMany = 1+s.others/max(s.own, 1)/aim, s.others > tolerable*s.own
	*s = Share{}
	return min(factor, sample), tooMany
}
