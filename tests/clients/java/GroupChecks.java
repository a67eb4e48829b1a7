import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.Future;
import java.util.regex.Pattern;
import org.apache.kafka.clients.consumer.ConsumerRebalanceListener;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.FencedInstanceIdException;
import org.apache.kafka.common.errors.RebalanceInProgressException;

/** Consumer groups: members come, go, fall silent; each protocol and assignor. */
final class GroupChecks {
    private final Suite suite;
    private final Kafka kafka;

    private GroupChecks(Suite suite, Kafka kafka) {
        this.suite = suite;
        this.kafka = kafka;
    }

    static void run(Suite suite, Kafka kafka) throws Exception {
        GroupChecks checks = new GroupChecks(suite, kafka);
        for (String assignor : List.of("Range", "RoundRobin", "Sticky", "CooperativeSticky")) {
            suite.check("two share, one leaves: " + assignor, () -> checks.shared("partition.assignment.strategy",
                    "org.apache.kafka.clients.consumer." + assignor + "Assignor"));
        }
        suite.check("cooperative: what a member keeps is never revoked", checks::cooperative);
        suite.check("five members, one after the other", () -> checks.many("classic"));
        suite.check("static members come back to their partitions", () -> checks.staticMember("classic"));
        suite.check("a second one with the same instance id", checks::fencedInstance);
        suite.check("a member that does not poll is put out", checks::silent);
        suite.check("subscription by pattern", checks::pattern);
        suite.check("partitions that are added are found", checks::grown);
        if (kafka.level("group.version") < 1) {
            System.out.println("# group.protocol=consumer: the broker does not offer it");
            return;
        }
        for (String assignor : List.of("uniform", "range")) {
            suite.check("two share, one leaves: group.protocol=consumer, " + assignor,
                    () -> checks.shared("group.protocol", "consumer", "group.remote.assignor", assignor));
        }
        suite.check("five members: group.protocol=consumer", () -> checks.many("consumer"));
        suite.check("static members: group.protocol=consumer", () -> checks.staticMember("consumer"));
        suite.check("from classic to consumer and back", checks::upgraded);
    }

    /** Members that poll in threads of their own until told to leave. */
    final class Member implements ConsumerRebalanceListener {
        final Set<TopicPartition> owns = new HashSet<>();
        final ConcurrentLinkedQueue<String> events = new ConcurrentLinkedQueue<>();
        final ConcurrentLinkedQueue<String> got = new ConcurrentLinkedQueue<>();
        private final KafkaConsumer<String, String> consumer;
        private final Future<?> running;
        private volatile boolean isLeaving;
        private volatile int count;

        Member(String topic, Object... pairs) {
            consumer = kafka.consumer(pairs);
            consumer.subscribe(List.of(topic), this);
            running = suite.start(() -> {
                while (!isLeaving) {
                    consumer.poll(Kafka.SHORT).forEach(r -> got.add(r.value()));
                    consumer.commitAsync();
                }
                consumer.close();
            });
        }

        @Override
        public void onPartitionsAssigned(Collection<TopicPartition> partitions) {
            synchronized (owns) {
                owns.addAll(partitions);
                count = owns.size();
            }
            partitions.forEach(p -> events.add("+" + p.partition()));
        }

        @Override
        public void onPartitionsRevoked(Collection<TopicPartition> partitions) {
            synchronized (owns) {
                owns.removeAll(partitions);
                count = owns.size();
            }
            partitions.forEach(p -> events.add("-" + p.partition()));
        }

        Set<Integer> owned() {
            synchronized (owns) {
                return new TreeSet<>(owns.stream().map(TopicPartition::partition).toList());
            }
        }

        void leave() throws Exception {
            isLeaving = true;
            running.get();
        }
    }

    private static boolean haveAll(List<Member> members, int partitions) {
        Set<Integer> all = new TreeSet<>();
        int sum = 0;
        for (Member member : members) {
            Set<Integer> owned = member.owned();
            all.addAll(owned);
            sum += owned.size();
        }
        return all.size() == partitions && sum == partitions;
    }

    private Object[] with(String group, Object... pairs) {
        List<Object> all = new ArrayList<>(List.of("group.id", group));
        boolean isNew = List.of(pairs).contains("consumer");
        if (!isNew) {
            all.addAll(List.of("heartbeat.interval.ms", 200, "session.timeout.ms", 10000));
        }
        all.addAll(List.of(pairs));
        return all.toArray();
    }

    private void shared(Object... pairs) throws Exception {
        String topic = kafka.topic(4, Map.of());
        Object[] settings = with(kafka.fresh("group"), pairs);
        Member one = new Member(topic, settings);
        Suite.until(() -> one.owned().size() == 4);
        Member two = new Member(topic, settings);
        Suite.until(() -> one.owned().size() == 2 && two.owned().size() == 2 && haveAll(List.of(one, two), 4));
        try (var producer = kafka.producer()) {
            for (int n = 0; n < 40; n++) {
                producer.send(new ProducerRecord<>(topic, n % 4, "k", String.valueOf(n)));
            }
        }
        Suite.until(() -> one.got.size() == 20 && two.got.size() == 20);
        two.leave();
        Suite.until(() -> one.owned().size() == 4);
        one.leave();
        Suite.same(40, one.got.size() + two.got.size());
    }

    private void cooperative() throws Exception {
        String topic = kafka.topic(6, Map.of());
        Object[] settings = with(kafka.fresh("group"), "partition.assignment.strategy",
                "org.apache.kafka.clients.consumer.CooperativeStickyAssignor");
        Member one = new Member(topic, settings);
        Suite.until(() -> one.owned().size() == 6);
        one.events.clear();
        Member two = new Member(topic, settings);
        Suite.until(() -> two.owned().size() == 3 && one.owned().size() == 3);
        Suite.holds(one.events.stream().allMatch(e -> e.startsWith("-")) && one.events.size() == 3, one.events);
        two.leave();
        Suite.until(() -> one.owned().size() == 6);
        Suite.same(6, one.events.size());
        one.leave();
    }

    private void many(String protocol) throws Exception {
        String topic = kafka.topic(5, Map.of());
        Object[] settings = with(kafka.fresh("group"), "group.protocol", protocol);
        List<Member> members = new ArrayList<>();
        for (int n = 0; n < 5; n++) {
            members.add(new Member(topic, settings));
        }
        Suite.until(() -> members.stream().allMatch(m -> m.owned().size() == 1) && haveAll(members, 5));
        for (int n = 4; n > 0; n--) {
            members.remove(n).leave();
        }
        Suite.until(() -> members.get(0).owned().size() == 5);
        members.get(0).leave();
    }

    private void staticMember(String protocol) throws Exception {
        String topic = kafka.topic(4, Map.of());
        String group = kafka.fresh("group");
        Member one = new Member(topic, with(group, "group.protocol", protocol, "group.instance.id", "one"));
        Member two = new Member(topic, with(group, "group.protocol", protocol, "group.instance.id", "two"));
        Suite.until(() -> one.owned().size() == 2 && two.owned().size() == 2);
        Set<Integer> had = two.owned();
        one.events.clear();
        two.leave();
        Member back = new Member(topic, with(group, "group.protocol", protocol, "group.instance.id", "two"));
        Suite.until(() -> back.owned().equals(had));
        Suite.same(List.of(), List.copyOf(one.events));
        back.leave();
        one.leave();
    }

    private void fencedInstance() throws Exception {
        String topic = kafka.topic(2, Map.of());
        Object[] settings = with(kafka.fresh("group"), "group.instance.id", "one");
        Member older = new Member(topic, settings);
        Suite.until(() -> older.owned().size() == 2);
        Member newer = new Member(topic, settings);
        Suite.refused(FencedInstanceIdException.class, () -> older.running.get());
        Suite.until(() -> newer.owned().size() == 2);
        newer.leave();
    }

    /** The client leaves by itself when nobody polls; the commit that comes too late is refused. */
    private void silent() throws Exception {
        String topic = kafka.topic(2, Map.of());
        kafka.send(topic, "a");
        Object[] settings = with(kafka.fresh("group"), "max.poll.interval.ms", 1000);
        try (var lazy = kafka.consumer(settings)) {
            lazy.subscribe(List.of(topic));
            Kafka.take(lazy, 1);
            Member other = new Member(topic, settings);
            Suite.until(() -> other.owned().size() == 2);
            Throwable why = Suite.refused(org.apache.kafka.common.KafkaException.class, lazy::commitSync);
            Suite.holds(why instanceof org.apache.kafka.clients.consumer.CommitFailedException
                    || why instanceof RebalanceInProgressException, why);
            other.leave();
        }
    }

    private void pattern() throws Exception {
        String prefix = kafka.fresh("pattern");
        kafka.send(prefix + "-a", "1");
        try (var consumer = kafka.consumer("group.id", kafka.fresh("group"), "metadata.max.age.ms", 200,
                "heartbeat.interval.ms", 200)) {
            consumer.subscribe(Pattern.compile(prefix + "-[ab]"));
            Suite.same("1", Kafka.take(consumer, 1).get(0).value());
            kafka.send(prefix + "-b", "2");
            kafka.send(prefix + "-c", "3");
            Suite.same("2", Kafka.take(consumer, 1).get(0).value());
            Suite.holds(consumer.poll(Duration.ofMillis(300)).isEmpty(), "what was not asked for");
        }
    }

    private void grown() throws Exception {
        String topic = kafka.topic();
        Member one = new Member(topic, with(kafka.fresh("group"), "metadata.max.age.ms", 200));
        Suite.until(() -> one.owned().size() == 1);
        kafka.admin.createPartitions(Map.of(topic, org.apache.kafka.clients.admin.NewPartitions.increaseTo(3)))
                .all().get();
        Suite.until(() -> one.owned().size() == 3);
        one.leave();
    }

    /** Members of both protocols in one group, and its offsets stay (KIP-848, online upgrade and downgrade). */
    private void upgraded() throws Exception {
        String topic = kafka.topic(4, Map.of());
        String group = kafka.fresh("group");
        Member classic = new Member(topic, with(group));
        Suite.until(() -> classic.owned().size() == 4);
        Member newer = new Member(topic, with(group, "group.protocol", "consumer"));
        Suite.until(() -> newer.owned().size() == 2 && haveAll(List.of(classic, newer), 4));
        try (var producer = kafka.producer()) {
            for (int n = 0; n < 40; n++) {
                producer.send(new ProducerRecord<>(topic, n % 4, "k", String.valueOf(n)));
            }
        }
        Suite.until(() -> classic.got.size() + newer.got.size() == 40);
        classic.leave();
        Suite.until(() -> newer.owned().size() == 4);
        Member again = new Member(topic, with(group));
        Suite.until(() -> again.owned().size() == 2 && haveAll(List.of(again, newer), 4));
        newer.leave();
        Suite.until(() -> again.owned().size() == 4);
        again.leave();
        Suite.same(40, classic.got.size() + newer.got.size() + again.got.size());
    }
}
