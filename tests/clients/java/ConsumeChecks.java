import java.time.Duration;
import java.time.Instant;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import java.util.Set;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.NoOffsetForPartitionException;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.consumer.OffsetAndTimestamp;
import org.apache.kafka.clients.consumer.OffsetOutOfRangeException;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.WakeupException;

/** Reading without a group's rebalances: offsets, times, seeking, pausing, long polls. */
final class ConsumeChecks {
    private final Suite suite;
    private final Kafka kafka;

    private ConsumeChecks(Suite suite, Kafka kafka) {
        this.suite = suite;
        this.kafka = kafka;
    }

    static void run(Suite suite, Kafka kafka) {
        ConsumeChecks checks = new ConsumeChecks(suite, kafka);
        suite.check("seek, position, lag", checks::seek);
        suite.check("offsets for times", checks::times);
        suite.check("pause and resume", checks::pause);
        suite.check("long poll, wake-up", checks::longPoll);
        suite.check("an offset out of range, no offset", checks::outOfRange);
        suite.check("start where a time ago was", checks::byDuration);
        suite.check("small limits of a fetch", checks::limits);
        suite.check("50 partitions in one session of fetches", checks::session);
        suite.check("commit with metadata, resume there", checks::commit);
        suite.check("automatic commits", checks::autoCommit);
        suite.check("a topic deleted and made again under a reader", checks::madeAgain);
    }

    private TopicPartition filled(int count) throws Exception {
        String topic = kafka.topic();
        kafka.send(topic, Kafka.numbers(count));
        return new TopicPartition(topic, 0);
    }

    private void seek() throws Exception {
        TopicPartition tp = filled(100);
        try (var consumer = kafka.consumer()) {
            consumer.assign(List.of(tp));
            consumer.seek(tp, 95);
            Suite.same("95", Kafka.take(consumer, 5).get(0).value());
            Suite.same(100L, consumer.position(tp));
            consumer.seekToBeginning(List.of(tp));
            Suite.same(0L, consumer.position(tp));
            Suite.same("0", Kafka.take(consumer, 100).get(0).value());
            consumer.seekToEnd(List.of(tp));
            Suite.same(100L, consumer.position(tp));
            Suite.same(Map.of(tp, 0L), consumer.beginningOffsets(List.of(tp)));
            Suite.same(Map.of(tp, 100L), consumer.endOffsets(List.of(tp)));
            consumer.seek(tp, 90);
            Suite.same(List.of("90"), Kafka.values(Kafka.take(consumer, 10).subList(0, 1)));
            Suite.same(OptionalLong.of(0), consumer.currentLag(tp));
        }
    }

    private void times() throws Exception {
        String topic = kafka.topic();
        TopicPartition tp = new TopicPartition(topic, 0);
        try (var producer = kafka.producer()) {
            for (long n = 0; n < 10; n++) {
                producer.send(new ProducerRecord<>(topic, 0, 1000 + n * 10, "k", "v" + n)).get();
            }
        }
        try (var consumer = kafka.consumer()) {
            for (long[] asked : new long[][] {{0, 0, 1000}, {1000, 0, 1000}, {1001, 1, 1010}, {1090, 9, 1090}}) {
                OffsetAndTimestamp found = consumer.offsetsForTimes(Map.of(tp, asked[0])).get(tp);
                Suite.same(asked[1] + " " + asked[2], found.offset() + " " + found.timestamp());
            }
            Map<TopicPartition, OffsetAndTimestamp> late = consumer.offsetsForTimes(Map.of(tp, 1091L));
            Suite.same(null, late.get(tp));
        }
    }

    private void pause() throws Exception {
        String topic = kafka.topic(2, Map.of());
        List<TopicPartition> both = Kafka.partitions(topic, 0, 1);
        try (var producer = kafka.producer(); var consumer = kafka.consumer()) {
            consumer.assign(both);
            consumer.pause(both.subList(1, 2));
            for (int n = 0; n < 20; n++) {
                producer.send(new ProducerRecord<>(topic, n % 2, "k", String.valueOf(n))).get();
            }
            Kafka.take(consumer, 10).forEach(r -> Suite.same(0, r.partition()));
            Suite.same(Set.of(both.get(1)), consumer.paused());
            Suite.holds(consumer.poll(Duration.ofMillis(200)).isEmpty(), "a record of a paused partition");
            consumer.resume(both);
            Kafka.take(consumer, 10).forEach(r -> Suite.same(1, r.partition()));
        }
    }

    private void longPoll() throws Exception {
        TopicPartition tp = filled(1);
        try (var consumer = kafka.consumer("fetch.max.wait.ms", 4000)) {
            consumer.assign(List.of(tp));
            Kafka.take(consumer, 1);
            var later = suite.start(() -> {
                Thread.sleep(300);
                kafka.send(tp.topic(), "late");
            });
            Suite.same("late", consumer.poll(Duration.ofSeconds(60)).iterator().next().value());
            later.get();
            suite.start(() -> {
                Thread.sleep(200);
                consumer.wakeup();
            });
            Suite.refused(WakeupException.class, () -> consumer.poll(Duration.ofSeconds(60)));
        }
    }

    private void outOfRange() throws Exception {
        TopicPartition tp = filled(10);
        try (var consumer = kafka.consumer("auto.offset.reset", "none", "group.id", kafka.fresh("group"))) {
            consumer.assign(List.of(tp));
            Suite.refused(NoOffsetForPartitionException.class, () -> consumer.poll(Duration.ofSeconds(10)));
            consumer.seek(tp, 11);
            var why = Suite.refused(OffsetOutOfRangeException.class, () -> Kafka.take(consumer, 1));
            Suite.same(Map.of(tp, 11L), why.offsetOutOfRangePartitions());
        }
        try (var consumer = kafka.consumer("auto.offset.reset", "latest")) {
            consumer.assign(List.of(tp));
            consumer.seek(tp, 1000);
            consumer.poll(Duration.ofMillis(500));
            Suite.same(10L, consumer.position(tp));
        }
    }

    /** KIP-1106; clients before 4.0 do not know it, and start at the earliest here, which is the same record. */
    private void byDuration() throws Exception {
        String topic = kafka.topic();
        long now = Instant.now().toEpochMilli();
        int first = Kafka.isSince(4, 0) ? 1 : 0;
        try (var producer = kafka.producer()) {
            producer.send(new ProducerRecord<>(topic, 0, now - 7200000, "k", "old")).get();
            producer.send(new ProducerRecord<>(topic, 0, now - 60000, "k", "new")).get();
        }
        String reset = first == 1 ? "by_duration:PT1H" : "earliest";
        Suite.same(List.of("old", "new").get(first),
                kafka.read(topic, 1, "auto.offset.reset", reset).get(0).value());
    }

    private void limits() throws Exception {
        TopicPartition tp = filled(500);
        var got = kafka.read(tp.topic(), 500, "max.partition.fetch.bytes", 100, "fetch.max.bytes", 100,
                "max.poll.records", 7);
        Suite.same(List.of(Kafka.numbers(500)), Kafka.values(got));
        try (var consumer = kafka.consumer("fetch.min.bytes", 100000, "fetch.max.wait.ms", 300)) {
            consumer.assign(List.of(tp));
            Suite.same(500, Kafka.take(consumer, 500).size());
        }
    }

    /** Most partitions do not change between two fetches, so they are left out of the second (KIP-227). */
    private void session() throws Exception {
        String topic = kafka.topic(50, Map.of());
        List<TopicPartition> all = java.util.stream.IntStream.range(0, 50)
                .mapToObj(n -> new TopicPartition(topic, n)).toList();
        Map<Integer, String> seen = new HashMap<>();
        try (var producer = kafka.producer(); var consumer = kafka.consumer()) {
            consumer.assign(all);
            for (int round = 0; round < 40; round++) {
                int to = round * 7 % 50;
                producer.send(new ProducerRecord<>(topic, to, "k", "round " + round)).get();
                ConsumerRecord<String, String> got = Kafka.take(consumer, 1).get(0);
                Suite.same(to + " round " + round, got.partition() + " " + got.value());
                seen.put(got.partition(), got.value());
            }
            consumer.assign(all.subList(0, 2));
            producer.send(new ProducerRecord<>(topic, 1, "k", "fewer")).get();
            consumer.seekToEnd(all.subList(0, 1));
            consumer.seekToBeginning(all.subList(1, 2));
            List<String> rest = Kafka.values(Kafka.take(consumer, seen.containsKey(1) ? 2 : 1));
            Suite.same("fewer", rest.get(rest.size() - 1));
        }
    }

    private void commit() throws Exception {
        TopicPartition tp = filled(6);
        String group = kafka.fresh("group");
        for (String first : List.of("0", "3")) {
            try (KafkaConsumer<String, String> consumer = kafka.consumer("group.id", group, "max.poll.records", 3)) {
                consumer.subscribe(List.of(tp.topic()));
                List<ConsumerRecord<String, String>> got = Kafka.take(consumer, 3);
                Suite.same(first, got.get(0).value());
                var mark = new OffsetAndMetadata(got.get(2).offset() + 1, "note " + first);
                consumer.commitSync(Map.of(tp, mark));
                Suite.same(mark.metadata(), consumer.committed(Set.of(tp)).get(tp).metadata());
                Suite.same(mark.offset(), consumer.committed(Set.of(tp)).get(tp).offset());
            }
        }
    }

    private void autoCommit() throws Exception {
        TopicPartition tp = filled(5);
        String group = kafka.fresh("group");
        try (var consumer = kafka.consumer("group.id", group, "enable.auto.commit", true,
                "auto.commit.interval.ms", 100)) {
            consumer.subscribe(List.of(tp.topic()));
            Kafka.take(consumer, 5);
        }
        try (var consumer = kafka.consumer("group.id", group)) {
            Suite.same(5L, consumer.committed(Set.of(tp)).get(tp).offset());
        }
    }

    private void madeAgain() throws Exception {
        TopicPartition tp = filled(3);
        try (var consumer = kafka.consumer("metadata.max.age.ms", 200)) {
            consumer.assign(List.of(tp));
            Kafka.take(consumer, 3);
            kafka.admin.deleteTopics(List.of(tp.topic())).all().get();
            kafka.admin.createTopics(List.of(new org.apache.kafka.clients.admin.NewTopic(tp.topic(), 1, (short) 1)))
                    .all().get();
            try (var producer = kafka.producer()) {
                Kafka.send(producer, tp.topic(), "again", "and again");
            }
            consumer.seekToBeginning(List.of(tp));
            Suite.same(List.of("again", "and again"), Kafka.values(Kafka.take(consumer, 2)));
        }
    }
}
