import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Properties;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Future;
import java.util.stream.Collectors;
import org.apache.kafka.clients.admin.AlterConfigOp;
import org.apache.kafka.clients.admin.ConfigEntry;
import org.apache.kafka.clients.admin.ListGroupsOptions;
import org.apache.kafka.clients.admin.ListShareGroupOffsetsSpec;
import org.apache.kafka.clients.consumer.AcknowledgeType;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaShareConsumer;
import org.apache.kafka.common.GroupState;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.TopicIdPartition;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.errors.GroupIdNotFoundException;
import org.apache.kafka.common.errors.GroupNotEmptyException;
import org.apache.kafka.common.errors.InvalidRecordStateException;
import org.apache.kafka.common.serialization.StringDeserializer;

/** Share groups (KIP-932): KafkaShareConsumer and what the admin client knows of them. */
final class ShareChecks {
    private static final int KILLS = 3;

    private final Suite suite;
    private final Kafka kafka;

    private ShareChecks(Suite suite, Kafka kafka) {
        this.suite = suite;
        this.kafka = kafka;
    }

    static void run(Suite suite, Kafka kafka) {
        ShareChecks checks = new ShareChecks(suite, kafka);
        suite.check("share group: records are acknowledged by the next poll", checks::implicit);
        suite.check("share group: accept, release, reject", checks::explicit);
        suite.check("share group: a lock that runs out goes to another member", checks::timeout);
        suite.check("share group: a renewed lock does not", checks::renew);
        suite.check("share group: delivered at most as often as it says", checks::limit);
        suite.check("share group: dead letters tell where they are from, and why", checks::deadLetters);
        suite.check("share group: what is released comes back after a delay", checks::delay);
        suite.check("share group: three members, each record once", checks::three);
        suite.check("share group: isolation levels", checks::isolation);
        suite.check("share group: offsets are listed, altered and deleted", checks::offsets);
        suite.check("share group: described and listed", checks::described);
        suite.check("kill -9: a share group, nothing accepted comes again, nothing is lost", checks::killed);
    }

    /* ---- what the checks share ---- */

    private KafkaShareConsumer<String, String> member(String group, Object... pairs) {
        Properties all = new Properties();
        Kafka.put(all, "bootstrap.servers", kafka.at, "group.id", group);
        Kafka.put(all, pairs);
        return new KafkaShareConsumer<>(all, new StringDeserializer(), new StringDeserializer());
    }

    private KafkaShareConsumer<String, String> explicitMember(String group, String topic) {
        KafkaShareConsumer<String, String> made = member(group, "share.acknowledgement.mode", "explicit");
        made.subscribe(List.of(topic));
        return made;
    }

    /** A group that begins with the oldest record; settings come in pairs. */
    private String group(String... pairs) throws Exception {
        String name = kafka.fresh("share");
        List<AlterConfigOp> set = new ArrayList<>();
        set.add(new AlterConfigOp(new ConfigEntry("share.auto.offset.reset", "earliest"), AlterConfigOp.OpType.SET));
        for (int i = 0; i < pairs.length; i += 2) {
            set.add(new AlterConfigOp(new ConfigEntry(pairs[i], pairs[i + 1]), AlterConfigOp.OpType.SET));
        }
        kafka.admin.incrementalAlterConfigs(Map.of(new ConfigResource(ConfigResource.Type.GROUP, name),
        set)).all().get();
        return name;
    }

    private static List<ConsumerRecord<String, String>> take(KafkaShareConsumer<String, String> member, int count) {
        List<ConsumerRecord<String, String>> got = new ArrayList<>();
        while (got.size() < count) {
            member.poll(Kafka.SHORT).forEach(got::add);
        }
        return got;
    }

    private static void acknowledge(KafkaShareConsumer<String, String> member,
            List<ConsumerRecord<String, String>> records, AcknowledgeType type) {
        records.forEach(record -> member.acknowledge(record, type));
        committed(member);
    }

    private static void committed(KafkaShareConsumer<String, String> member) {
        Map<TopicIdPartition, Optional<KafkaException>> told = member.commitSync();
        Suite.holds(told.values().stream().allMatch(Optional::isEmpty), told);
    }

    private static Set<String> values(List<ConsumerRecord<String, String>> records) {
        return records.stream().map(ConsumerRecord::value).collect(Collectors.toSet());
    }

    private long start(String group, String topic) throws Exception {
        return kafka.admin.listShareGroupOffsets(Map.of(group, new ListShareGroupOffsetsSpec()))
                .partitionsToOffsetInfo(group).get().get(new TopicPartition(topic, 0)).startOffset();
    }

    /* ---- records ---- */

    private void implicit() throws Exception {
        String topic = kafka.topic(3, Map.of());
        String group = group();
        kafka.send(topic, Kafka.numbers(1000));
        try (var member = member(group)) {
            member.subscribe(List.of(topic));
            var got = take(member, 1000);
            Suite.same(Set.of(Kafka.numbers(1000)), values(got));
            Suite.holds(got.stream().allMatch(r -> r.deliveryCount().get() == 1), got.size());
            committed(member);
        }
        kafka.send(topic, "more");
        try (var member = member(group)) {
            member.subscribe(List.of(topic));
            Suite.same(Set.of("more"), values(take(member, 1)));
            committed(member);
        }
    }

    private void explicit() throws Exception {
        String topic = kafka.topic();
        String group = group();
        kafka.send(topic, Kafka.numbers(30));
        try (var member = explicitMember(group, topic)) {
            AcknowledgeType[] types = {AcknowledgeType.ACCEPT, AcknowledgeType.RELEASE, AcknowledgeType.REJECT};
            take(member, 30).forEach(r -> member.acknowledge(r, types[(int) (r.offset() % 3)]));
            committed(member);
            var again = take(member, 10);
            Suite.holds(again.stream().allMatch(r -> r.offset() % 3 == 1 && r.deliveryCount().get() == 2), again);
            acknowledge(member, again, AcknowledgeType.ACCEPT);
        }
        Suite.same(30L, start(group, topic));
    }

    private void timeout() throws Exception {
        String topic = kafka.topic();
        String group = group("share.record.lock.duration.ms", "1500");
        kafka.send(topic, Kafka.numbers(5));
        try (var late = explicitMember(group, topic); var other = explicitMember(group, topic)) {
            var got = take(late, 5);
            var again = take(other, 5);
            Suite.holds(again.stream().allMatch(r -> r.deliveryCount().get() >= 2), again);
            got.forEach(late::acknowledge);
            Suite.holds(late.commitSync().values().stream().allMatch(e -> e.isPresent()
                    && e.get() instanceof InvalidRecordStateException), "acknowledged too late");
            acknowledge(other, again, AcknowledgeType.ACCEPT);
        }
    }

    private void renew() throws Exception {
        String topic = kafka.topic();
        String group = group("share.record.lock.duration.ms", "3000");
        kafka.send(topic, Kafka.numbers(3));
        try (var member = explicitMember(group, topic); var other = explicitMember(group, topic)) {
            var got = take(member, 3);
            long end = System.nanoTime() + 7_000_000_000L;
            while (System.nanoTime() < end) {
                acknowledge(member, got, AcknowledgeType.RENEW);
                member.poll(Kafka.SHORT);
                Suite.same(0, other.poll(Kafka.SHORT).count());
            }
            acknowledge(member, got, AcknowledgeType.ACCEPT);
        }
        Suite.same(3L, start(group, topic));
    }

    private void limit() throws Exception {
        String topic = kafka.topic();
        String group = group("share.delivery.count.limit", "3");
        kafka.send(topic, "x");
        try (var member = explicitMember(group, topic)) {
            for (short n = 1; n <= 3; n++) {
                var got = take(member, 1);
                Suite.same(n, got.get(0).deliveryCount().get());
                acknowledge(member, got, AcknowledgeType.RELEASE);
            }
        }
        Suite.same(1L, start(group, topic));
    }

    private static String header(ConsumerRecord<String, String> record, String name) {
        return new String(record.headers().lastHeader("__dlq.errors." + name).value());
    }

    private void deadLetters() throws Exception {
        String topic = kafka.topic();
        String letters = kafka.fresh("dlq");
        String group = group("errors.deadletterqueue.topic.name", letters, "share.delivery.count.limit", "1");
        kafka.send(topic, "rejected", "released");
        try (var member = explicitMember(group, topic)) {
            take(member, 2).forEach(r -> member.acknowledge(r, r.value().equals("rejected") ? AcknowledgeType.REJECT
                    : AcknowledgeType.RELEASE));
            committed(member);
        }
        for (ConsumerRecord<String, String> letter : kafka.read(letters, 2)) {
            boolean isRejected = letter.value().equals("rejected");
            Suite.same(topic, header(letter, "topic"));
            Suite.same("0", header(letter, "partition"));
            Suite.same(isRejected ? "0" : "1", header(letter, "offset"));
            Suite.same(group, header(letter, "group"));
            Suite.same("1", header(letter, "delivery.count"));
            Suite.same(isRejected ? "Offset rejected by client." : "Offset delivery count exceeded the threshold.",
                    header(letter, "message"));
        }
        Suite.same(2L, start(group, topic));
    }

    private void delay() throws Exception {
        String topic = kafka.topic();
        String group = group("myna.share.release.delay.ms", "1500");
        kafka.send(topic, "x");
        try (var member = explicitMember(group, topic)) {
            acknowledge(member, take(member, 1), AcknowledgeType.RELEASE);
            long from = System.nanoTime();
            take(member, 1);
            Suite.holds(System.nanoTime() - from > 1_000_000_000L, System.nanoTime() - from);
        }
    }

    private void three() throws Exception {
        String topic = kafka.topic(2, Map.of());
        String group = group();
        int all = 3000;
        Map<String, Integer> got = new ConcurrentHashMap<>();
        List<Future<?>> members = new ArrayList<>();
        for (int i = 0; i < 3; i++) {
            members.add(suite.start(() -> {
                try (var member = member(group, "max.poll.records", 50)) {
                    member.subscribe(List.of(topic));
                    while (got.size() < all) {
                        member.poll(Kafka.SHORT).forEach(r -> got.merge(r.value(), 1, Integer::sum));
                    }
                    committed(member);
                }
            }));
        }
        kafka.send(topic, Kafka.numbers(all));
        for (Future<?> one : members) {
            one.get();
        }
        Suite.holds(got.values().stream().allMatch(n -> n == 1), got.values().stream().mapToInt(n -> n).sum());
    }

    private void isolation() throws Exception {
        String topic = kafka.topic();
        try (var producer = kafka.producer("transactional.id", kafka.fresh("txn"));
                var committed = member(group("share.isolation.level", "read_committed"));
                var uncommitted = member(group())) {
            committed.subscribe(List.of(topic));
            uncommitted.subscribe(List.of(topic));
            producer.initTransactions();
            producer.beginTransaction();
            Kafka.send(producer, topic, "a", "b");
            kafka.send(topic, "plain");
            Suite.same(Set.of("a", "b", "plain"), values(take(uncommitted, 3)));
            Suite.same(0, committed.poll(Kafka.SHORT.multipliedBy(10)).count());
            producer.abortTransaction();
            producer.beginTransaction();
            Kafka.send(producer, topic, "c");
            producer.commitTransaction();
            Suite.same(Set.of("plain", "c"), values(take(committed, 2)));
            Suite.same(Set.of("c"), values(take(uncommitted, 1)));
        }
    }

    /* ---- from outside ---- */

    private void offsets() throws Exception {
        String topic = kafka.topic();
        String group = group();
        TopicPartition partition = new TopicPartition(topic, 0);
        kafka.send(topic, Kafka.numbers(10));
        try (var member = member(group)) {
            member.subscribe(List.of(topic));
            take(member, 10);
            committed(member);
            Suite.refused(GroupNotEmptyException.class,
                    () -> kafka.admin.alterShareGroupOffsets(group, Map.of(partition, 3L)).all().get());
        }
        Suite.same(10L, start(group, topic));
        kafka.admin.alterShareGroupOffsets(group, Map.of(partition, 3L)).all().get();
        Suite.same(3L, start(group, topic));
        try (var member = member(group)) {
            member.subscribe(List.of(topic));
            Suite.same(3L, take(member, 7).get(0).offset());
        }
        kafka.admin.deleteShareGroupOffsets(group, Set.of(topic)).all().get();
        Suite.same(Map.of(), kafka.admin.listShareGroupOffsets(Map.of(group, new ListShareGroupOffsetsSpec()))
                .partitionsToOffsetInfo(group).get());
        kafka.admin.deleteShareGroups(List.of(group)).all().get();
        Suite.refused(GroupIdNotFoundException.class,
                () -> kafka.admin.describeShareGroups(List.of(group)).all().get());
    }

    private void described() throws Exception {
        String topic = kafka.topic(4, Map.of());
        String group = group();
        kafka.send(topic, Kafka.numbers(40));
        try (var one = member(group); var two = member(group)) {
            one.subscribe(List.of(topic));
            two.subscribe(List.of(topic));
            for (;;) {
                one.poll(Kafka.SHORT);
                two.poll(Kafka.SHORT);
                var found = kafka.admin.describeShareGroups(List.of(group)).all().get().get(group);
                Set<TopicPartition> all = new HashSet<>();
                found.members().forEach(m -> all.addAll(m.assignment().topicPartitions()));
                if (found.members().size() == 2 && all.size() == 4) {
                    Suite.same(GroupState.STABLE, found.groupState());
                    Suite.holds(found.members().stream().allMatch(m -> m.assignment().topicPartitions().size() == 2),
                            found);
                    break;
                }
            }
            Suite.holds(kafka.admin.listGroups(ListGroupsOptions.forShareGroups()).all().get().stream()
                    .anyMatch(g -> g.groupId().equals(group)), group);
        }
    }

    /* ---- crashes ---- */

    /** What records were seen, and what was accepted as far as the member was told so. */
    private static final class Seen {
        final Set<String> all = ConcurrentHashMap.newKeySet();
        final Set<String> accepted = ConcurrentHashMap.newKeySet();
        final Set<String> again = ConcurrentHashMap.newKeySet();
        volatile boolean isOver;
    }

    private void consume(String group, String topic, Seen seen) {
        try (var member = explicitMember(group, topic)) {
            int turn = 0;
            while (!seen.isOver) {
                List<String> mine = new ArrayList<>();
                for (ConsumerRecord<String, String> record : member.poll(Kafka.SHORT)) {
                    seen.all.add(record.value());
                    if (seen.accepted.contains(record.value())) {
                        seen.again.add(record.value());
                    }
                    boolean isReleased = ++turn % 10 == 0;
                    member.acknowledge(record, isReleased ? AcknowledgeType.RELEASE : AcknowledgeType.ACCEPT);
                    if (!isReleased) {
                        mine.add(record.value());
                    }
                }
                if (member.commitSync().values().stream().allMatch(Optional::isEmpty)) {
                    seen.accepted.addAll(mine);
                }
            }
        }
    }

    /** The answer to an acknowledgement may be lost with the broker: then it counts, and nobody knows. */
    private void killed() throws Exception {
        String topic = kafka.topic();
        String group = group("share.delivery.count.limit", "100", "share.heartbeat.interval.ms", "500");
        int all = 4000;
        Seen seen = new Seen();
        kafka.send(topic, Kafka.numbers(all));
        List<Future<?>> members = new ArrayList<>();
        for (int i = 0; i < 2; i++) {
            members.add(suite.start(() -> consume(group, topic, seen)));
        }
        for (int kill = 1; kill <= KILLS; kill++) {
            int at = kill * 800;
            Suite.until(() -> seen.all.size() >= at || members.stream().allMatch(Future::isDone));
            suite.ask("kill");
            suite.ask("start");
        }
        while (start(group, topic) < all && members.stream().noneMatch(Future::isDone)) {
            Thread.sleep(100);
        }
        seen.isOver = true;
        for (Future<?> one : members) {
            one.get();
        }
        Suite.same(Set.of(), seen.again);
        Suite.same(all, seen.all.size());
    }
}
