package deadletters

import (
	"context"
	"iter"

	"github.com/asynccalls/asynccalls/driver"
)

// Read returns the dead letters of a service that the filter chooses, partition
// by partition, in the order of their offsets. It reads and writes nothing
// before the loop over it begins, and may be looped over again. An error is the
// last element, without a letter; [driver.ErrNoTopic] if the service has no dead
// letters topic, so that there is no service of that name and prefix which has
// listened yet.
//
// Letters are read as the loop asks for them, so there may be any number. Each
// partition is read twice, as what marks a letter as replayed lies behind it;
// until the second time is over, some 100 bytes are kept for each mark.
func Read(ctx context.Context, d driver.Driver, service string, o Options) iter.Seq2[*Letter, error] {
	return func(yield func(*Letter, error) bool) {
		b, err := openBox(ctx, d, service, o)
		if err != nil {
			yield(nil, err)
			return
		}
		n := 0
		err = b.letters(ctx, func(l *Letter) bool {
			n++
			return yield(l, nil) && n != o.Filter.Limit
		})
		if err != nil {
			yield(nil, err)
		}
	}
}
