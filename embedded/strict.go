package embedded

import (
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
)

const (
	timestampType = "message.timestamp.type"
	logAppendTime = "LogAppendTime"
	maxNameLength = 249
)

// A strictness makes kfake do what it does not do by itself, yet Kafka does: it
// refuses illegal names of topics, and gives records the time of the broker
// where a topic says so.
type strictness struct {
	cluster *kfake.Cluster

	mu         sync.Mutex        // guards appendTime
	appendTime map[topicRef]bool // topics seen so far; bounded by their number
}

// A topicRef is how a request names a topic: by its ID or, if it is old, by its
// name.
type topicRef struct {
	id   [16]byte
	name string
}

func enforce(c *kfake.Cluster) {
	s := &strictness{cluster: c, appendTime: map[topicRef]bool{}}
	observe := func(key kmsg.Key, look func(kmsg.Request)) {
		c.ControlKey(int16(key), func(r kmsg.Request) (kmsg.Response, error, bool) {
			look(r)
			return nil, nil, false
		})
	}
	observe(kmsg.Produce, s.produce)
	observe(kmsg.CreateTopics, s.forget)
	observe(kmsg.DeleteTopics, s.forget)
	observe(kmsg.AlterConfigs, s.forget)
	observe(kmsg.IncrementalAlterConfigs, s.forget)
	c.ControlKey(int16(kmsg.CreateTopics), func(r kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		resp := refuseNames(r)
		return resp, nil, resp != nil
	})
}

// forget makes s look at all topics again: one of them may be another one now.
func (s *strictness) forget(kmsg.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.appendTime)
}

// refuseNames returns a response that refuses illegal names, or nil if there are
// legal ones as well. Then kfake refuses the illegal ones, for another reason.
func refuseNames(r kmsg.Request) kmsg.Response {
	req, ok := r.(*kmsg.CreateTopicsRequest)
	if !ok {
		return nil
	}
	resp := kmsg.NewPtrCreateTopicsResponse()
	resp.SetVersion(req.GetVersion())
	for i := range req.Topics {
		if isLegal(req.Topics[i].Topic) {
			continue
		}
		refused := kmsg.NewCreateTopicsResponseTopic()
		refused.Topic = req.Topics[i].Topic
		refused.ErrorCode = kerr.InvalidTopicException.Code
		refused.ErrorMessage = kmsg.StringPtr("the name is empty, too long, or has illegal characters")
		resp.Topics = append(resp.Topics, refused)
		req.Topics[i].NumPartitions = 0
	}
	if len(resp.Topics) == 0 || len(resp.Topics) < len(req.Topics) {
		return nil
	}
	return resp
}

func isLegal(name string) bool {
	if name == "" || name == "." || name == ".." || len(name) > maxNameLength {
		return false
	}
	for _, c := range []byte(name) {
		alphanumeric := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
		if !alphanumeric && c != '.' && c != '_' && c != '-' {
			return false
		}
	}
	return true
}

// produce gives the time of the broker to records of topics that ask for it.
func (s *strictness) produce(r kmsg.Request) {
	req, ok := r.(*kmsg.ProduceRequest)
	if !ok {
		return
	}
	s.learn(req)
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	for _, t := range req.Topics {
		if !s.appendTime[topicRef{t.TopicID, t.Topic}] {
			continue
		}
		for i := range t.Partitions {
			p := &t.Partitions[i]
			p.Records = restamp(p.Records, now)
		}
	}
}

// learn looks at the topics of a request that it does not know yet. It can't ask
// the cluster while that waits for this request, so it lets others pass.
func (s *strictness) learn(req *kmsg.ProduceRequest) {
	unknown := map[topicRef]bool{}
	s.mu.Lock()
	for _, t := range req.Topics {
		if _, ok := s.appendTime[topicRef{t.TopicID, t.Topic}]; !ok {
			unknown[topicRef{t.TopicID, t.Topic}] = false
		}
	}
	s.mu.Unlock()
	if len(unknown) == 0 {
		return
	}
	s.cluster.SleepControl(func() {
		for _, ref := range slices.Collect(maps.Keys(unknown)) {
			unknown[ref] = s.look(ref)
		}
	})
	s.mu.Lock()
	defer s.mu.Unlock()
	maps.Copy(s.appendTime, unknown)
}

func (s *strictness) look(ref topicRef) bool {
	info := s.cluster.TopicIDInfo(ref.id)
	if ref.name != "" {
		info = s.cluster.TopicInfo(ref.name)
	}
	if info == nil {
		return false
	}
	value := info.Configs[timestampType]
	return value != nil && *value == logAppendTime
}
