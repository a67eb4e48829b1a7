/*
 * schema_admin.h - the messages of administration; see schema.h.
 */
#ifndef DOORS_KAFKA_SCHEMA_ADMIN_H
#define DOORS_KAFKA_SCHEMA_ADMIN_H

/* ---- 21 DeleteRecords ---- */
#define DELETE_RECORDS_REQUEST_PARTITION(S, F, A, O)                                               \
    F(S, I32, partition_index, 0, LAST, NEVER)                                                     \
    F(S, I64, offset, 0, LAST, NEVER)
#define DELETE_RECORDS_REQUEST_TOPIC(S, F, A, O)                                                   \
    F(S, STRING, name, 0, LAST, NEVER)                                                             \
    A(S, delete_records_request_partition, partitions, 0, LAST, NEVER)
#define DELETE_RECORDS_REQUEST(S, F, A, O)                                                         \
    A(S, delete_records_request_topic, topics, 0, LAST, NEVER)                                     \
    F(S, I32, timeout_ms, 0, LAST, NEVER)
#define DELETE_RECORDS_RESPONSE_PARTITION(S, F, A, O)                                              \
    F(S, I32, partition_index, 0, LAST, NEVER)                                                     \
    F(S, I64, low_watermark, 0, LAST, NEVER)                                                       \
    F(S, I16, error_code, 0, LAST, NEVER)
#define DELETE_RECORDS_RESPONSE_TOPIC(S, F, A, O)                                                  \
    F(S, STRING, name, 0, LAST, NEVER)                                                             \
    A(S, delete_records_response_partition, partitions, 0, LAST, NEVER)
#define DELETE_RECORDS_RESPONSE(S, F, A, O)                                                        \
    F(S, I32, throttle_time_ms, 0, LAST, NEVER)                                                    \
    A(S, delete_records_response_topic, topics, 0, LAST, NEVER)

/* ---- 37 CreatePartitions ---- */
#define CREATE_PARTITIONS_REQUEST_ASSIGNMENT(S, F, A, O)                                           \
    F(S, I32S, broker_ids, 0, LAST, NEVER)
#define CREATE_PARTITIONS_REQUEST_TOPIC(S, F, A, O)                                                \
    F(S, STRING, name, 0, LAST, NEVER)                                                             \
    F(S, I32, count, 0, LAST, NEVER)                                                               \
    A(S, create_partitions_request_assignment, assignments, 0, LAST, 0)
#define CREATE_PARTITIONS_REQUEST(S, F, A, O)                                                      \
    A(S, create_partitions_request_topic, topics, 0, LAST, NEVER)                                  \
    F(S, I32, timeout_ms, 0, LAST, NEVER)                                                          \
    F(S, BOOL, validate_only, 0, LAST, NEVER)
#define CREATE_PARTITIONS_RESPONSE_RESULT(S, F, A, O)                                              \
    F(S, STRING, name, 0, LAST, NEVER)                                                             \
    F(S, I16, error_code, 0, LAST, NEVER)                                                          \
    F(S, STRING, error_message, 0, LAST, 0)
#define CREATE_PARTITIONS_RESPONSE(S, F, A, O)                                                     \
    F(S, I32, throttle_time_ms, 0, LAST, NEVER)                                                    \
    A(S, create_partitions_response_result, results, 0, LAST, NEVER)

/* ---- 32 DescribeConfigs ---- */
#define DESCRIBE_CONFIGS_REQUEST_RESOURCE(S, F, A, O)                                              \
    F(S, I8, resource_type, 0, LAST, NEVER)                                                        \
    F(S, STRING, resource_name, 0, LAST, NEVER)                                                    \
    F(S, STRINGS, configuration_keys, 0, LAST, 0)
#define DESCRIBE_CONFIGS_REQUEST(S, F, A, O)                                                       \
    A(S, describe_configs_request_resource, resources, 0, LAST, NEVER)                             \
    F(S, BOOL, include_synonyms, 1, LAST, NEVER)                                                   \
    F(S, BOOL, include_documentation, 3, LAST, NEVER)
#define DESCRIBE_CONFIGS_RESPONSE_SYNONYM(S, F, A, O)                                              \
    F(S, STRING, name, 1, LAST, NEVER)                                                             \
    F(S, STRING, value, 1, LAST, 0)                                                                \
    F(S, I8, source, 1, LAST, NEVER)
#define DESCRIBE_CONFIGS_RESPONSE_CONFIG(S, F, A, O)                                               \
    F(S, STRING, name, 0, LAST, NEVER)                                                             \
    F(S, STRING, value, 0, LAST, 0)                                                                \
    F(S, BOOL, read_only, 0, LAST, NEVER)                                                          \
    F(S, I8, config_source, 1, LAST, NEVER)                                                        \
    F(S, BOOL, is_sensitive, 0, LAST, NEVER)                                                       \
    A(S, describe_configs_response_synonym, synonyms, 1, LAST, NEVER)                              \
    F(S, I8, config_type, 3, LAST, NEVER)                                                          \
    F(S, STRING, documentation, 3, LAST, 0)
#define DESCRIBE_CONFIGS_RESPONSE_RESULT(S, F, A, O)                                               \
    F(S, I16, error_code, 0, LAST, NEVER)                                                          \
    F(S, STRING, error_message, 0, LAST, 0)                                                        \
    F(S, I8, resource_type, 0, LAST, NEVER)                                                        \
    F(S, STRING, resource_name, 0, LAST, NEVER)                                                    \
    A(S, describe_configs_response_config, configs, 0, LAST, NEVER)
#define DESCRIBE_CONFIGS_RESPONSE(S, F, A, O)                                                      \
    F(S, I32, throttle_time_ms, 0, LAST, NEVER)                                                    \
    A(S, describe_configs_response_result, results, 0, LAST, NEVER)

/* ---- 33 AlterConfigs ---- */
#define ALTER_CONFIGS_REQUEST_CONFIG(S, F, A, O)                                                   \
    F(S, STRING, name, 0, LAST, NEVER)                                                             \
    F(S, STRING, value, 0, LAST, 0)
#define ALTER_CONFIGS_REQUEST_RESOURCE(S, F, A, O)                                                 \
    F(S, I8, resource_type, 0, LAST, NEVER)                                                        \
    F(S, STRING, resource_name, 0, LAST, NEVER)                                                    \
    A(S, alter_configs_request_config, configs, 0, LAST, NEVER)
#define ALTER_CONFIGS_REQUEST(S, F, A, O)                                                          \
    A(S, alter_configs_request_resource, resources, 0, LAST, NEVER)                                \
    F(S, BOOL, validate_only, 0, LAST, NEVER)
#define ALTER_CONFIGS_RESPONSE_RESPONSE(S, F, A, O)                                                \
    F(S, I16, error_code, 0, LAST, NEVER)                                                          \
    F(S, STRING, error_message, 0, LAST, 0)                                                        \
    F(S, I8, resource_type, 0, LAST, NEVER)                                                        \
    F(S, STRING, resource_name, 0, LAST, NEVER)
#define ALTER_CONFIGS_RESPONSE(S, F, A, O)                                                         \
    F(S, I32, throttle_time_ms, 0, LAST, NEVER)                                                    \
    A(S, alter_configs_response_response, responses, 0, LAST, NEVER)

/* ---- 44 IncrementalAlterConfigs ---- */
#define INCREMENTAL_ALTER_CONFIGS_REQUEST_CONFIG(S, F, A, O)                                       \
    F(S, STRING, name, 0, LAST, NEVER)                                                             \
    F(S, I8, config_operation, 0, LAST, NEVER)                                                     \
    F(S, STRING, value, 0, LAST, 0)
#define INCREMENTAL_ALTER_CONFIGS_REQUEST_RESOURCE(S, F, A, O)                                     \
    F(S, I8, resource_type, 0, LAST, NEVER)                                                        \
    F(S, STRING, resource_name, 0, LAST, NEVER)                                                    \
    A(S, incremental_alter_configs_request_config, configs, 0, LAST, NEVER)
#define INCREMENTAL_ALTER_CONFIGS_REQUEST(S, F, A, O)                                              \
    A(S, incremental_alter_configs_request_resource, resources, 0, LAST, NEVER)                    \
    F(S, BOOL, validate_only, 0, LAST, NEVER)
#define INCREMENTAL_ALTER_CONFIGS_RESPONSE_RESPONSE(S, F, A, O)                                    \
    F(S, I16, error_code, 0, LAST, NEVER)                                                          \
    F(S, STRING, error_message, 0, LAST, 0)                                                        \
    F(S, I8, resource_type, 0, LAST, NEVER)                                                        \
    F(S, STRING, resource_name, 0, LAST, NEVER)
#define INCREMENTAL_ALTER_CONFIGS_RESPONSE(S, F, A, O)                                             \
    F(S, I32, throttle_time_ms, 0, LAST, NEVER)                                                    \
    A(S, incremental_alter_configs_response_response, responses, 0, LAST, NEVER)

/* ---- 35 DescribeLogDirs ---- */
#define DESCRIBE_LOG_DIRS_REQUEST_TOPIC(S, F, A, O)                                                \
    F(S, STRING, topic, 0, LAST, NEVER)                                                            \
    F(S, I32S, partitions, 0, LAST, NEVER)
#define DESCRIBE_LOG_DIRS_REQUEST(S, F, A, O)                                                      \
    A(S, describe_log_dirs_request_topic, topics, 0, LAST, 0)
#define DESCRIBE_LOG_DIRS_RESPONSE_PARTITION(S, F, A, O)                                           \
    F(S, I32, partition_index, 0, LAST, NEVER)                                                     \
    F(S, I64, partition_size, 0, LAST, NEVER)                                                      \
    F(S, I64, offset_lag, 0, LAST, NEVER)                                                          \
    F(S, BOOL, is_future_key, 0, LAST, NEVER)
#define DESCRIBE_LOG_DIRS_RESPONSE_TOPIC(S, F, A, O)                                               \
    F(S, STRING, name, 0, LAST, NEVER)                                                             \
    A(S, describe_log_dirs_response_partition, partitions, 0, LAST, NEVER)
#define DESCRIBE_LOG_DIRS_RESPONSE_RESULT(S, F, A, O)                                              \
    F(S, I16, error_code, 0, LAST, NEVER)                                                          \
    F(S, STRING, log_dir, 0, LAST, NEVER)                                                          \
    A(S, describe_log_dirs_response_topic, topics, 0, LAST, NEVER)                                 \
    F(S, I64, total_bytes, 4, LAST, NEVER)                                                         \
    F(S, I64, usable_bytes, 4, LAST, NEVER)
#define DESCRIBE_LOG_DIRS_RESPONSE(S, F, A, O)                                                     \
    F(S, I32, throttle_time_ms, 0, LAST, NEVER)                                                    \
    F(S, I16, error_code, 3, LAST, NEVER)                                                          \
    A(S, describe_log_dirs_response_result, results, 0, LAST, NEVER)

/* ---- 43 ElectLeaders ---- */
#define ELECT_LEADERS_REQUEST_PARTITION(S, F, A, O)                                                \
    F(S, STRING, topic, 0, LAST, NEVER)                                                            \
    F(S, I32S, partitions, 0, LAST, NEVER)
#define ELECT_LEADERS_REQUEST(S, F, A, O)                                                          \
    F(S, I8, election_type, 1, LAST, NEVER)                                                        \
    A(S, elect_leaders_request_partition, topic_partitions, 0, LAST, 0)                            \
    F(S, I32, timeout_ms, 0, LAST, NEVER)
#define ELECT_LEADERS_RESPONSE_PARTITION(S, F, A, O)                                               \
    F(S, I32, partition_id, 0, LAST, NEVER)                                                        \
    F(S, I16, error_code, 0, LAST, NEVER)                                                          \
    F(S, STRING, error_message, 0, LAST, 0)
#define ELECT_LEADERS_RESPONSE_RESULT(S, F, A, O)                                                  \
    F(S, STRING, topic, 0, LAST, NEVER)                                                            \
    A(S, elect_leaders_response_partition, partition_result, 0, LAST, NEVER)
#define ELECT_LEADERS_RESPONSE(S, F, A, O)                                                         \
    F(S, I32, throttle_time_ms, 0, LAST, NEVER)                                                    \
    F(S, I16, error_code, 1, LAST, NEVER)                                                          \
    A(S, elect_leaders_response_result, replica_election_results, 0, LAST, NEVER)

/* ---- 46 ListPartitionReassignments ---- */
#define LIST_REASSIGNMENTS_REQUEST_TOPIC(S, F, A, O)                                               \
    F(S, STRING, name, 0, LAST, NEVER)                                                             \
    F(S, I32S, partition_indexes, 0, LAST, NEVER)
#define LIST_REASSIGNMENTS_REQUEST(S, F, A, O)                                                     \
    F(S, I32, timeout_ms, 0, LAST, NEVER)                                                          \
    A(S, list_reassignments_request_topic, topics, 0, LAST, 0)
#define LIST_REASSIGNMENTS_RESPONSE_PARTITION(S, F, A, O)                                          \
    F(S, I32, partition_index, 0, LAST, NEVER)                                                     \
    F(S, I32S, replicas, 0, LAST, NEVER)                                                           \
    F(S, I32S, adding_replicas, 0, LAST, NEVER)                                                    \
    F(S, I32S, removing_replicas, 0, LAST, NEVER)
#define LIST_REASSIGNMENTS_RESPONSE_TOPIC(S, F, A, O)                                              \
    F(S, STRING, name, 0, LAST, NEVER)                                                             \
    A(S, list_reassignments_response_partition, partitions, 0, LAST, NEVER)
#define LIST_REASSIGNMENTS_RESPONSE(S, F, A, O)                                                    \
    F(S, I32, throttle_time_ms, 0, LAST, NEVER)                                                    \
    F(S, I16, error_code, 0, LAST, NEVER)                                                          \
    F(S, STRING, error_message, 0, LAST, 0)                                                        \
    A(S, list_reassignments_response_topic, topics, 0, LAST, NEVER)

/* ---- 74 ListConfigResources ---- */
#define LIST_CONFIG_RESOURCES_REQUEST(S, F, A, O)                                                  \
    F(S, I8S, resource_types, 1, LAST, NEVER)
#define LIST_CONFIG_RESOURCES_RESPONSE_RESOURCE(S, F, A, O)                                        \
    F(S, STRING, resource_name, 0, LAST, NEVER)                                                    \
    F(S, I8, resource_type, 1, LAST, NEVER)
#define LIST_CONFIG_RESOURCES_RESPONSE(S, F, A, O)                                                 \
    F(S, I32, throttle_time_ms, 0, LAST, NEVER)                                                    \
    F(S, I16, error_code, 0, LAST, NEVER)                                                          \
    A(S, list_config_resources_response_resource, config_resources, 0, LAST, NEVER)

/* ---- 75 DescribeTopicPartitions ---- */
#define TOPIC_PARTITIONS_REQUEST_TOPIC(S, F, A, O)                                                 \
    F(S, STRING, name, 0, LAST, NEVER)
#define TOPIC_PARTITIONS_REQUEST_CURSOR(S, F, A, O)                                                \
    F(S, STRING, topic_name, 0, LAST, NEVER)                                                       \
    F(S, I32, partition_index, 0, LAST, NEVER)
#define TOPIC_PARTITIONS_REQUEST(S, F, A, O)                                                       \
    A(S, topic_partitions_request_topic, topics, 0, LAST, NEVER)                                   \
    F(S, I32, response_partition_limit, 0, LAST, NEVER)                                            \
    O(S, topic_partitions_request_cursor, cursor, 0, LAST, 0)
#define TOPIC_PARTITIONS_RESPONSE_PARTITION(S, F, A, O)                                            \
    F(S, I16, error_code, 0, LAST, NEVER)                                                          \
    F(S, I32, partition_index, 0, LAST, NEVER)                                                     \
    F(S, I32, leader_id, 0, LAST, NEVER)                                                           \
    F(S, I32, leader_epoch, 0, LAST, NEVER)                                                        \
    F(S, I32S, replica_nodes, 0, LAST, NEVER)                                                      \
    F(S, I32S, isr_nodes, 0, LAST, NEVER)                                                          \
    F(S, I32S, eligible_leader_replicas, 0, LAST, 0)                                               \
    F(S, I32S, last_known_elr, 0, LAST, 0)                                                         \
    F(S, I32S, offline_replicas, 0, LAST, NEVER)
#define TOPIC_PARTITIONS_RESPONSE_TOPIC(S, F, A, O)                                                \
    F(S, I16, error_code, 0, LAST, NEVER)                                                          \
    F(S, STRING, name, 0, LAST, 0)                                                                 \
    F(S, UUID, topic_id, 0, LAST, NEVER)                                                           \
    F(S, BOOL, is_internal, 0, LAST, NEVER)                                                        \
    A(S, topic_partitions_response_partition, partitions, 0, LAST, NEVER)                          \
    F(S, I32, topic_authorized_operations, 0, LAST, NEVER)
#define TOPIC_PARTITIONS_RESPONSE_CURSOR(S, F, A, O)                                               \
    F(S, STRING, topic_name, 0, LAST, NEVER)                                                       \
    F(S, I32, partition_index, 0, LAST, NEVER)
#define TOPIC_PARTITIONS_RESPONSE(S, F, A, O)                                                      \
    F(S, I32, throttle_time_ms, 0, LAST, NEVER)                                                    \
    A(S, topic_partitions_response_topic, topics, 0, LAST, NEVER)                                  \
    O(S, topic_partitions_response_cursor, next_cursor, 0, LAST, 0)

/* Every struct once, after the structs it contains. */
#define SCHEMA_ADMIN_LIST(X)                                                                       \
    X(delete_records_request_partition, DELETE_RECORDS_REQUEST_PARTITION)                          \
    X(delete_records_request_topic, DELETE_RECORDS_REQUEST_TOPIC)                                  \
    X(delete_records_request, DELETE_RECORDS_REQUEST)                                              \
    X(delete_records_response_partition, DELETE_RECORDS_RESPONSE_PARTITION)                        \
    X(delete_records_response_topic, DELETE_RECORDS_RESPONSE_TOPIC)                                \
    X(delete_records_response, DELETE_RECORDS_RESPONSE)                                            \
    X(create_partitions_request_assignment, CREATE_PARTITIONS_REQUEST_ASSIGNMENT)                  \
    X(create_partitions_request_topic, CREATE_PARTITIONS_REQUEST_TOPIC)                            \
    X(create_partitions_request, CREATE_PARTITIONS_REQUEST)                                        \
    X(create_partitions_response_result, CREATE_PARTITIONS_RESPONSE_RESULT)                        \
    X(create_partitions_response, CREATE_PARTITIONS_RESPONSE)                                      \
    X(describe_configs_request_resource, DESCRIBE_CONFIGS_REQUEST_RESOURCE)                        \
    X(describe_configs_request, DESCRIBE_CONFIGS_REQUEST)                                          \
    X(describe_configs_response_synonym, DESCRIBE_CONFIGS_RESPONSE_SYNONYM)                        \
    X(describe_configs_response_config, DESCRIBE_CONFIGS_RESPONSE_CONFIG)                          \
    X(describe_configs_response_result, DESCRIBE_CONFIGS_RESPONSE_RESULT)                          \
    X(describe_configs_response, DESCRIBE_CONFIGS_RESPONSE)                                        \
    X(alter_configs_request_config, ALTER_CONFIGS_REQUEST_CONFIG)                                  \
    X(alter_configs_request_resource, ALTER_CONFIGS_REQUEST_RESOURCE)                              \
    X(alter_configs_request, ALTER_CONFIGS_REQUEST)                                                \
    X(alter_configs_response_response, ALTER_CONFIGS_RESPONSE_RESPONSE)                            \
    X(alter_configs_response, ALTER_CONFIGS_RESPONSE)                                              \
    X(incremental_alter_configs_request_config, INCREMENTAL_ALTER_CONFIGS_REQUEST_CONFIG)          \
    X(incremental_alter_configs_request_resource, INCREMENTAL_ALTER_CONFIGS_REQUEST_RESOURCE)      \
    X(incremental_alter_configs_request, INCREMENTAL_ALTER_CONFIGS_REQUEST)                        \
    X(incremental_alter_configs_response_response, INCREMENTAL_ALTER_CONFIGS_RESPONSE_RESPONSE)    \
    X(incremental_alter_configs_response, INCREMENTAL_ALTER_CONFIGS_RESPONSE)                      \
    X(describe_log_dirs_request_topic, DESCRIBE_LOG_DIRS_REQUEST_TOPIC)                            \
    X(describe_log_dirs_request, DESCRIBE_LOG_DIRS_REQUEST)                                        \
    X(describe_log_dirs_response_partition, DESCRIBE_LOG_DIRS_RESPONSE_PARTITION)                  \
    X(describe_log_dirs_response_topic, DESCRIBE_LOG_DIRS_RESPONSE_TOPIC)                          \
    X(describe_log_dirs_response_result, DESCRIBE_LOG_DIRS_RESPONSE_RESULT)                        \
    X(describe_log_dirs_response, DESCRIBE_LOG_DIRS_RESPONSE)                                      \
    X(elect_leaders_request_partition, ELECT_LEADERS_REQUEST_PARTITION)                            \
    X(elect_leaders_request, ELECT_LEADERS_REQUEST)                                                \
    X(elect_leaders_response_partition, ELECT_LEADERS_RESPONSE_PARTITION)                          \
    X(elect_leaders_response_result, ELECT_LEADERS_RESPONSE_RESULT)                                \
    X(elect_leaders_response, ELECT_LEADERS_RESPONSE)                                              \
    X(list_reassignments_request_topic, LIST_REASSIGNMENTS_REQUEST_TOPIC)                          \
    X(list_reassignments_request, LIST_REASSIGNMENTS_REQUEST)                                      \
    X(list_reassignments_response_partition, LIST_REASSIGNMENTS_RESPONSE_PARTITION)                \
    X(list_reassignments_response_topic, LIST_REASSIGNMENTS_RESPONSE_TOPIC)                        \
    X(list_reassignments_response, LIST_REASSIGNMENTS_RESPONSE)                                    \
    X(list_config_resources_request, LIST_CONFIG_RESOURCES_REQUEST)                                \
    X(list_config_resources_response_resource, LIST_CONFIG_RESOURCES_RESPONSE_RESOURCE)            \
    X(list_config_resources_response, LIST_CONFIG_RESOURCES_RESPONSE)                              \
    X(topic_partitions_request_topic, TOPIC_PARTITIONS_REQUEST_TOPIC)                              \
    X(topic_partitions_request_cursor, TOPIC_PARTITIONS_REQUEST_CURSOR)                            \
    X(topic_partitions_request, TOPIC_PARTITIONS_REQUEST)                                          \
    X(topic_partitions_response_partition, TOPIC_PARTITIONS_RESPONSE_PARTITION)                    \
    X(topic_partitions_response_topic, TOPIC_PARTITIONS_RESPONSE_TOPIC)                            \
    X(topic_partitions_response_cursor, TOPIC_PARTITIONS_RESPONSE_CURSOR)                          \
    X(topic_partitions_response, TOPIC_PARTITIONS_RESPONSE)

#endif
