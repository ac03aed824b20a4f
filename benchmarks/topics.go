package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// createFloorTopics creates what both ends of the floor need.
func createFloorTopics(ctx context.Context, cl *kgo.Client, s *setup) error {
	admin := kadm.NewClient(cl)
	config := map[string]*string{"message.timestamp.type": kadm.StringPtr("LogAppendTime")}
	for topic, partitions := range map[string]int32{requestsOf(s): requestPartitions, repliesOf(s): replyPartitions} {
		if _, err := admin.CreateTopic(ctx, partitions, -1, config, topic); err != nil {
			return fmt.Errorf("create topic %s: %w", topic, err)
		}
	}
	return nil
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
