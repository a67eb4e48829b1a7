import org.apache.kafka.common.utils.AppInfoParser;

/** Apache Kafka's Java client against the Kafka door; see Suite for how, host.js for where. */
final class ClientTest {
    private ClientTest() {
    }

    public static void main(String[] args) throws Exception {
        Suite suite = new Suite(args);
        Kafka kafka = new Kafka();

        System.out.println("# kafka-clients " + AppInfoParser.getVersion());
        ProduceChecks.run(suite, kafka);
        ConsumeChecks.run(suite, kafka);
        GroupChecks.run(suite, kafka);
        TxnChecks.run(suite, kafka);
        AdminChecks.run(suite, kafka);
        for (String later : new String[] {"Since40", "Since42"}) {
            runIfThere(later, suite, kafka);
        }
        CrashChecks.run(suite, kafka);
        suite.end();
    }

    /** What only later clients can ask; tools/fetch-clients compiles it with those only. */
    private static void runIfThere(String name, Suite suite, Kafka kafka) throws Exception {
        try {
            Class.forName(name).getDeclaredMethod("run", Suite.class, Kafka.class).invoke(null, suite, kafka);
        } catch (ClassNotFoundException error) {
            System.out.println("# " + name + " is not for this version");
        }
    }
}
