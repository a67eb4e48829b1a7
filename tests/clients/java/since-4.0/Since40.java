import java.util.List;
import org.apache.kafka.clients.admin.GroupListing;
import org.apache.kafka.clients.consumer.SubscriptionPattern;
import org.apache.kafka.common.GroupType;

/** What clients can ask since 4.0. */
final class Since40 {
    private Since40() {
    }

    static void run(Suite suite, Kafka kafka) throws Exception {
        if (kafka.level("group.version") < 1) {
            return;
        }
        suite.check("subscription by a pattern of the broker", () -> pattern(kafka));
        suite.check("groups of the new protocol: list, describe", () -> described(kafka));
    }

    private static void pattern(Kafka kafka) throws Exception {
        String prefix = kafka.fresh("re2j");
        kafka.send(prefix + "-a", "1");
        kafka.send(prefix + "-c", "3");
        try (var consumer = kafka.consumer("group.id", kafka.fresh("group"), "group.protocol", "consumer")) {
            consumer.subscribe(new SubscriptionPattern(prefix + "-[ab]"));
            Suite.same("1", Kafka.take(consumer, 1).get(0).value());
            kafka.send(prefix + "-b", "2");
            Suite.same("2", Kafka.take(consumer, 1).get(0).value());
            Suite.same(2, consumer.assignment().size());
        }
    }

    private static void described(Kafka kafka) throws Exception {
        String topic = kafka.topic();
        String group = kafka.fresh("group");
        kafka.send(topic, "1");
        try (var consumer = kafka.consumer("group.id", group, "group.protocol", "consumer")) {
            consumer.subscribe(List.of(topic));
            Kafka.take(consumer, 1);
            var found = kafka.admin.describeConsumerGroups(List.of(group)).all().get().get(group);
            Suite.same("Stable Consumer uniform 1", found.groupState() + " " + found.type() + " "
                    + found.partitionAssignor() + " " + found.members().size());
            Suite.holds(found.members().iterator().next().memberEpoch().get() > 0, found);
            List<GroupListing> listed = kafka.admin.listGroups().all().get().stream()
                    .filter(g -> g.groupId().equals(group)).toList();
            Suite.same(GroupType.CONSUMER, listed.get(0).type().get());
        }
    }
}
