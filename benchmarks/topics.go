package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// createFloorTopics creates what both ends of the floor need.
func createFloorTopics(ctx context.Context, cl *kgo.Client, s *setup) error {
	w, err := s.work()
	if err != nil {
		return err
	}
	topics := map[string]int32{repliesOf(s): w.replyPartitions(), responsesOf(s): requestPartitions}
	for _, service := range w.serviceNames() {
		topics[topicOf(s, service)] = w.requestPartitions()
	}
	return createTopics(ctx, cl, topics)
}

// createLogs creates the topics of the requests that wait.
func createLogs(ctx context.Context, s *setup, d *drain) error {
	cl, err := kgo.NewClient(floorOptions(s)...)
	if err != nil {
		return err
	}
	defer cl.Close()
	topics := make(map[string]int32)
	for _, service := range d.services {
		topics[s.Prefix+service+".requests"] = d.partitions
	}
	return createTopics(ctx, cl, topics)
}

// createTopics creates topics with the numbers of partitions that are given.
func createTopics(ctx context.Context, cl *kgo.Client, topics map[string]int32) error {
	admin := kadm.NewClient(cl)
	config := map[string]*string{"message.timestamp.type": kadm.StringPtr("LogAppendTime")}
	for topic, partitions := range topics {
		if _, err := admin.CreateTopic(ctx, partitions, -1, config, topic); err != nil {
			return fmt.Errorf("create topic %s: %w", topic, err)
		}
	}
	return nil
}

// leaderPause is how often awaitLeaders asks.
const leaderPause = 20 * time.Millisecond

// awaitLeaders waits until all partitions of topics that were created can be read.
func awaitLeaders(ctx context.Context, cl *kgo.Client, topics ...string) error {
	for {
		ends, err := kadm.NewClient(cl).ListEndOffsets(ctx, topics...)
		if err == nil {
			err = ends.Error()
		}
		if err == nil {
			return nil
		}
		select {
		case <-time.After(leaderPause):
		case <-ctx.Done():
			return fmt.Errorf("topics %s: %w", strings.Join(topics, ", "), err)
		}
	}
}

// deleteTopics deletes all topics whose names begin with prefix.
func deleteTopics(ctx context.Context, brokers []string, prefix string) error {
	cl, err := kgo.NewClient(kgo.SeedBrokers(brokers...))
	if err != nil {
		return err
	}
	defer cl.Close()
	admin := kadm.NewClient(cl)
	topics, err := admin.ListTopics(ctx)
	if err != nil {
		return fmt.Errorf("list topics: %w", err)
	}
	names := slices.DeleteFunc(topics.Names(), func(name string) bool { return !strings.HasPrefix(name, prefix) })
	if len(names) == 0 {
		return nil
	}
	_, err = admin.DeleteTopics(ctx, names...)
	return err
}

// deleteRecords deletes all records of the topics whose names begin with prefix.
func deleteRecords(ctx context.Context, brokers []string, prefix string) error {
	cl, err := kgo.NewClient(kgo.SeedBrokers(brokers...))
	if err != nil {
		return err
	}
	defer cl.Close()
	admin := kadm.NewClient(cl)
	ends, err := admin.ListEndOffsets(ctx)
	if err == nil {
		err = ends.Error()
	}
	if err != nil {
		return fmt.Errorf("list the ends of topics: %w", err)
	}
	offsets := ends.Offsets()
	offsets.KeepFunc(func(o kadm.Offset) bool { return strings.HasPrefix(o.Topic, prefix) })
	deleted, err := admin.DeleteRecords(ctx, offsets)
	if err == nil {
		err = deleted.Error()
	}
	if err != nil {
		return fmt.Errorf("delete records: %w", err)
	}
	return nil
}

// deleteGroups deletes all groups whose names begin with prefix. They must be
// empty.
func deleteGroups(ctx context.Context, brokers []string, prefix string) error {
	cl, err := kgo.NewClient(kgo.SeedBrokers(brokers...))
	if err != nil {
		return err
	}
	defer cl.Close()
	admin := kadm.NewClient(cl)
	groups, err := admin.ListGroups(ctx)
	if err != nil {
		return fmt.Errorf("list groups: %w", err)
	}
	names := slices.DeleteFunc(groups.Groups(), func(name string) bool { return !strings.HasPrefix(name, prefix) })
	if len(names) == 0 {
		return nil
	}
	deleted, err := admin.DeleteGroups(ctx, names...)
	if err == nil {
		err = deleted.Error()
	}
	if err != nil {
		return fmt.Errorf("delete groups %s: %w", strings.Join(names, ", "), err)
	}
	return nil
}
