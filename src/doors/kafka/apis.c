/*
 * apis.c - one row per API; see apis.h. The ranges are Kafka 4.2's, of the APIs we speak in full.
 * Transactions are not among them: a transactional id is refused wherever one can be named.
 */
#include "doors/kafka/apis.h"
#include "doors/kafka/schema.h"

const struct kafka_api kafka_apis[] = {
    /* name, key, advertised min, min, max, flexible since, request, response, handler */
    { "Produce", 0, 0, 3, 13, 9, &layout_produce_request, &layout_produce_response,
      kafka_on_produce },
    { "Fetch", 1, 4, 4, 18, 12, &layout_fetch_request, &layout_fetch_response, kafka_on_fetch },
    { "ListOffsets", 2, 1, 1, 11, 6, &layout_list_offsets_request, &layout_list_offsets_response,
      kafka_on_list_offsets },
    { "Metadata", 3, 0, 0, 13, 9, &layout_metadata_request, &layout_metadata_response,
      kafka_on_metadata },
    { "OffsetCommit", 8, 2, 2, 10, 8, &layout_offset_commit_request, &layout_offset_commit_response,
      kafka_on_offset_commit },
    { "OffsetFetch", 9, 1, 1, 10, 6, &layout_offset_fetch_request, &layout_offset_fetch_response,
      kafka_on_offset_fetch },
    { "FindCoordinator", 10, 0, 0, 6, 3, &layout_find_coordinator_request,
      &layout_find_coordinator_response, kafka_on_find_coordinator },
    { "JoinGroup", 11, 0, 0, 9, 6, &layout_join_group_request, &layout_join_group_response,
      kafka_on_join_group },
    { "Heartbeat", 12, 0, 0, 4, 4, &layout_heartbeat_request, &layout_heartbeat_response,
      kafka_on_heartbeat },
    { "LeaveGroup", 13, 0, 0, 5, 4, &layout_leave_group_request, &layout_leave_group_response,
      kafka_on_leave_group },
    { "SyncGroup", 14, 0, 0, 5, 4, &layout_sync_group_request, &layout_sync_group_response,
      kafka_on_sync_group },
    { "DescribeGroups", 15, 0, 0, 6, 5, &layout_describe_groups_request,
      &layout_describe_groups_response, kafka_on_describe_groups },
    { "ListGroups", 16, 0, 0, 5, 3, &layout_list_groups_request, &layout_list_groups_response,
      kafka_on_list_groups },
    { "SaslHandshake", KAFKA_SASL_HANDSHAKE, 0, 0, 1, WIRE_NEVER, &layout_sasl_handshake_request,
      &layout_sasl_handshake_response, kafka_on_sasl_handshake },
    { "ApiVersions", KAFKA_API_VERSIONS, 0, 0, 4, 3, &layout_api_versions_request,
      &layout_api_versions_response, kafka_on_api_versions },
    { "CreateTopics", 19, 2, 2, 7, 5, &layout_create_topics_request, &layout_create_topics_response,
      kafka_on_create_topics },
    { "DeleteTopics", 20, 1, 1, 6, 4, &layout_delete_topics_request, &layout_delete_topics_response,
      kafka_on_delete_topics },
    { "DeleteRecords", 21, 0, 0, 2, 2, &layout_delete_records_request,
      &layout_delete_records_response, kafka_on_delete_records },
    { "InitProducerId", 22, 0, 0, 5, 2, &layout_init_producer_id_request,
      &layout_init_producer_id_response, kafka_on_init_producer_id },
    { "OffsetForLeaderEpoch", 23, 2, 2, 4, 4, &layout_epoch_end_request, &layout_epoch_end_response,
      kafka_on_epoch_end },
    { "AddPartitionsToTxn", 24, 0, 0, 5, 3, &layout_add_partitions_request,
      &layout_add_partitions_response, kafka_on_add_partitions_to_txn },
    { "AddOffsetsToTxn", 25, 0, 0, 4, 3, &layout_add_offsets_request, &layout_add_offsets_response,
      kafka_on_add_offsets_to_txn },
    { "EndTxn", 26, 0, 0, 5, 3, &layout_end_txn_request, &layout_end_txn_response,
      kafka_on_end_txn },
    { "TxnOffsetCommit", 28, 0, 0, 5, 3, &layout_txn_offsets_request, &layout_txn_offsets_response,
      kafka_on_txn_offset_commit },
    { "DescribeConfigs", 32, 1, 1, 4, 4, &layout_describe_configs_request,
      &layout_describe_configs_response, kafka_on_describe_configs },
    { "AlterConfigs", 33, 0, 0, 2, 2, &layout_alter_configs_request, &layout_alter_configs_response,
      kafka_on_alter_configs },
    { "SaslAuthenticate", KAFKA_SASL_AUTHENTICATE, 0, 0, 2, 2, &layout_sasl_authenticate_request,
      &layout_sasl_authenticate_response, kafka_on_sasl_authenticate },
    { "DescribeLogDirs", 35, 1, 1, 4, 2, &layout_describe_log_dirs_request,
      &layout_describe_log_dirs_response, kafka_on_describe_log_dirs },
    { "CreatePartitions", 37, 0, 0, 3, 2, &layout_create_partitions_request,
      &layout_create_partitions_response, kafka_on_create_partitions },
    { "DeleteGroups", 42, 0, 0, 2, 2, &layout_delete_groups_request, &layout_delete_groups_response,
      kafka_on_delete_groups },
    { "ElectLeaders", 43, 0, 0, 2, 2, &layout_elect_leaders_request, &layout_elect_leaders_response,
      kafka_on_elect_leaders },
    { "IncrementalAlterConfigs", 44, 0, 0, 1, 1, &layout_incremental_alter_configs_request,
      &layout_incremental_alter_configs_response, kafka_on_incremental_alter_configs },
    { "ListPartitionReassignments", 46, 0, 0, 0, 0, &layout_list_reassignments_request,
      &layout_list_reassignments_response, kafka_on_list_reassignments },
    { "OffsetDelete", 47, 0, 0, 0, WIRE_NEVER, &layout_offset_delete_request,
      &layout_offset_delete_response, kafka_on_offset_delete },
    { "DescribeUserScramCredentials", 50, 0, 0, 0, 0, &layout_describe_scram_request,
      &layout_describe_scram_response, kafka_on_describe_scram },
    { "AlterUserScramCredentials", 51, 0, 0, 0, 0, &layout_alter_scram_request,
      &layout_alter_scram_response, kafka_on_alter_scram },
    { "DescribeCluster", 60, 0, 0, 2, 0, &layout_describe_cluster_request,
      &layout_describe_cluster_response, kafka_on_describe_cluster },
    { "DescribeProducers", 61, 0, 0, 0, 0, &layout_describe_producers_request,
      &layout_describe_producers_response, kafka_on_describe_producers },
    { "DescribeTransactions", 65, 0, 0, 0, 0, &layout_describe_txns_request,
      &layout_describe_txns_response, kafka_on_describe_transactions },
    { "ListTransactions", 66, 0, 0, 1, 0, &layout_list_txns_request, &layout_list_txns_response,
      kafka_on_list_transactions },
    { "ListConfigResources", 74, 0, 0, 1, 0, &layout_list_config_resources_request,
      &layout_list_config_resources_response, kafka_on_list_config_resources },
    { "DescribeTopicPartitions", 75, 0, 0, 0, 0, &layout_topic_partitions_request,
      &layout_topic_partitions_response, kafka_on_topic_partitions },
};
const size_t kafka_api_count = COUNT(kafka_apis);

const struct kafka_api *kafka_api_find(int16_t key)
{
    for (size_t i = 0; i < COUNT(kafka_apis); i++) {
        if (kafka_apis[i].key == key)
            return &kafka_apis[i];
    }
    return NULL;
}
