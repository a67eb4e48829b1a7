// franz runs franz-go against the Kafka door; see suite for how, host.js for where.
package main

import (
	"context"
	"errors"
	"fmt"
	"myna/clients/suite"
	"sort"
	"strings"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

const (
	keyConsumerGroupHeartbeat = 68
	kills                     = 3
)

func client(options ...kgo.Opt) *kgo.Client {
	return suite.Got(kgo.NewClient(append([]kgo.Opt{
		kgo.SeedBrokers(suite.At), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.HeartbeatInterval(200 * time.Millisecond), kgo.FetchMaxWait(500 * time.Millisecond),
	}, options...)...))
}

// with runs something with a client and closes that.
func with(run func(c *kgo.Client), options ...kgo.Opt) {
	c := client(options...)
	defer c.Close()
	run(c)
}

func admin(run func(a *kadm.Client)) {
	with(func(c *kgo.Client) { run(kadm.NewClient(c)) })
}

func topic(ctx context.Context, partitions int32) string {
	name := suite.Fresh("topic")
	admin(func(a *kadm.Client) {
		suite.Got(a.CreateTopic(ctx, partitions, 1, nil, name))
	})
	return name
}

func send(ctx context.Context, c *kgo.Client, topic string, values ...string) {
	records := make([]*kgo.Record, len(values))
	for i, v := range values {
		records[i] = &kgo.Record{Topic: topic, Value: []byte(v)}
	}
	suite.Must(c.ProduceSync(ctx, records...).FirstErr())
}

func produce(ctx context.Context, topic string, values ...string) {
	with(func(c *kgo.Client) { send(ctx, c, topic, values...) })
}

// take polls so many records.
func take(ctx context.Context, c *kgo.Client, count int) []*kgo.Record {
	var got []*kgo.Record
	for len(got) < count {
		fetches := c.PollFetches(ctx)
		suite.Must(fetches.Err0())
		for _, e := range fetches.Errors() {
			suite.Must(e.Err)
		}
		got = append(got, fetches.Records()...)
	}
	return got
}

func values(records []*kgo.Record) []string {
	var all []string
	for _, r := range records {
		all = append(all, string(r.Value))
	}
	return all
}

func read(ctx context.Context, topic string, count int, options ...kgo.Opt) []*kgo.Record {
	var got []*kgo.Record
	with(func(c *kgo.Client) { got = take(ctx, c, count) }, append(options, kgo.ConsumeTopics(topic))...)
	return got
}

func roundTrip(ctx context.Context) {
	name := topic(ctx, 1)
	produce(ctx, name, suite.Numbers(2000)...)
	suite.Same(suite.Numbers(2000), values(read(ctx, name, 2000)))
}

func codec(codec kgo.CompressionCodec) func(context.Context) {
	return func(ctx context.Context) {
		name := topic(ctx, 1)
		var all []string
		for _, n := range suite.Numbers(200) {
			all = append(all, n+strings.Repeat(" compress me", 30))
		}
		with(func(c *kgo.Client) { send(ctx, c, name, all...) }, kgo.ProducerBatchCompression(codec))
		suite.Same(all, values(read(ctx, name, 200)))
	}
}

func fields(ctx context.Context) {
	name := topic(ctx, 1)
	at := time.UnixMilli(1700000000000)
	with(func(c *kgo.Client) {
		suite.Must(c.ProduceSync(ctx, &kgo.Record{Topic: name, Key: []byte("k"), Value: []byte("v"), Timestamp: at,
			Headers: []kgo.RecordHeader{{Key: "a", Value: []byte("1")}, {Key: "a", Value: nil}}},
			&kgo.Record{Topic: name, Key: []byte("gone")}).FirstErr())
	})
	got := read(ctx, name, 2)
	suite.Same("k v 1700000000000", fmt.Sprintf("%s %s %d", got[0].Key, got[0].Value, got[0].Timestamp.UnixMilli()))
	suite.Same("[{a 1} {a nil}]", fmt.Sprintf("[{%s %s} {%s %s}]", got[0].Headers[0].Key, got[0].Headers[0].Value,
		got[0].Headers[1].Key, map[bool]string{true: "nil"}[got[0].Headers[1].Value == nil]))
	suite.Holds(got[1].Value == nil, got[1])
}

func acks(ctx context.Context) {
	name := topic(ctx, 1)
	for i, acks := range []kgo.Acks{kgo.NoAck(), kgo.LeaderAck(), kgo.AllISRAcks()} {
		with(func(c *kgo.Client) { send(ctx, c, name, fmt.Sprint(i)) },
			kgo.RequiredAcks(acks), kgo.DisableIdempotentWrite())
	}
	suite.Same([]string{"0", "1", "2"}, values(read(ctx, name, 3)))
}

func tooLarge(ctx context.Context) {
	name := topic(ctx, 1)
	with(func(c *kgo.Client) {
		err := c.ProduceSync(ctx, kgo.StringRecord(strings.Repeat("x", 3000000))).FirstErr()
		suite.Holds(errors.Is(err, kerr.MessageTooLarge), err)
	}, kgo.DefaultProduceTopic(name), kgo.ProducerBatchMaxBytes(4000000),
		kgo.ProducerBatchCompression(kgo.NoCompression()))
}

// member polls until it leaves; it knows what it has.
type member struct {
	c        *kgo.Client
	mutex    sync.Mutex
	has      map[int32]bool
	got      []string
	left     context.CancelFunc
	finished chan struct{}
}

func join(ctx context.Context, group, topic string, options ...kgo.Opt) *member {
	m := &member{has: map[int32]bool{}, finished: make(chan struct{})}
	change := func(has bool) func(context.Context, *kgo.Client, map[string][]int32) {
		return func(_ context.Context, _ *kgo.Client, partitions map[string][]int32) {
			m.mutex.Lock()
			defer m.mutex.Unlock()
			for _, p := range partitions[topic] {
				if has {
					m.has[p] = true
				} else {
					delete(m.has, p)
				}
			}
		}
	}
	m.c = client(append(options, kgo.ConsumerGroup(group), kgo.ConsumeTopics(topic),
		kgo.OnPartitionsAssigned(change(true)), kgo.OnPartitionsRevoked(change(false)),
		kgo.OnPartitionsLost(change(false)))...)
	polling, cancel := context.WithCancel(ctx)
	m.left = cancel
	go func() {
		defer close(m.finished)
		for polling.Err() == nil {
			records := m.c.PollFetches(polling).Records()
			m.mutex.Lock()
			m.got = append(m.got, values(records)...)
			m.mutex.Unlock()
		}
	}()
	return m
}

func (m *member) count() (partitions, messages int) {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	return len(m.has), len(m.got)
}

func (m *member) owns(partitions int) func() bool {
	return func() bool {
		seen, _ := m.count()
		return seen == partitions
	}
}

func (m *member) leave() {
	m.left()
	<-m.finished
	m.c.Close()
}

func shared(options ...kgo.Opt) func(context.Context) {
	return func(ctx context.Context) {
		name, group := topic(ctx, 4), suite.Fresh("group")
		one := join(ctx, group, name, options...)
		suite.Until(ctx, one.owns(4))
		two := join(ctx, group, name, options...)
		suite.Until(ctx, func() bool { return one.owns(2)() && two.owns(2)() })
		with(func(c *kgo.Client) {
			for i := 0; i < 40; i++ {
				suite.Must(c.ProduceSync(ctx, &kgo.Record{Topic: name, Partition: int32(i % 4)}).FirstErr())
			}
		}, kgo.RecordPartitioner(kgo.ManualPartitioner()))
		suite.Until(ctx, func() bool {
			_, a := one.count()
			_, b := two.count()
			return a == 20 && b == 20
		})
		two.leave()
		suite.Until(ctx, one.owns(4))
		one.leave()
	}
}

func resumes(ctx context.Context) {
	name, group := topic(ctx, 1), suite.Fresh("group")
	produce(ctx, name, suite.Numbers(6)...)
	for _, first := range []string{"0", "3"} {
		with(func(c *kgo.Client) {
			got := c.PollRecords(ctx, 3).Records()
			suite.Same(first, string(got[0].Value))
			suite.Must(c.CommitRecords(ctx, got[2]))
		}, kgo.ConsumerGroup(group), kgo.ConsumeTopics(name), kgo.DisableAutoCommit())
	}
}

func transactions(ctx context.Context) {
	name := topic(ctx, 2)
	with(func(c *kgo.Client) {
		for i := 0; i < 30; i++ {
			suite.Must(c.BeginTransaction())
			send(ctx, c, name, fmt.Sprintf("%d a", i), fmt.Sprintf("%d b", i))
			suite.Must(c.EndTransaction(ctx, kgo.TransactionEndTry(i%3 != 0)))
		}
	}, kgo.TransactionalID(suite.Fresh("txn")))
	got := values(read(ctx, name, 40, kgo.FetchIsolationLevel(kgo.ReadCommitted())))
	suite.Same(40, len(got))
	for _, v := range got {
		var n int
		fmt.Sscan(v, &n)
		suite.Holds(n%3 != 0, v)
	}
	suite.Same(60, len(read(ctx, name, 60)))
}

func fenced(ctx context.Context) {
	name, id := topic(ctx, 1), suite.Fresh("txn")
	older := client(kgo.TransactionalID(id))
	defer older.Close()
	suite.Must(older.BeginTransaction())
	send(ctx, older, name, "old")
	with(func(newer *kgo.Client) {
		suite.Must(newer.BeginTransaction())
		send(ctx, newer, name, "new")
		suite.Must(newer.EndTransaction(ctx, kgo.TryCommit))
	}, kgo.TransactionalID(id))
	suite.Holds(older.EndTransaction(ctx, kgo.TryCommit) != nil, "the older one could commit")
	suite.Same([]string{"new"}, values(read(ctx, name, 1, kgo.FetchIsolationLevel(kgo.ReadCommitted()))))
}

// copySome is consume, transform, produce and commit as one, until so many have come out.
func copySome(ctx context.Context, from, to, group string, count int) {
	session := suite.Got(kgo.NewGroupTransactSession(kgo.SeedBrokers(suite.At), kgo.ConsumerGroup(group),
		kgo.ConsumeTopics(from), kgo.TransactionalID(group), kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.RequireStableFetchOffsets(),
		kgo.FetchMaxWait(500*time.Millisecond), kgo.FetchMaxPartitionBytes(1000)))
	defer session.Close()
	for done := 0; done < count; {
		fetches := session.PollRecords(ctx, 50)
		suite.Must(ctx.Err())
		if fetches.NumRecords() == 0 {
			continue
		}
		suite.Must(session.Begin())
		failed := kgo.AbortingFirstErrPromise(session.Client())
		fetches.EachRecord(func(r *kgo.Record) {
			session.Produce(ctx, &kgo.Record{Topic: to, Value: r.Value}, failed.Promise())
		})
		committed, err := session.End(ctx, failed.Err() == nil)
		if err == nil && committed {
			done += fetches.NumRecords()
		}
	}
}

func copied(ctx context.Context) {
	from, to := topic(ctx, 1), topic(ctx, 1)
	produce(ctx, from, suite.Numbers(500)...)
	copySome(ctx, from, to, suite.Fresh("copy"), 500)
	suite.Same(suite.Numbers(500), values(read(ctx, to, 500, kgo.FetchIsolationLevel(kgo.ReadCommitted()))))
}

func topicsAdmin(ctx context.Context) {
	name := topic(ctx, 3)
	admin(func(a *kadm.Client) {
		details := suite.Got(a.ListTopics(ctx, name))
		suite.Same(3, len(details[name].Partitions))
		_, err := a.CreateTopic(ctx, 1, 1, nil, name)
		suite.Holds(errors.Is(err, kerr.TopicAlreadyExists), err)
		suite.Must(suite.Got(a.UpdatePartitions(ctx, 5, name))[name].Err)
		suite.Same(5, len(suite.Got(a.ListTopics(ctx, name))[name].Partitions))
		suite.Must(suite.Got(a.DeleteTopics(ctx, name))[name].Err)
		suite.Holds(!suite.Got(a.ListTopics(ctx)).Has(name), name)
	})
}

func configsAdmin(ctx context.Context) {
	name := topic(ctx, 1)
	admin(func(a *kadm.Client) {
		value := "60000"
		suite.Must(suite.Got(a.AlterTopicConfigs(ctx, []kadm.AlterConfig{
			{Op: kadm.SetConfig, Name: "retention.ms", Value: &value}}, name))[0].Err)
		for _, c := range suite.Got(a.DescribeTopicConfigs(ctx, name))[0].Configs {
			if c.Key == "retention.ms" {
				suite.Same(value, *c.Value)
				return
			}
		}
		panic("no retention.ms")
	})
}

func groupsAdmin(ctx context.Context) {
	name, group := topic(ctx, 1), suite.Fresh("group")
	produce(ctx, name, suite.Numbers(5)...)
	admin(func(a *kadm.Client) {
		offsets := kadm.Offsets{}
		offsets.AddOffset(name, 0, 2, -1)
		suite.Must(a.CommitAllOffsets(ctx, group, offsets))
		lags := suite.Got(a.Lag(ctx, group))
		suite.Same(3, lags[group].Lag.Total())
		suite.Holds(suite.Got(a.ListGroups(ctx))[group].State == "Empty", group)
		suite.Must(suite.Got(a.DeleteGroups(ctx, group))[group].Err)
		suite.Same(0, len(suite.Got(a.FetchOffsets(ctx, group))))
	})
}

func offsetsAdmin(ctx context.Context) {
	name := topic(ctx, 1)
	with(func(c *kgo.Client) {
		for _, ms := range []int64{1000, 3000, 2000} {
			suite.Must(c.ProduceSync(ctx, &kgo.Record{Topic: name, Timestamp: time.UnixMilli(ms)}).FirstErr())
		}
	})
	admin(func(a *kadm.Client) {
		at := func(listed kadm.ListedOffsets, err error) int64 {
			found, _ := suite.Got(listed, err).Lookup(name, 0)
			suite.Must(found.Err)
			return found.Offset
		}
		suite.Same(0, at(a.ListStartOffsets(ctx, name)))
		suite.Same(3, at(a.ListEndOffsets(ctx, name)))
		suite.Same(1, at(a.ListOffsetsAfterMilli(ctx, 1500, name)))
		deleted := kadm.Offsets{}
		deleted.AddOffset(name, 0, 2, -1)
		suite.Got(a.DeleteRecords(ctx, deleted))
		suite.Same(2, at(a.ListStartOffsets(ctx, name)))
	})
}

func crash(ctx context.Context) {
	name := topic(ctx, 1)
	with(func(c *kgo.Client) {
		var all sync.WaitGroup
		var mutex sync.Mutex
		var errs []error
		for i := 0; i < 3000; i++ {
			all.Add(1)
			c.Produce(ctx, &kgo.Record{Topic: name, Value: []byte(fmt.Sprint(i))}, func(_ *kgo.Record, err error) {
				mutex.Lock()
				defer mutex.Unlock()
				if err != nil {
					errs = append(errs, err)
				}
				all.Done()
			})
			if i%1000 == 500 {
				suite.Crash()
			}
			if i%20 == 0 {
				time.Sleep(time.Millisecond)
			}
		}
		all.Wait()
		suite.Same(0, len(errs))
	}, kgo.ProducerLinger(time.Millisecond))
	suite.Same(suite.Numbers(3000), values(read(ctx, name, 3000)))
}

func crashGroup(ctx context.Context) {
	name, group := topic(ctx, 2), suite.Fresh("group")
	one := join(ctx, group, name)
	seen := map[string]bool{}
	for round := 0; round <= kills; round++ {
		for i := 0; i < 20; i++ {
			produce(ctx, name, fmt.Sprintf("%d.%d", round, i))
		}
		suite.Until(ctx, func() bool {
			one.mutex.Lock()
			defer one.mutex.Unlock()
			for _, v := range one.got {
				seen[v] = true
			}
			return len(seen) == 20*(round+1)
		})
		if round < kills {
			suite.Crash()
		}
	}
	one.leave()
}

func crashCopy(ctx context.Context) {
	from, to, group := topic(ctx, 1), topic(ctx, 1), suite.Fresh("copy")
	produce(ctx, from, suite.Numbers(500)...)
	stop := make(chan struct{})
	go func() {
		for i := 0; i < kills; i++ {
			time.Sleep(700 * time.Millisecond)
			suite.Crash()
		}
		close(stop)
	}()
	copying, cancel := context.WithCancel(ctx)
	defer cancel()
	finished := make(chan struct{})
	go func() {
		defer close(finished)
		for copying.Err() == nil {
			func() {
				defer func() { _ = recover() }() // what fails is begun anew, by a session of its own
				copySome(copying, from, to, group, 500)
			}()
		}
	}()
	<-stop
	got := values(read(ctx, to, 500, kgo.FetchIsolationLevel(kgo.ReadCommitted())))
	cancel()
	<-finished
	sort.Slice(got, func(i, j int) bool {
		var a, b int
		fmt.Sscan(got[i], &a)
		fmt.Sscan(got[j], &b)
		return a < b
	})
	suite.Same(suite.Numbers(500), got)
}

func speaks(ctx context.Context, key int16) bool {
	found := false
	admin(func(a *kadm.Client) {
		for _, v := range suite.Got(a.ApiVersions(ctx)) {
			_, _, found = v.KeyVersions(key)
		}
	})
	return found
}

func main() {
	ctx := context.Background()
	suite.Check("produce and consume 2,000", roundTrip)
	suite.Check("gzip", codec(kgo.GzipCompression()))
	suite.Check("snappy", codec(kgo.SnappyCompression()))
	suite.Check("lz4", codec(kgo.Lz4Compression()))
	suite.Check("zstd", codec(kgo.ZstdCompression()))
	suite.Check("key, value, headers, time, nulls", fields)
	suite.Check("acks=0, acks=1, acks=all", acks)
	suite.Check("a message over the limit", tooLarge)
	suite.Check("two share, one leaves: range", shared(kgo.Balancers(kgo.RangeBalancer())))
	suite.Check("two share, one leaves: cooperative-sticky", shared(kgo.Balancers(kgo.CooperativeStickyBalancer())))
	if speaks(ctx, keyConsumerGroupHeartbeat) {
		newer := kgo.WithContext(context.WithValue(ctx, "opt_in_kafka_next_gen_balancer_beta", true))
		suite.Check("two share, one leaves: the protocol of KIP-848", shared(newer))
	}
	suite.Check("a group commits and resumes", resumes)
	suite.Check("transactions: committed and aborted", transactions)
	suite.Check("transactions: the older producer is fenced", fenced)
	suite.Check("transactions: consume, produce and commit as one", copied)
	suite.Check("topics: create, describe, grow, delete", topicsAdmin)
	suite.Check("configs", configsAdmin)
	suite.Check("groups: offsets, lag, delete", groupsAdmin)
	suite.Check("offsets at the ends and by time, delete records", offsetsAdmin)
	suite.Check("kill -9: an idempotent producer goes on, none lost, none twice", crash)
	suite.Check("kill -9: a group goes on", crashGroup)
	suite.Check("kill -9: a transactional copy, none lost, none twice", crashCopy)
	suite.End()
}
