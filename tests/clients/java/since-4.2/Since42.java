import java.util.List;
import java.util.Map;
import java.util.Set;
import org.apache.kafka.clients.admin.ListTransactionsOptions;
import org.apache.kafka.common.config.ConfigResource;

/** What clients can ask since 4.2. */
final class Since42 {
    private Since42() {
    }

    static void run(Suite suite, Kafka kafka) {
        suite.check("transactions by a pattern of their ids", () -> transactions(kafka));
        suite.check("resources that have configs", () -> resources(kafka));
        ShareChecks.run(suite, kafka);
    }

    private static void transactions(Kafka kafka) throws Exception {
        String prefix = kafka.fresh("txn");
        for (String letter : List.of("a", "b", "c")) {
            try (var producer = kafka.producer("transactional.id", prefix + letter)) {
                producer.initTransactions();
                producer.beginTransaction();
                Kafka.send(producer, kafka.topic(), "x");
                producer.commitTransaction();
            }
        }
        var found = kafka.admin.listTransactions(new ListTransactionsOptions()
                .filterOnTransactionalIdPattern(prefix + "[ab]")).all().get();
        Suite.same(2, found.size());
    }

    private static void resources(Kafka kafka) throws Exception {
        String topic = kafka.topic(1, Map.of());
        var all = kafka.admin.listConfigResources(Set.of(ConfigResource.Type.TOPIC),
                new org.apache.kafka.clients.admin.ListConfigResourcesOptions()).all().get();
        Suite.holds(all.contains(new ConfigResource(ConfigResource.Type.TOPIC, topic)), all);
    }
}
