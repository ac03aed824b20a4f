package drivertest

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/asynccalls/asynccalls/driver"
)

func adminCases() map[string]scenario {
	return map[string]scenario{
		"create then use at once":            createThenUse,
		"create existing leaves it as it is": createExisting,
		"create several":                     createSeveral,
		"create refuses an illegal name":     createIllegal,
		"topics describes":                   topicsDescribes,
		"topics leaves out what is missing":  topicsMissing,
		"topics of no names is none":         topicsNone,
		"topics asks the broker":             topicsAsks,
		"admin obeys ctx":                    adminCanceled,
		"topics leaves out what was deleted": topicsDeleted,
	}
}

func createThenUse(ctx context.Context, f *fixture) {
	for range 5 {
		topic := f.topic(ctx, 2)
		f.publish(ctx, record(topic, 1, "0"))
		f.checkNumbered(f.receive(ctx, f.read(ctx, driver.Partition{Topic: topic, ID: 1}, 0), 1, 10), 0)
	}
}

func createExisting(ctx context.Context, f *fixture) {
	topic := f.create(ctx, driver.Topic{Partitions: 3, MaxBytes: 50_000})
	f.publish(ctx, record(topic, 2, "0"))
	other := f.name("other")
	f.topics = append(f.topics, other)
	err := f.driver.Create(ctx,
		driver.Topic{Name: topic, Partitions: 7, MaxBytes: 60_000}, driver.Topic{Name: other, Partitions: 2})
	if err != nil {
		f.Fatalf("create existing topic: %v", err)
	}
	want := map[string]driver.Topic{
		topic: {Partitions: 3, MaxBytes: 50_000},
		other: {Partitions: 2},
	}
	f.checkTopics(ctx, want)
	f.checkNumbered(f.receive(ctx, f.read(ctx, driver.Partition{Topic: topic, ID: 2}, 0), 1, 10), 0)
}

func createSeveral(ctx context.Context, f *fixture) {
	topics := make([]driver.Topic, 4)
	want := map[string]driver.Topic{}
	for i := range topics {
		topics[i] = driver.Topic{Name: f.name("several"), Partitions: int32(i + 1)}
		want[topics[i].Name] = topics[i]
	}
	if err := f.driver.Create(ctx, topics...); err != nil {
		f.Fatalf("create several topics: %v", err)
	}
	f.topics = append(f.topics, slices.Collect(maps.Keys(want))...)
	f.checkTopics(ctx, want)
}

func createIllegal(ctx context.Context, f *fixture) {
	for _, name := range []string{"", ".", "..", "with space", "with/slash", "größe", strings.Repeat("a", 250)} {
		if err := f.driver.Create(ctx, driver.Topic{Name: name, Partitions: 1}); err == nil {
			f.Errorf("create topic %q succeeded, want an error", name)
		}
	}
	longest := f.name("") + strings.Repeat("a", 249)
	f.topics = append(f.topics, longest[:249])
	if err := f.driver.Create(ctx, driver.Topic{Name: longest[:249], Partitions: 1}); err != nil {
		f.Errorf("create topic with a name of 249 characters: %v", err)
	}
}

func topicsDescribes(ctx context.Context, f *fixture) {
	one := f.create(ctx, driver.Topic{Partitions: 1, MaxBytes: 12_345})
	many := f.create(ctx, driver.Topic{Partitions: 5, Config: map[string]string{"retention.ms": "3600000"}})
	plain := f.create(ctx, driver.Topic{})
	topics, err := f.driver.Topics(ctx, one, many, plain)
	if err != nil || len(topics) != 3 {
		f.Fatalf("topics returned %d topics and error %v, want 3 and none", len(topics), err)
	}
	for _, topic := range topics {
		if topic.Partitions < 1 || topic.Replicas < 1 || topic.MaxBytes < 1 {
			f.Errorf("topic %+v, want positive Partitions, Replicas and MaxBytes", topic)
		}
		if topic.Config != nil {
			f.Errorf("topic %q has Config %v, want none", topic.Name, topic.Config)
		}
	}
	f.checkTopics(ctx, map[string]driver.Topic{one: {Partitions: 1, MaxBytes: 12_345}, many: {Partitions: 5}, plain: {}})
}

func topicsMissing(ctx context.Context, f *fixture) {
	topic := f.topic(ctx, 1)
	f.checkTopics(ctx, map[string]driver.Topic{topic: {Partitions: 1}}, f.name("missing"), f.name("missing"))
	f.checkTopics(ctx, nil, f.name("missing"))
}

func topicsNone(ctx context.Context, f *fixture) {
	f.topic(ctx, 1)
	f.checkTopics(ctx, nil)
}

// topicsAsks checks that nothing remembers a topic to be missing, and that
// asking for one does not create it.
func topicsAsks(ctx context.Context, f *fixture) {
	for range 3 {
		name := f.name("asked")
		f.checkTopics(ctx, nil, name)
		f.checkTopics(ctx, nil, name)
		f.topics = append(f.topics, name)
		if err := f.driver.Create(ctx, driver.Topic{Name: name, Partitions: 2}); err != nil {
			f.Fatalf("create topic: %v", err)
		}
		f.checkTopics(ctx, map[string]driver.Topic{name: {Partitions: 2}})
	}
}

func topicsDeleted(ctx context.Context, f *fixture) {
	topic := f.topic(ctx, 2)
	f.publish(ctx, record(topic, 0, "0"))
	f.checkTopics(ctx, map[string]driver.Topic{topic: {Partitions: 2}})
	if f.config.DeleteTopic == nil {
		f.Skip("topics can't be deleted")
	}
	if err := f.config.DeleteTopic(ctx, f.driver, topic); err != nil {
		f.Fatalf("delete topic: %v", err)
	}
	f.eventually(ctx, "topics leaves out a deleted topic", func() error {
		topics, err := f.driver.Topics(ctx, topic)
		if err == nil && len(topics) > 0 {
			err = errUnexpected
		}
		return err
	})
}

func adminCanceled(ctx context.Context, f *fixture) {
	canceled, cancel := context.WithCancel(ctx)
	cancel()
	f.within(ctx, "Topics with a canceled context", func() { _, _ = f.driver.Topics(canceled, f.name("missing")) })
	name := f.name("canceled")
	f.topics = append(f.topics, name)
	f.within(ctx, "Create with a canceled context", func() {
		_ = f.driver.Create(canceled, driver.Topic{Name: name, Partitions: 1})
	})
}

// checkTopics checks that, of the topics in want and those named missing, the
// driver knows exactly the former. A zero field of want is not compared.
func (f *fixture) checkTopics(ctx context.Context, want map[string]driver.Topic, missing ...string) {
	f.Helper()
	names := append(slices.Sorted(maps.Keys(want)), missing...)
	topics, err := f.driver.Topics(ctx, names...)
	if err != nil {
		f.Fatalf("topics: %v", err)
	}
	got := map[string]driver.Topic{}
	for _, topic := range topics {
		got[topic.Name] = topic
		w, ok := want[topic.Name]
		if !ok {
			f.Errorf("topics returned %q, which is missing or was not asked for", topic.Name)
		}
		if w.Partitions != 0 && topic.Partitions != w.Partitions || w.MaxBytes != 0 && topic.MaxBytes != w.MaxBytes {
			f.Errorf("topic %q has %d partitions and MaxBytes %d, want %d and %d",
				topic.Name, topic.Partitions, topic.MaxBytes, w.Partitions, w.MaxBytes)
		}
	}
	if len(got) != len(topics) || len(got) != len(want) {
		f.Errorf("topics returned %d topics, want %d", len(topics), len(want))
	}
}
