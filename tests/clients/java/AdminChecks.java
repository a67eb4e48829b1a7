import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.AlterConfigOp;
import org.apache.kafka.clients.admin.AlterConfigOp.OpType;
import org.apache.kafka.clients.admin.Config;
import org.apache.kafka.clients.admin.ConfigEntry;
import org.apache.kafka.clients.admin.CreateTopicsOptions;
import org.apache.kafka.clients.admin.ListConsumerGroupOffsetsSpec;
import org.apache.kafka.clients.admin.MemberToRemove;
import org.apache.kafka.clients.admin.NewPartitions;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.clients.admin.RecordsToDelete;
import org.apache.kafka.clients.admin.RemoveMembersFromConsumerGroupOptions;
import org.apache.kafka.clients.admin.ScramCredentialInfo;
import org.apache.kafka.clients.admin.ScramMechanism;
import org.apache.kafka.clients.admin.UserScramCredentialDeletion;
import org.apache.kafka.clients.admin.UserScramCredentialUpsertion;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.ElectionType;
import org.apache.kafka.common.TopicCollection;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.errors.ElectionNotNeededException;
import org.apache.kafka.common.errors.GroupIdNotFoundException;
import org.apache.kafka.common.errors.GroupNotEmptyException;
import org.apache.kafka.common.errors.InvalidConfigurationException;
import org.apache.kafka.common.errors.InvalidPartitionsException;
import org.apache.kafka.common.errors.InvalidReplicationFactorException;
import org.apache.kafka.common.errors.OffsetOutOfRangeException;
import org.apache.kafka.common.errors.TopicExistsException;
import org.apache.kafka.common.errors.UnknownTopicIdException;
import org.apache.kafka.common.errors.UnknownTopicOrPartitionException;

/** The admin client. */
final class AdminChecks {
    private final Kafka kafka;
    private final Admin admin;

    private AdminChecks(Kafka kafka) {
        this.kafka = kafka;
        this.admin = kafka.admin;
    }

    static void run(Suite suite, Kafka kafka) {
        AdminChecks checks = new AdminChecks(kafka);
        suite.check("cluster, features, log directories", checks::cluster);
        suite.check("topics: create, list, describe, grow, delete", checks::topics);
        suite.check("topics by id", checks::topicIds);
        suite.check("topics: errors, validate only, defaults", checks::topicErrors);
        suite.check("120 topics at once", checks::manyTopics);
        suite.check("configs of topics: set, append, subtract, delete", checks::topicConfigs);
        suite.check("configs of brokers", checks::brokerConfigs);
        suite.check("list offsets: each kind", checks::listOffsets);
        suite.check("delete records", checks::deleteRecords);
        suite.check("groups: list, describe, delete", checks::groups);
        suite.check("groups: offsets read, set, deleted", checks::groupOffsets);
        suite.check("groups: members put out", checks::removeMembers);
        suite.check("SCRAM credentials", checks::scram);
        suite.check("leader election, reassignments", checks::elections);
    }

    private void cluster() throws Exception {
        var cluster = admin.describeCluster();
        Suite.same(22, cluster.clusterId().get().length());
        Suite.same(kafka.at, cluster.nodes().get().iterator().next().host() + ":"
                + cluster.nodes().get().iterator().next().port());
        Suite.holds(cluster.nodes().get().contains(cluster.controller().get()), cluster.controller().get());
        Suite.same(2, kafka.level("transaction.version"));
        String topic = kafka.topic();
        kafka.send(topic, "x".repeat(1000));
        var found = admin.describeLogDirs(List.of(1)).allDescriptions().get().get(1).values().iterator().next();
        Suite.holds(found.replicaInfos().get(new TopicPartition(topic, 0)).size() > 1000, found.replicaInfos());
        Suite.holds(found.usableBytes().getAsLong() > 0 && found.totalBytes().getAsLong() > 0, found);
    }

    private void topics() throws Exception {
        String topic = kafka.topic(3, Map.of("retention.ms", "60000"));
        Suite.holds(admin.listTopics().names().get().contains(topic), topic);
        var found = admin.describeTopics(List.of(topic)).allTopicNames().get().get(topic);
        Suite.same(3, found.partitions().size());
        found.partitions().forEach(p -> Suite.same(p.replicas(), p.isr()));
        admin.createPartitions(Map.of(topic, NewPartitions.increaseTo(7))).all().get();
        Suite.same(7, admin.describeTopics(List.of(topic)).allTopicNames().get().get(topic).partitions().size());
        admin.deleteTopics(List.of(topic)).all().get();
        Suite.refused(UnknownTopicOrPartitionException.class,
                () -> admin.describeTopics(List.of(topic)).allTopicNames().get());
        Suite.holds(!admin.listTopics().names().get().contains(topic), topic);
    }

    private void topicIds() throws Exception {
        NewTopic asked = new NewTopic(kafka.fresh("topic"), 1, (short) 1);
        Uuid id = admin.createTopics(List.of(asked)).topicId(asked.name()).get();
        var byId = TopicCollection.ofTopicIds(List.of(id));
        Suite.same(asked.name(), admin.describeTopics(byId).allTopicIds().get().get(id).name());
        admin.deleteTopics(byId).all().get();
        Suite.refused(UnknownTopicIdException.class, () -> admin.deleteTopics(byId).all().get());
        Suite.holds(!admin.createTopics(List.of(asked)).topicId(asked.name()).get().equals(id), id);
    }

    private void create(NewTopic topic) throws Exception {
        admin.createTopics(List.of(topic)).all().get();
    }

    private void topicErrors() throws Exception {
        String topic = kafka.topic();
        String other = kafka.fresh("topic");
        Suite.refused(TopicExistsException.class, () -> create(new NewTopic(topic, 1, (short) 1)));
        Suite.refused(InvalidReplicationFactorException.class, () -> create(new NewTopic(other, 1, (short) 3)));
        Suite.refused(InvalidPartitionsException.class, () -> create(new NewTopic(other, 0, (short) 1)));
        Suite.refused(InvalidConfigurationException.class,
                () -> create(new NewTopic(other, 1, (short) 1).configs(Map.of("no.such", "1"))));
        Suite.refused(InvalidPartitionsException.class,
                () -> admin.createPartitions(Map.of(topic, NewPartitions.increaseTo(1))).all().get());
        admin.createTopics(List.of(new NewTopic(other, 1, (short) 1)), new CreateTopicsOptions().validateOnly(true))
                .all().get();
        Suite.holds(!admin.listTopics().names().get().contains(other), other);
        var made = admin.createTopics(List.of(new NewTopic(other, java.util.Optional.empty(),
                java.util.Optional.empty())));
        Suite.same("1 1", made.numPartitions(other).get() + " " + made.replicationFactor(other).get());
        Suite.same("604800000", made.config(other).get().get("retention.ms").value());
    }

    private void manyTopics() throws Exception {
        String prefix = kafka.fresh("many");
        List<NewTopic> all = java.util.stream.IntStream.range(0, 120)
                .mapToObj(n -> new NewTopic(prefix + "-" + n, 3, (short) 1)).toList();
        admin.createTopics(all).all().get();
        List<String> names = all.stream().map(NewTopic::name).toList();
        Suite.same(120, admin.describeTopics(names).allTopicNames().get().size());
        admin.deleteTopics(names).all().get();
    }

    private Config config(ConfigResource resource) throws Exception {
        return admin.describeConfigs(List.of(resource)).all().get().get(resource);
    }

    private void alter(ConfigResource resource, OpType how, String name, String value) throws Exception {
        Collection<AlterConfigOp> ops = List.of(new AlterConfigOp(new ConfigEntry(name, value), how));
        admin.incrementalAlterConfigs(Map.of(resource, ops)).all().get();
    }

    private void topicConfigs() throws Exception {
        ConfigResource topic = new ConfigResource(ConfigResource.Type.TOPIC, kafka.topic());
        alter(topic, OpType.SET, "retention.bytes", "1000");
        Suite.same(ConfigEntry.ConfigSource.DYNAMIC_TOPIC_CONFIG, config(topic).get("retention.bytes").source());
        Suite.same(false, config(topic).get("retention.bytes").isDefault());
        alter(topic, OpType.APPEND, "cleanup.policy", "compact");
        Suite.same("delete,compact", config(topic).get("cleanup.policy").value());
        alter(topic, OpType.SUBTRACT, "cleanup.policy", "delete");
        Suite.same("compact", config(topic).get("cleanup.policy").value());
        alter(topic, OpType.DELETE, "retention.bytes", "");
        Suite.same("-1", config(topic).get("retention.bytes").value());
        Suite.same(true, config(topic).get("retention.bytes").isDefault());
        Suite.refused(InvalidConfigurationException.class, () -> alter(topic, OpType.SET, "retention.ms", "soon"));
        Suite.refused(UnknownTopicOrPartitionException.class,
                () -> config(new ConfigResource(ConfigResource.Type.TOPIC, "nothing-here")));
        Suite.holds(config(topic).entries().size() > 25, config(topic).entries().size());
    }

    private void brokerConfigs() throws Exception {
        Config broker = config(new ConfigResource(ConfigResource.Type.BROKER, "1"));
        Suite.same("true", broker.get("auto.create.topics.enable").value());
        Suite.same("1", broker.get("num.partitions").value());
    }

    private long offset(TopicPartition tp, OffsetSpec spec) throws Exception {
        return admin.listOffsets(Map.of(tp, spec)).all().get().get(tp).offset();
    }

    private void listOffsets() throws Exception {
        String topic = kafka.topic();
        TopicPartition tp = new TopicPartition(topic, 0);
        try (var producer = kafka.producer()) {
            for (long time : new long[] {1000, 3000, 2000}) {
                producer.send(new ProducerRecord<>(topic, 0, time, "k", "v")).get();
            }
        }
        Suite.same(0L, offset(tp, OffsetSpec.earliest()));
        Suite.same(3L, offset(tp, OffsetSpec.latest()));
        Suite.same(1L, offset(tp, OffsetSpec.maxTimestamp()));
        Suite.same(1L, offset(tp, OffsetSpec.forTimestamp(1500)));
        Suite.same(-1L, offset(tp, OffsetSpec.forTimestamp(3001)));
        Suite.same(0L, offset(tp, OffsetSpec.earliestLocal()));
        Suite.same(-1L, offset(tp, OffsetSpec.latestTiered()));
    }

    private void deleteRecords() throws Exception {
        String topic = kafka.topic();
        TopicPartition tp = new TopicPartition(topic, 0);
        kafka.send(topic, Kafka.numbers(10));
        var kept = admin.deleteRecords(Map.of(tp, RecordsToDelete.beforeOffset(4)));
        Suite.same(4L, kept.lowWatermarks().get(tp).get().lowWatermark());
        Suite.same("4", kafka.read(topic, 1).get(0).value());
        Suite.refused(OffsetOutOfRangeException.class,
                () -> admin.deleteRecords(Map.of(tp, RecordsToDelete.beforeOffset(11))).all().get());
        admin.deleteRecords(Map.of(tp, RecordsToDelete.beforeOffset(-1))).all().get();
        Suite.same(10L, offset(tp, OffsetSpec.earliest()));
    }

    private void groups() throws Exception {
        String topic = kafka.topic(2, Map.of());
        String group = kafka.fresh("group");
        kafka.send(topic, "1");
        try (var consumer = kafka.consumer("group.id", group, "client.id", "reader")) {
            consumer.subscribe(List.of(topic));
            Kafka.take(consumer, 1);
            consumer.commitSync();
            var found = admin.describeConsumerGroups(List.of(group)).all().get().get(group);
            Suite.same("STABLE range 1", String.valueOf(found.state()).toUpperCase() + " " + found.partitionAssignor()
                    + " " + found.members().size());
            var member = found.members().iterator().next();
            Suite.same("reader /127.0.0.1 2", member.clientId() + " " + member.host() + " "
                    + member.assignment().topicPartitions().size());
            Suite.refused(GroupNotEmptyException.class, () -> admin.deleteConsumerGroups(List.of(group)).all().get());
            var listed = admin.listConsumerGroups().all().get();
            Suite.holds(listed.stream().anyMatch(g -> g.groupId().equals(group)), listed);
        }
        admin.deleteConsumerGroups(List.of(group)).all().get();
        Suite.refused(GroupIdNotFoundException.class, () -> admin.deleteConsumerGroups(List.of(group)).all().get());
    }

    private void groupOffsets() throws Exception {
        String topic = kafka.topic(2, Map.of());
        List<TopicPartition> both = Kafka.partitions(topic, 0, 1);
        List<String> groups = List.of(kafka.fresh("group"), kafka.fresh("group"));
        for (String group : groups) {
            admin.alterConsumerGroupOffsets(group, Map.of(both.get(0), new OffsetAndMetadata(3, "a"),
                    both.get(1), new OffsetAndMetadata(5))).all().get();
        }
        var asked = groups.stream().collect(Collectors.toMap(g -> g, g -> new ListConsumerGroupOffsetsSpec()));
        var found = admin.listConsumerGroupOffsets(asked).all().get();
        for (String group : groups) {
            Suite.same("3 a", found.get(group).get(both.get(0)).offset() + " "
                    + found.get(group).get(both.get(0)).metadata());
        }
        admin.deleteConsumerGroupOffsets(groups.get(0), Set.of(both.get(0))).all().get();
        Suite.same(Set.of(both.get(1)), admin.listConsumerGroupOffsets(groups.get(0))
                .partitionsToOffsetAndMetadata().get().keySet());
    }

    private void removeMembers() throws Exception {
        String topic = kafka.topic();
        String group = kafka.fresh("group");
        kafka.send(topic, "1");
        try (var consumer = kafka.consumer("group.id", group, "group.instance.id", "one")) {
            consumer.subscribe(List.of(topic));
            Kafka.take(consumer, 1);
            admin.removeMembersFromConsumerGroup(group, new RemoveMembersFromConsumerGroupOptions(
                    List.of(new MemberToRemove("one")))).all().get();
            var found = admin.describeConsumerGroups(List.of(group)).all().get().get(group);
            Suite.same(0, found.members().size());
        }
    }

    private void scram() throws Exception {
        String user = kafka.fresh("user");
        var made = new ScramCredentialInfo(ScramMechanism.SCRAM_SHA_256, 4096);
        admin.alterUserScramCredentials(List.of(new UserScramCredentialUpsertion(user, made, "secret"))).all().get();
        Suite.same(List.of(made), admin.describeUserScramCredentials(List.of(user)).description(user).get()
                .credentialInfos());
        admin.alterUserScramCredentials(List.of(new UserScramCredentialDeletion(user, made.mechanism()))).all().get();
        Suite.holds(!admin.describeUserScramCredentials().users().get().contains(user), user);
    }

    private void elections() throws Exception {
        TopicPartition tp = new TopicPartition(kafka.topic(), 0);
        var why = admin.electLeaders(ElectionType.PREFERRED, Set.of(tp)).partitions().get().get(tp).get();
        Suite.holds(why instanceof ElectionNotNeededException, why);
        Suite.same(Map.of(), admin.listPartitionReassignments().reassignments().get());
    }
}
