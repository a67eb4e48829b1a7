import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;
import org.apache.kafka.common.utils.AppInfoParser;

/** What the checks share: the broker's address, clients with the settings of a test, names nobody used before. */
final class Kafka {
    static final Duration SHORT = Duration.ofMillis(50);

    final String at = System.getenv("KAFKA");
    final Admin admin;
    private final AtomicInteger names = new AtomicInteger();

    Kafka() {
        admin = Admin.create(Map.of("bootstrap.servers", at));
    }

    /** Whether the client is of this version or a later one. */
    static boolean isSince(int major, int minor) {
        String[] is = AppInfoParser.getVersion().split("\\.");
        int seen = Integer.parseInt(is[0]) * 1000 + Integer.parseInt(is[1]);
        return seen >= major * 1000 + minor;
    }

    /** The level of a feature that is on, 0 if it is off or unknown. */
    int level(String feature) throws Exception {
        var found = admin.describeFeatures().featureMetadata().get().finalizedFeatures().get(feature);
        return found == null ? 0 : found.maxVersionLevel();
    }

    String fresh(String what) {
        return "java-" + what + "-" + names.incrementAndGet();
    }

    String topic(int partitions, Map<String, String> configs) throws Exception {
        String name = fresh("topic");
        admin.createTopics(List.of(new NewTopic(name, partitions, (short) 1).configs(configs))).all().get();
        return name;
    }

    String topic() throws Exception {
        return topic(1, Map.of());
    }

    private static Properties settings(Map<String, ?> more) {
        Properties all = new Properties();
        all.putAll(more);
        return all;
    }

    /** Settings come in pairs: name, value. */
    KafkaProducer<String, String> producer(Object... pairs) {
        Properties all = settings(Map.of("bootstrap.servers", at, "delivery.timeout.ms", 60000,
                "request.timeout.ms", 10000, "linger.ms", 2));
        put(all, pairs);
        return new KafkaProducer<>(all, new StringSerializer(), new StringSerializer());
    }

    KafkaConsumer<String, String> consumer(Object... pairs) {
        Properties all = settings(Map.of("bootstrap.servers", at, "auto.offset.reset", "earliest",
                "enable.auto.commit", false));
        put(all, pairs);
        return new KafkaConsumer<>(all, new StringDeserializer(), new StringDeserializer());
    }

    static void put(Properties all, Object... pairs) {
        for (int i = 0; i < pairs.length; i += 2) {
            all.put(pairs[i], pairs[i + 1]);
        }
    }

    /** Sends, waits for all answers. */
    static List<RecordMetadata> send(KafkaProducer<String, String> producer, String topic, String... values)
            throws Exception {
        List<Future<RecordMetadata>> sent = new ArrayList<>();
        for (String value : values) {
            sent.add(producer.send(new ProducerRecord<>(topic, value)));
        }
        producer.flush();
        List<RecordMetadata> told = new ArrayList<>();
        for (Future<RecordMetadata> one : sent) {
            told.add(one.get());
        }
        return told;
    }

    List<RecordMetadata> send(String topic, String... values) throws Exception {
        try (KafkaProducer<String, String> producer = producer()) {
            return send(producer, topic, values);
        }
    }

    static String[] numbers(int count) {
        return IntStream.range(0, count).mapToObj(String::valueOf).toArray(String[]::new);
    }

    static List<ConsumerRecord<String, String>> take(KafkaConsumer<String, String> consumer, int count) {
        List<ConsumerRecord<String, String>> got = new ArrayList<>();
        while (got.size() < count) {
            consumer.poll(SHORT).forEach(got::add);
        }
        return got;
    }

    static List<String> values(Collection<ConsumerRecord<String, String>> records) {
        return records.stream().map(ConsumerRecord::value).toList();
    }

    /** The first so many records of partition 0, read without a group. */
    List<ConsumerRecord<String, String>> read(String topic, int count, Object... pairs) {
        try (KafkaConsumer<String, String> consumer = consumer(pairs)) {
            consumer.assign(List.of(new TopicPartition(topic, 0)));
            return take(consumer, count);
        }
    }

    /** All that a reader sees up to the end that a topic has for it now. */
    List<String> readAll(String topic, String isolation) {
        try (KafkaConsumer<String, String> consumer = consumer("isolation.level", isolation)) {
            List<TopicPartition> all = consumer.partitionsFor(topic).stream()
                    .map(p -> new TopicPartition(topic, p.partition())).toList();
            List<String> got = new ArrayList<>();
            consumer.assign(all);
            Map<TopicPartition, Long> ends = consumer.endOffsets(all);
            while (!all.stream().allMatch(p -> consumer.position(p) >= ends.get(p))) {
                consumer.poll(SHORT).forEach(r -> got.add(r.value()));
            }
            return got;
        }
    }

    static List<TopicPartition> partitions(String topic, Integer... numbers) {
        return Arrays.stream(numbers).map(n -> new TopicPartition(topic, n)).toList();
    }
}
