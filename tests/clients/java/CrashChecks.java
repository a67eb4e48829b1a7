import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.kafka.clients.consumer.CommitFailedException;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.ProducerFencedException;
import org.apache.kafka.common.errors.RebalanceInProgressException;

/** kill -9 of the broker under clients that reconnect by themselves; and the other door. */
final class CrashChecks {
    private static final int KILLS = 3;

    private final Suite suite;
    private final Kafka kafka;

    private CrashChecks(Suite suite, Kafka kafka) {
        this.suite = suite;
        this.kafka = kafka;
    }

    static void run(Suite suite, Kafka kafka) {
        CrashChecks checks = new CrashChecks(suite, kafka);
        suite.check("kill -9: an idempotent producer goes on, none lost, none twice", checks::producer);
        suite.check("kill -9: a group goes on where it was", checks::group);
        suite.check("kill -9: a transactional copy, none lost, none twice", checks::copy);
        suite.check("what Java compressed, an AMQP client reads", checks::toAmqp);
        suite.check("what an AMQP client published, Java reads", checks::fromAmqp);
    }

    private void crash() throws Exception {
        suite.ask("kill");
        Thread.sleep(200);
        suite.ask("start");
    }

    private void producer() throws Exception {
        String topic = kafka.topic();
        List<Future<RecordMetadata>> sent = new ArrayList<>();
        AtomicInteger count = new AtomicInteger();
        try (var producer = kafka.producer("linger.ms", 1)) {
            Future<?> sending = suite.start(() -> {
                for (int n = 0; n < 3000; n++) {
                    sent.add(producer.send(new ProducerRecord<>(topic, String.valueOf(n))));
                    count.set(n);
                    Thread.sleep(n % 5 == 0 ? 1 : 0);
                }
            });
            for (int kill = 1; kill <= KILLS; kill++) {
                int at = kill * 700;
                Suite.until(() -> count.get() >= at || sending.isDone());
                crash();
            }
            sending.get();
            for (Future<RecordMetadata> one : sent) {
                one.get();
            }
        }
        Suite.same(Arrays.asList(Kafka.numbers(3000)), Kafka.values(kafka.read(topic, 3000)));
    }

    private void group() throws Exception {
        String topic = kafka.topic(2, Map.of());
        String group = kafka.fresh("group");
        LinkedHashSet<String> got = new LinkedHashSet<>();
        try (var producer = kafka.producer(); var consumer = kafka.consumer("group.id", group,
                "session.timeout.ms", 10000, "heartbeat.interval.ms", 500)) {
            consumer.subscribe(List.of(topic));
            for (int round = 0; round <= KILLS; round++) {
                for (int n = 0; n < 20; n++) {
                    producer.send(new ProducerRecord<>(topic, n % 2, "k", round + "." + n));
                }
                producer.flush();
                int wanted = (round + 1) * 20;
                while (got.size() < wanted) {
                    consumer.poll(Kafka.SHORT).forEach(r -> got.add(r.value()));
                }
                commit(consumer, Kafka.partitions(topic, 0, 1), wanted);
                if (round < KILLS) {
                    crash();
                }
            }
            long sum = consumer.committed(java.util.Set.copyOf(Kafka.partitions(topic, 0, 1))).values().stream()
                    .mapToLong(OffsetAndMetadata::offset).sum();
            Suite.same(20L * (KILLS + 1), sum);
        }
    }

    /**
     * Members of the classic protocol are not kept over a restart (group.c, GR6; Kafka keeps them): a commit that comes
     * before the client's next heartbeat is refused; the client joins again and reads again what was not committed.
     */
    private static void commit(KafkaConsumer<String, String> consumer, List<TopicPartition> both, long wanted) {
        while (true) {
            try {
                consumer.commitSync();
                return;
            } catch (CommitFailedException | RebalanceInProgressException error) {
                do {
                    consumer.poll(Kafka.SHORT);
                } while (!consumer.assignment().containsAll(both)
                        || both.stream().mapToLong(consumer::position).sum() < wanted);
            }
        }
    }

    /** Consume, produce and commit as one; what fails is begun anew by a producer and a consumer that are new. */
    private void copy() throws Exception {
        String from = kafka.topic();
        String to = kafka.topic();
        String group = kafka.fresh("group");
        kafka.send(from, Kafka.numbers(600));
        AtomicInteger copied = new AtomicInteger();
        Future<?> copying = suite.start(() -> {
            while (copied.get() < 600) {
                try {
                    copySome(from, to, group, copied);
                } catch (ProducerFencedException error) {
                    throw error;
                } catch (KafkaException error) {
                    Thread.sleep(50);
                }
            }
        });
        for (int kill = 1; kill <= KILLS; kill++) {
            int at = kill * 100;
            Suite.until(() -> copied.get() >= at || copying.isDone());
            crash();
        }
        copying.get();
        Suite.same(Arrays.asList(Kafka.numbers(600)), kafka.readAll(to, "read_committed"));
    }

    private void copySome(String from, String to, String group, AtomicInteger copied) throws Exception {
        TopicPartition tp = new TopicPartition(from, 0);
        try (var producer = kafka.producer("transactional.id", group); var consumer = kafka.consumer("group.id", group,
                "isolation.level", "read_committed", "max.poll.records", 10, "session.timeout.ms", 6000)) {
            producer.initTransactions();
            consumer.subscribe(List.of(from));
            while (copied.get() < 600) {
                var records = consumer.poll(Kafka.SHORT);
                if (records.isEmpty()) {
                    continue;
                }
                producer.beginTransaction();
                records.forEach(r -> producer.send(new ProducerRecord<>(to, r.value())));
                long next = records.records(tp).get(records.count() - 1).offset() + 1;
                producer.sendOffsetsToTransaction(Map.of(tp, new OffsetAndMetadata(next)), consumer.groupMetadata());
                producer.commitTransaction();
                copied.set((int) next);
            }
        }
    }

    private void toAmqp() throws Exception {
        String topic = kafka.topic();
        suite.ask("amqp prepare [\"" + topic + "\"]");
        try (var producer = kafka.producer("compression.type", "zstd", "linger.ms", 50)) {
            for (String value : List.of("one", "two")) {
                var record = new ProducerRecord<>(topic, "key of " + value, value);
                record.headers().add("trace", "7".getBytes());
                producer.send(record);
            }
        }
        String told = suite.ask("amqp receive [\"" + topic + "\",2]");
        for (String wanted : List.of("\"body\":\"one\"", "\"body\":\"two\"", "\"key\":\"key of one\"",
                "\"trace\":\"7\"")) {
            Suite.holds(told.contains(wanted), told);
        }
    }

    private void fromAmqp() throws Exception {
        String topic = kafka.topic();
        suite.ask("amqp publish [\"" + topic + "\",[{\"key\":\"k\",\"body\":\"by AMQP\",\"headers\":{\"a\":\"1\"}}]]");
        var got = kafka.read(topic, 1).get(0);
        Suite.same("k by AMQP", got.key() + " " + got.value());
        Suite.same("1", new String(got.headers().lastHeader("a").value()));
    }
}
