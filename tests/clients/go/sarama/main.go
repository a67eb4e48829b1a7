// sarama runs IBM's sarama against the Kafka door; see suite for how, host.js for where.
package main

import (
	"context"
	"errors"
	"fmt"
	"myna/clients/suite"
	"strings"
	"sync"
	"time"

	"github.com/IBM/sarama"
)

func settings(change func(*sarama.Config)) *sarama.Config {
	c := sarama.NewConfig()
	c.Version = sarama.V4_1_0_0
	c.Producer.Return.Successes = true
	c.Producer.RequiredAcks = sarama.WaitForAll
	c.Producer.Retry.Max = 200
	c.Producer.Retry.Backoff = 50 * time.Millisecond
	c.Consumer.Offsets.Initial = sarama.OffsetOldest
	c.Consumer.Group.Heartbeat.Interval = 200 * time.Millisecond
	c.Metadata.Retry.Max = 200
	c.Metadata.Retry.Backoff = 50 * time.Millisecond
	if change != nil {
		change(c)
	}
	return c
}

func idempotent(c *sarama.Config) {
	c.Producer.Idempotent = true
	c.Net.MaxOpenRequests = 1
}

func admin(run func(a sarama.ClusterAdmin)) {
	a := suite.Got(sarama.NewClusterAdmin([]string{suite.At}, settings(nil)))
	defer a.Close()
	run(a)
}

func topic(partitions int32) string {
	name := suite.Fresh("topic")
	admin(func(a sarama.ClusterAdmin) {
		suite.Must(a.CreateTopic(name, &sarama.TopicDetail{NumPartitions: partitions, ReplicationFactor: 1}, false))
	})
	return name
}

func message(topic, value string) *sarama.ProducerMessage {
	return &sarama.ProducerMessage{Topic: topic, Value: sarama.StringEncoder(value)}
}

func producer(change func(*sarama.Config), run func(p sarama.SyncProducer)) {
	p := suite.Got(sarama.NewSyncProducer([]string{suite.At}, settings(change)))
	defer p.Close()
	run(p)
}

func send(topic string, values []string, change func(*sarama.Config)) {
	producer(change, func(p sarama.SyncProducer) {
		var all []*sarama.ProducerMessage
		for _, v := range values {
			all = append(all, message(topic, v))
		}
		suite.Must(p.SendMessages(all))
	})
}

func read(ctx context.Context, topic string, count int, change func(*sarama.Config)) []*sarama.ConsumerMessage {
	c := suite.Got(sarama.NewConsumer([]string{suite.At}, settings(change)))
	defer c.Close()
	p := suite.Got(c.ConsumePartition(topic, 0, sarama.OffsetOldest))
	defer p.Close()
	var got []*sarama.ConsumerMessage
	for len(got) < count {
		select {
		case m := <-p.Messages():
			got = append(got, m)
		case <-ctx.Done():
			panic(ctx.Err())
		}
	}
	return got
}

func values(messages []*sarama.ConsumerMessage) []string {
	var all []string
	for _, m := range messages {
		all = append(all, string(m.Value))
	}
	return all
}

func committed(c *sarama.Config) {
	c.Consumer.IsolationLevel = sarama.ReadCommitted
}

func roundTrip(version sarama.KafkaVersion) func(context.Context) {
	return func(ctx context.Context) {
		name := topic(1)
		send(name, suite.Numbers(500), func(c *sarama.Config) {
			idempotent(c)
			c.Version = version
		})
		suite.Same(suite.Numbers(500), values(read(ctx, name, 500, func(c *sarama.Config) { c.Version = version })))
	}
}

func codec(codec sarama.CompressionCodec) func(context.Context) {
	return func(ctx context.Context) {
		name := topic(1)
		var all []string
		for _, n := range suite.Numbers(200) {
			all = append(all, n+strings.Repeat(" compress me", 30))
		}
		send(name, all, func(c *sarama.Config) { c.Producer.Compression = codec })
		suite.Same(all, values(read(ctx, name, 200, nil)))
	}
}

func fields(ctx context.Context) {
	name := topic(1)
	producer(nil, func(p sarama.SyncProducer) {
		m := message(name, "v")
		m.Key = sarama.StringEncoder("k")
		m.Timestamp = time.UnixMilli(1700000000000)
		m.Headers = []sarama.RecordHeader{{Key: []byte("a"), Value: []byte("1")}, {Key: []byte("a"), Value: []byte("2")}}
		_, offset, err := p.SendMessage(m)
		suite.Must(err)
		suite.Same(0, offset)
		suite.Must(p.SendMessages([]*sarama.ProducerMessage{{Topic: name, Key: sarama.StringEncoder("gone")}}))
	})
	got := read(ctx, name, 2, nil)
	suite.Same("k v 1700000000000 a1 a2", fmt.Sprintf("%s %s %d %s%s %s%s", got[0].Key, got[0].Value,
		got[0].Timestamp.UnixMilli(), got[0].Headers[0].Key, got[0].Headers[0].Value, got[0].Headers[1].Key,
		got[0].Headers[1].Value))
	suite.Holds(got[1].Value == nil, got[1])
}

func acks(ctx context.Context) {
	name := topic(1)
	for i, acks := range []sarama.RequiredAcks{sarama.NoResponse, sarama.WaitForLocal, sarama.WaitForAll} {
		send(name, []string{fmt.Sprint(i)}, func(c *sarama.Config) { c.Producer.RequiredAcks = acks })
	}
	suite.Same([]string{"0", "1", "2"}, values(read(ctx, name, 3, nil)))
}

func tooLarge(context.Context) {
	name := topic(1)
	producer(func(c *sarama.Config) { c.Producer.MaxMessageBytes = 4000000 }, func(p sarama.SyncProducer) {
		_, _, err := p.SendMessage(message(name, strings.Repeat("x", 3000000)))
		suite.Holds(errors.Is(err, sarama.ErrMessageSizeTooLarge), err)
	})
}

// member is a handler of a consumer group that knows what it has.
type member struct {
	group    sarama.ConsumerGroup
	mutex    sync.Mutex
	has      int
	got      []string
	cancel   context.CancelFunc
	finished chan struct{}
}

func (m *member) Setup(session sarama.ConsumerGroupSession) error {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	m.has = 0
	for _, partitions := range session.Claims() {
		m.has += len(partitions)
	}
	return nil
}

func (m *member) Cleanup(sarama.ConsumerGroupSession) error { return nil }

func (m *member) ConsumeClaim(session sarama.ConsumerGroupSession, claim sarama.ConsumerGroupClaim) error {
	for {
		select {
		case got, ok := <-claim.Messages():
			if !ok {
				return nil
			}
			m.mutex.Lock()
			m.got = append(m.got, string(got.Value))
			m.mutex.Unlock()
			session.MarkMessage(got, "")
		case <-session.Context().Done():
			return nil
		}
	}
}

func join(ctx context.Context, group, topic string, change func(*sarama.Config)) *member {
	m := &member{finished: make(chan struct{})}
	m.group = suite.Got(sarama.NewConsumerGroup([]string{suite.At}, group, settings(change)))
	polling, cancel := context.WithCancel(ctx)
	m.cancel = cancel
	go func() {
		defer close(m.finished)
		for polling.Err() == nil {
			if m.group.Consume(polling, []string{topic}, m) != nil {
				time.Sleep(50 * time.Millisecond)
			}
		}
	}()
	return m
}

func (m *member) owns(partitions int) bool {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	return m.has == partitions
}

func (m *member) leave() {
	m.cancel()
	<-m.finished
	suite.Must(m.group.Close())
}

func shared(strategy sarama.BalanceStrategy) func(context.Context) {
	return func(ctx context.Context) {
		name, group := topic(4), suite.Fresh("group")
		change := func(c *sarama.Config) {
			c.Consumer.Group.Rebalance.GroupStrategies = []sarama.BalanceStrategy{strategy}
		}
		one := join(ctx, group, name, change)
		suite.Until(ctx, func() bool { return one.owns(4) })
		two := join(ctx, group, name, change)
		suite.Until(ctx, func() bool { return one.owns(2) && two.owns(2) })
		two.leave()
		suite.Until(ctx, func() bool { return one.owns(4) })
		one.leave()
	}
}

func resumes(ctx context.Context) {
	name, group := topic(1), suite.Fresh("group")
	for round := 0; round < 2; round++ {
		send(name, suite.Numbers(10), nil)
		m := join(ctx, group, name, nil)
		suite.Until(ctx, func() bool {
			m.mutex.Lock()
			defer m.mutex.Unlock()
			return len(m.got) >= 10
		})
		m.leave()
		suite.Same(suite.Numbers(10), m.got)
	}
}

func transactional(id string) func(*sarama.Config) {
	return func(c *sarama.Config) {
		idempotent(c)
		c.Producer.Transaction.ID = id
	}
}

func transactions(ctx context.Context) {
	name := topic(1)
	producer(transactional(suite.Fresh("txn")), func(p sarama.SyncProducer) {
		for i := 0; i < 20; i++ {
			suite.Must(p.BeginTxn())
			suite.Must(p.SendMessages([]*sarama.ProducerMessage{message(name, fmt.Sprint(i))}))
			if i%2 == 0 {
				suite.Must(p.CommitTxn())
			} else {
				suite.Must(p.AbortTxn())
			}
		}
	})
	for i, v := range values(read(ctx, name, 10, committed)) {
		suite.Same(i*2, v)
	}
}

func offsetsGoAlong(context.Context) {
	name, group := topic(1), suite.Fresh("group")
	send(name, suite.Numbers(10), nil)
	producer(transactional(suite.Fresh("txn")), func(p sarama.SyncProducer) {
		for i, end := range []func() error{p.AbortTxn, p.CommitTxn} {
			suite.Must(p.BeginTxn())
			suite.Must(p.AddOffsetsToTxn(map[string][]*sarama.PartitionOffsetMetadata{
				name: {{Partition: 0, Offset: int64(4 + i)}}}, group))
			suite.Must(end())
		}
	})
	admin(func(a sarama.ClusterAdmin) {
		found := suite.Got(a.ListConsumerGroupOffsets(group, map[string][]int32{name: {0}}))
		suite.Same(5, found.GetBlock(name, 0).Offset)
	})
}

func administration(context.Context) {
	name := topic(2)
	admin(func(a sarama.ClusterAdmin) {
		suite.Same(2, suite.Got(a.ListTopics())[name].NumPartitions)
		suite.Must(a.CreatePartitions(name, 4, nil, false))
		suite.Same(4, len(suite.Got(a.DescribeTopics([]string{name}))[0].Partitions))
		value := "60000"
		suite.Must(a.IncrementalAlterConfig(sarama.TopicResource, name, map[string]sarama.IncrementalAlterConfigsEntry{
			"retention.ms": {Operation: sarama.IncrementalAlterConfigsOperationSet, Value: &value}}, false))
		found := suite.Got(a.DescribeConfig(sarama.ConfigResource{Type: sarama.TopicResource, Name: name,
			ConfigNames: []string{"retention.ms"}}))
		suite.Same(value, found[0].Value)
		suite.Must(a.DeleteTopic(name))
		_, there := suite.Got(a.ListTopics())[name]
		suite.Holds(!there, name)
		brokers, controller, err := a.DescribeCluster()
		suite.Must(err)
		suite.Same(brokers[0].ID(), controller)
	})
}

func groupsAdmin(ctx context.Context) {
	name, group := topic(1), suite.Fresh("group")
	m := join(ctx, group, name, nil)
	suite.Until(ctx, func() bool { return m.owns(1) })
	admin(func(a sarama.ClusterAdmin) {
		found := suite.Got(a.DescribeConsumerGroups([]string{group}))[0]
		suite.Same("Stable 1", fmt.Sprint(found.State, " ", len(found.Members)))
		suite.Holds(errors.Is(a.DeleteConsumerGroup(group), sarama.ErrNonEmptyGroup), "a group with a member")
		_, there := suite.Got(a.ListConsumerGroups())[group]
		suite.Holds(there, group)
	})
	m.leave()
}

func crash(ctx context.Context) {
	name := topic(1)
	producer(idempotent, func(p sarama.SyncProducer) {
		for i, v := range suite.Numbers(600) {
			_, _, err := p.SendMessage(message(name, v))
			suite.Must(err)
			if i%200 == 100 {
				suite.Crash()
			}
		}
	})
	suite.Same(suite.Numbers(600), values(read(ctx, name, 600, nil)))
}

func crashGroup(ctx context.Context) {
	name, group := topic(1), suite.Fresh("group")
	m := join(ctx, group, name, nil)
	seen := map[string]bool{}
	for round := 0; round < 4; round++ {
		send(name, []string{fmt.Sprint(round)}, nil)
		suite.Until(ctx, func() bool {
			m.mutex.Lock()
			defer m.mutex.Unlock()
			for _, v := range m.got {
				seen[v] = true
			}
			return seen[fmt.Sprint(round)]
		})
		if round < 3 {
			suite.Crash()
		}
	}
	m.leave()
}

func main() {
	suite.Check("an idempotent producer, consume 500", roundTrip(sarama.V4_1_0_0))
	suite.Check("the same as for Kafka 2.1", roundTrip(sarama.V2_1_0_0))
	suite.Check("gzip", codec(sarama.CompressionGZIP))
	suite.Check("snappy", codec(sarama.CompressionSnappy))
	suite.Check("lz4", codec(sarama.CompressionLZ4))
	suite.Check("zstd", codec(sarama.CompressionZSTD))
	suite.Check("key, value, headers, time, nulls", fields)
	suite.Check("acks=0, acks=1, acks=all", acks)
	suite.Check("a message over the limit", tooLarge)
	suite.Check("two share, one leaves: range", shared(sarama.NewBalanceStrategyRange()))
	suite.Check("two share, one leaves: sticky", shared(sarama.NewBalanceStrategySticky()))
	suite.Check("a group commits and resumes", resumes)
	suite.Check("transactions: committed and aborted", transactions)
	suite.Check("transactions: offsets go along", offsetsGoAlong)
	suite.Check("topics, configs, cluster", administration)
	suite.Check("groups: list, describe, delete", groupsAdmin)
	suite.Check("kill -9: an idempotent producer goes on, none lost, none twice", crash)
	suite.Check("kill -9: a group goes on", crashGroup)
	suite.End()
}
