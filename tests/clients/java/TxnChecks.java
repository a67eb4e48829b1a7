import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.apache.kafka.clients.admin.ListTransactionsOptions;
import org.apache.kafka.clients.admin.TransactionState;
import org.apache.kafka.clients.consumer.ConsumerGroupMetadata;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.ProducerFencedException;
import org.apache.kafka.common.errors.TransactionalIdNotFoundException;

/** Transactions, by the first protocol (3.9) and the second one (KIP-890, from 4.0 on). */
final class TxnChecks {
    private final Kafka kafka;

    private TxnChecks(Kafka kafka) {
        this.kafka = kafka;
    }

    static void run(Suite suite, Kafka kafka) {
        TxnChecks checks = new TxnChecks(kafka);
        suite.check("transactions: committed and aborted", checks::commitAbort);
        suite.check("transactions: what is open is hidden", checks::hidden);
        suite.check("transactions: 300 in a row over three topics", checks::manyTopics);
        suite.check("transactions: offsets go along", checks::offsets);
        suite.check("transactions: offsets of a member that is out", checks::zombie);
        suite.check("transactions: the older producer is fenced", checks::fenced);
        suite.check("transactions: the time of one runs out", checks::timeout);
        suite.check("transactions: an empty one; one after an error", checks::recovers);
        suite.check("transactions: list, describe, producers", checks::described);
        suite.check("transactions: fenced by an administrator", checks::byAdmin);
    }

    private KafkaProducer<String, String> begun(String id, Object... pairs) {
        Object[] all = new Object[pairs.length + 2];
        all[0] = "transactional.id";
        all[1] = id;
        System.arraycopy(pairs, 0, all, 2, pairs.length);
        KafkaProducer<String, String> producer = kafka.producer(all);
        producer.initTransactions();
        return producer;
    }

    private static void send(KafkaProducer<String, String> producer, String topic, String... values) throws Exception {
        for (String value : values) {
            producer.send(new ProducerRecord<>(topic, value)).get();
        }
    }

    private void commitAbort() throws Exception {
        String topic = kafka.topic();
        try (var producer = begun(kafka.fresh("txn"))) {
            for (String word : List.of("a", "b", "c", "d")) {
                producer.beginTransaction();
                send(producer, topic, word + "1", word + "2");
                if (word.equals("a") || word.equals("c")) {
                    producer.commitTransaction();
                } else {
                    producer.abortTransaction();
                }
            }
        }
        Suite.same(List.of("a1", "a2", "c1", "c2"), kafka.readAll(topic, "read_committed"));
        Suite.same(8, kafka.readAll(topic, "read_uncommitted").size());
    }

    private void hidden() throws Exception {
        String topic = kafka.topic();
        TopicPartition tp = new TopicPartition(topic, 0);
        try (var producer = begun(kafka.fresh("txn"));
                var reader = kafka.consumer("isolation.level", "read_committed")) {
            reader.assign(List.of(tp));
            producer.beginTransaction();
            send(producer, topic, "open");
            kafka.send(topic, "behind");
            Suite.same(List.of("open", "behind"), kafka.readAll(topic, "read_uncommitted"));
            Suite.holds(reader.poll(Duration.ofMillis(300)).isEmpty(), "what is open");
            Suite.same(0L, reader.endOffsets(List.of(tp)).get(tp));
            producer.commitTransaction();
            Suite.same(List.of("open", "behind"), Kafka.values(Kafka.take(reader, 2)));
        }
    }

    private void manyTopics() throws Exception {
        List<String> topics = List.of(kafka.topic(), kafka.topic(), kafka.topic(3, Map.of()));
        int kept = 0;
        try (var producer = begun(kafka.fresh("txn"))) {
            for (int n = 0; n < 300; n++) {
                producer.beginTransaction();
                for (String topic : topics) {
                    producer.send(new ProducerRecord<>(topic, "k" + n % 7, String.valueOf(n)));
                }
                if (n % 3 == 0) {
                    producer.abortTransaction();
                } else {
                    producer.commitTransaction();
                    kept++;
                }
            }
        }
        for (String topic : topics) {
            Suite.same(kept, kafka.readAll(topic, "read_committed").size());
        }
    }

    private void offsets() throws Exception {
        String topic = kafka.topic();
        TopicPartition tp = new TopicPartition(topic, 0);
        ConsumerGroupMetadata group = new ConsumerGroupMetadata(kafka.fresh("group"));
        try (var producer = begun(kafka.fresh("txn")); var reader = kafka.consumer("group.id", group.groupId())) {
            producer.beginTransaction();
            producer.sendOffsetsToTransaction(Map.of(tp, new OffsetAndMetadata(3)), group);
            producer.abortTransaction();
            Suite.same(null, reader.committed(Set.of(tp)).get(tp));
            producer.beginTransaction();
            producer.sendOffsetsToTransaction(Map.of(tp, new OffsetAndMetadata(4, "four")), group);
            producer.commitTransaction();
            Suite.same(4L, reader.committed(Set.of(tp)).get(tp).offset());
            Suite.same("four", reader.committed(Set.of(tp)).get(tp).metadata());
        }
    }

    /** KIP-447: who is no member any more cannot commit, and so its transaction cannot be either. */
    private void zombie() throws Exception {
        String topic = kafka.topic();
        String group = kafka.fresh("group");
        TopicPartition tp = new TopicPartition(topic, 0);
        kafka.send(topic, "1");
        try (var producer = begun(kafka.fresh("txn"))) {
            ConsumerGroupMetadata was;
            try (KafkaConsumer<String, String> consumer = kafka.consumer("group.id", group)) {
                consumer.subscribe(List.of(topic));
                Kafka.take(consumer, 1);
                was = consumer.groupMetadata();
                producer.beginTransaction();
                producer.sendOffsetsToTransaction(Map.of(tp, new OffsetAndMetadata(1)), was);
                producer.commitTransaction();
            }
            producer.beginTransaction();
            Suite.refused(KafkaException.class, () -> {
                producer.sendOffsetsToTransaction(Map.of(tp, new OffsetAndMetadata(9)), was);
                producer.commitTransaction();
            });
            producer.abortTransaction();
        }
        try (var reader = kafka.consumer("group.id", group)) {
            Suite.same(1L, reader.committed(Set.of(tp)).get(tp).offset());
        }
    }

    private void fenced() throws Exception {
        String topic = kafka.topic();
        String id = kafka.fresh("txn");
        var older = begun(id);
        older.beginTransaction();
        send(older, topic, "old");
        try (var newer = begun(id)) {
            newer.beginTransaction();
            send(newer, topic, "new");
            newer.commitTransaction();
        }
        Suite.refused(ProducerFencedException.class, older::commitTransaction);
        older.close(Duration.ZERO);
        Suite.same(List.of("new"), kafka.readAll(topic, "read_committed"));
    }

    private void timeout() throws Exception {
        String topic = kafka.topic();
        try (var producer = begun(kafka.fresh("txn"), "transaction.timeout.ms", 1000)) {
            producer.beginTransaction();
            send(producer, topic, "late");
            kafka.send(topic, "behind");
            try (var reader = kafka.consumer("isolation.level", "read_committed")) {
                reader.assign(Kafka.partitions(topic, 0));
                Suite.same(List.of("behind"), Kafka.values(Kafka.take(reader, 1)));
            }
            Suite.refused(KafkaException.class, producer::commitTransaction);
        }
    }

    private void recovers() throws Exception {
        String topic = kafka.topic();
        try (var producer = begun(kafka.fresh("txn"))) {
            producer.beginTransaction();
            producer.commitTransaction();
            producer.beginTransaction();
            send(producer, topic, "gone");
            Suite.refused(KafkaException.class, () -> {
                producer.send(new ProducerRecord<>("bad name", "x")).get();
                producer.commitTransaction();
            });
            producer.abortTransaction();
            producer.beginTransaction();
            send(producer, topic, "there");
            producer.commitTransaction();
        }
        Suite.same(List.of("there"), kafka.readAll(topic, "read_committed"));
    }

    private void described() throws Exception {
        String topic = kafka.topic();
        String id = kafka.fresh("txn");
        TopicPartition tp = new TopicPartition(topic, 0);
        try (var producer = begun(id)) {
            producer.beginTransaction();
            send(producer, topic, "open");
            var found = kafka.admin.describeTransactions(List.of(id)).description(id).get();
            Suite.same("1 Ongoing " + Set.of(tp), found.coordinatorId() + " " + found.state() + " "
                    + found.topicPartitions());
            Suite.holds(found.transactionStartTimeMs().isPresent(), found);
            var listed = kafka.admin.listTransactions(new ListTransactionsOptions()
                    .filterStates(Set.of(TransactionState.ONGOING))).all().get();
            Suite.holds(listed.stream().anyMatch(t -> t.transactionalId().equals(id)
                    && t.producerId() == found.producerId()), listed);
            var active = kafka.admin.describeProducers(List.of(tp)).partitionResult(tp).get().activeProducers();
            Suite.same(1, active.size());
            Suite.same(0L, active.get(0).currentTransactionStartOffset().getAsLong());
            producer.commitTransaction();
            Suite.same(TransactionState.COMPLETE_COMMIT,
                    kafka.admin.describeTransactions(List.of(id)).description(id).get().state());
        }
        Suite.refused(TransactionalIdNotFoundException.class,
                () -> kafka.admin.describeTransactions(List.of("nobody")).description("nobody").get());
    }

    private void byAdmin() throws Exception {
        String topic = kafka.topic();
        String id = kafka.fresh("txn");
        try (var producer = begun(id)) {
            producer.beginTransaction();
            send(producer, topic, "open");
            kafka.admin.fenceProducers(List.of(id)).all().get();
            Suite.refused(KafkaException.class, producer::commitTransaction);
        }
        Suite.same(List.of(), kafka.readAll(topic, "read_committed"));
        kafka.send(topic, "behind");
        Suite.same(List.of("behind"), kafka.readAll(topic, "read_committed"));
    }
}
