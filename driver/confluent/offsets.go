//go:build cgo

package confluent

import (
	"context"
	"fmt"

	"github.com/asynccalls/asynccalls/driver"
	"github.com/confluentinc/confluent-kafka-go/v2/kafka"
)

// list asks once for the first offsets of partitions, or for the ones after the
// last. It leaves out the partitions of which the broker tells nothing yet, and
// those that do not exist.
func (d *Driver) list(
	ctx context.Context, spec kafka.OffsetSpec, partitions ...driver.Partition,
) (map[driver.Partition]int64, error) {
	listed := make(map[driver.Partition]int64, len(partitions))
	if len(partitions) == 0 {
		return listed, nil
	}
	ask := make(map[kafka.TopicPartition]kafka.OffsetSpec, len(partitions))
	for i := range partitions {
		ask[kafka.TopicPartition{Topic: &partitions[i].Topic, Partition: partitions[i].ID}] = spec
	}
	answer, err := d.admin.ListOffsets(ctx, ask,
		kafka.SetAdminIsolationLevel(kafka.IsolationLevelReadUncommitted))
	if err != nil {
		return nil, err
	}
	d.connects.succeeded()
	for at, info := range answer.ResultInfos {
		if info.Error.Code() == kafka.ErrNoError && info.Offset >= 0 {
			listed[driver.Partition{Topic: *at.Topic, ID: at.Partition}] = int64(info.Offset)
		}
	}
	return listed, nil
}

// end asks for the offset after the last of a partition, until a broker answers.
func (d *Driver) end(ctx context.Context, p driver.Partition) (int64, error) {
	for {
		ends, err := d.list(ctx, kafka.LatestOffsetSpec, p)
		end, ok := ends[p]
		switch {
		case ok:
			return end, nil
		case isMissing(err):
			return 0, fmt.Errorf("%w (%w)", driver.ErrNoTopic, err)
		case d.isFinal(ctx, err):
			return 0, d.reason(ctx, err)
		}
		if err == nil { // the broker has answered, but not for this partition
			if err := d.mustExist(ctx, p); err != nil {
				return 0, err
			}
		}
		pause(ctx, retryPause)
	}
}

// mustExist returns an error if a partition does not exist.
func (d *Driver) mustExist(ctx context.Context, p driver.Partition) error {
	topics, err := d.await(ctx, p.Topic)
	if err != nil {
		return err
	}
	if p.ID < 0 || p.ID >= topics[p.Topic].partitions {
		return driver.ErrNoTopic
	}
	return nil
}
