import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.InvalidRecordException;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.errors.InvalidTimestampException;
import org.apache.kafka.common.errors.InvalidTopicException;
import org.apache.kafka.common.errors.RecordTooLargeException;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.record.TimestampType;

/** Producing, and what a plain reader finds. */
final class ProduceChecks {
    private static final int MANY = 10000;

    private final Kafka kafka;

    private ProduceChecks(Kafka kafka) {
        this.kafka = kafka;
    }

    static void run(Suite suite, Kafka kafka) {
        ProduceChecks checks = new ProduceChecks(kafka);
        for (String codec : List.of("none", "gzip", "snappy", "lz4", "zstd")) {
            suite.check("compression " + codec, () -> checks.codec(codec));
        }
        for (String codec : List.of("gzip", "snappy", "lz4", "zstd", "uncompressed")) {
            suite.check("the topic compresses by " + codec, () -> checks.topicCodec(codec));
        }
        suite.check("acks=0, acks=1, acks=all", checks::acks);
        suite.check("an idempotent producer of small batches", checks::idempotent);
        suite.check("key, value, headers, time, nulls", checks::fields);
        suite.check("keys choose partitions and keep their order", checks::keys);
        suite.check("a produce creates its topic; a bad name", checks::autoCreate);
        suite.check("a message over the limit, larger than a fetch", checks::large);
        suite.check("a compacted topic takes no message without key", checks::perRecordErrors);
        suite.check("the time of the append", checks::appendTime);
        suite.check("a time too far away", checks::farTime);
    }

    private void codec(String codec) throws Exception {
        String topic = kafka.topic();
        String[] values = Arrays.stream(Kafka.numbers(1000)).map(n -> n + " compress me".repeat(20))
                .toArray(String[]::new);
        try (var producer = kafka.producer("compression.type", codec, "linger.ms", 20)) {
            Kafka.send(producer, topic, values);
        }
        Suite.same(Arrays.asList(values), Kafka.values(kafka.read(topic, values.length)));
    }

    private void topicCodec(String codec) throws Exception {
        String topic = kafka.topic(1, Map.of("compression.type", codec));
        String[] values = Arrays.stream(Kafka.numbers(300)).map(n -> n + " compress me".repeat(20))
                .toArray(String[]::new);
        try (var producer = kafka.producer("compression.type", "lz4", "linger.ms", 20)) {
            List<RecordMetadata> told = Kafka.send(producer, topic, values);
            Suite.same(299L, told.get(299).offset());
        }
        Suite.same(Arrays.asList(values), Kafka.values(kafka.read(topic, values.length)));
    }

    private void acks() throws Exception {
        String topic = kafka.topic();
        for (String acks : List.of("0", "1", "all")) {
            try (var producer = kafka.producer("acks", acks, "enable.idempotence", false)) {
                boolean isTold = Kafka.send(producer, topic, acks).get(0).hasOffset();
                Suite.same(!acks.equals("0"), isTold);
            }
        }
        Suite.same(List.of("0", "1", "all"), Kafka.values(kafka.read(topic, 3)));
    }

    private void idempotent() throws Exception {
        String topic = kafka.topic();
        try (var producer = kafka.producer("batch.size", 200, "linger.ms", 0)) {
            List<RecordMetadata> told = Kafka.send(producer, topic, Kafka.numbers(MANY));
            for (int i = 0; i < MANY; i++) {
                Suite.same((long) i, told.get(i).offset());
            }
        }
        Suite.same(Arrays.asList(Kafka.numbers(MANY)), Kafka.values(kafka.read(topic, MANY)));
    }

    private void fields() throws Exception {
        String topic = kafka.topic();
        try (var producer = kafka.producer()) {
            var one = new ProducerRecord<>(topic, 0, 1700000000000L, "k", "v");
            one.headers().add("a", "1".getBytes(StandardCharsets.UTF_8)).add("a", null).add("", new byte[0]);
            producer.send(one).get();
            producer.send(new ProducerRecord<>(topic, "gone", null)).get();
            producer.send(new ProducerRecord<>(topic, null, "")).get();
        }
        List<ConsumerRecord<String, String>> got = kafka.read(topic, 3);
        ConsumerRecord<String, String> one = got.get(0);
        Suite.same("k v 1700000000000 CreateTime 0",
                one.key() + " " + one.value() + " " + one.timestamp() + " " + one.timestampType() + " " + one.offset());
        Header[] headers = one.headers().toArray();
        Suite.same(3, headers.length);
        Suite.same("a1", headers[0].key() + new String(headers[0].value(), StandardCharsets.UTF_8));
        Suite.holds(headers[1].key().equals("a") && headers[1].value() == null, headers[1]);
        Suite.holds(headers[2].key().isEmpty() && headers[2].value().length == 0, headers[2]);
        Suite.same("gone null", got.get(1).key() + " " + got.get(1).value());
        Suite.same("null ", got.get(2).key() + " " + got.get(2).value());
    }

    private void keys() throws Exception {
        String topic = kafka.topic(4, Map.of());
        try (var producer = kafka.producer()) {
            for (int i = 0; i < 400; i++) {
                producer.send(new ProducerRecord<>(topic, "key" + i % 10, String.valueOf(i)));
            }
        }
        int[] last = new int[10];
        int seen = 0;
        try (var consumer = kafka.consumer()) {
            consumer.assign(Kafka.partitions(topic, 0, 1, 2, 3));
            for (ConsumerRecord<String, String> record : Kafka.take(consumer, 400)) {
                int n = Integer.parseInt(record.value());
                Suite.holds(last[n % 10] <= n, record);
                last[n % 10] = n;
                seen++;
            }
        }
        Suite.same(400, seen);
    }

    private void autoCreate() throws Exception {
        String topic = kafka.fresh("unmade");
        Suite.same(0L, kafka.send(topic, "first").get(0).offset());
        Suite.refused(InvalidTopicException.class, () -> kafka.send("a b", "no"));
    }

    private void large() throws Exception {
        String topic = kafka.topic(1, Map.of("max.message.bytes", "6000000"));
        String large = "x".repeat(5000000);
        try (var producer = kafka.producer("max.request.size", 8000000)) {
            Kafka.send(producer, topic, large, "small");
            Suite.refused(RecordTooLargeException.class, () -> Kafka.send(producer, topic, "y".repeat(7000000)));
            Suite.refused(RecordTooLargeException.class, () -> Kafka.send(producer, kafka.topic(), large));
        }
        Suite.same(List.of(large, "small"), Kafka.values(kafka.read(topic, 2)));
        Suite.same(List.of(large, "small"), Kafka.values(kafka.read(topic, 2, "max.partition.fetch.bytes", 100000)));
    }

    /** The batch is refused whole, and the record without a key is named (KIP-467). */
    private void perRecordErrors() throws Exception {
        String topic = kafka.topic(1, Map.of("cleanup.policy", "compact"));
        try (var producer = kafka.producer("linger.ms", 200)) {
            var good = producer.send(new ProducerRecord<>(topic, "k", "v"));
            var bad = producer.send(new ProducerRecord<>(topic, "v"));
            Throwable why = Suite.refused(InvalidRecordException.class, bad::get);
            Suite.holds(why.getMessage() != null && !why.getMessage().isEmpty(), why);
            Suite.refused(KafkaException.class, good::get);
            producer.send(new ProducerRecord<>(topic, "k", "later")).get();
        }
        Suite.same(List.of("later"), Kafka.values(kafka.read(topic, 1)));
    }

    private void appendTime() throws Exception {
        String topic = kafka.topic(1, Map.of("message.timestamp.type", "LogAppendTime"));
        long before = System.currentTimeMillis();
        try (var producer = kafka.producer()) {
            RecordMetadata told = producer.send(new ProducerRecord<>(topic, 0, 17L, "k", "v")).get();
            Suite.holds(told.timestamp() >= before, told.timestamp());
            ConsumerRecord<String, String> read = kafka.read(topic, 1).get(0);
            Suite.same(TimestampType.LOG_APPEND_TIME, read.timestampType());
            Suite.same(told.timestamp(), read.timestamp());
        }
    }

    private void farTime() throws Exception {
        String topic = kafka.topic(1, Map.of("message.timestamp.before.max.ms", "1000"));
        try (KafkaProducer<String, String> producer = kafka.producer()) {
            for (long time : new long[] {17L, System.currentTimeMillis() + 86400000L}) {
                Suite.refused(InvalidTimestampException.class,
                        () -> producer.send(new ProducerRecord<>(topic, 0, time, "k", "v")).get());
            }
        }
        Suite.same(List.of(), kafka.readAll(topic, "read_uncommitted"));
    }
}
