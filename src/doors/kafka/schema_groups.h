/*
 * schema_groups.h - the messages that look after groups from outside; see schema.h.
 */
#ifndef DOORS_KAFKA_SCHEMA_GROUPS_H
#define DOORS_KAFKA_SCHEMA_GROUPS_H

/* ---- 15 DescribeGroups ---- */
#define DESCRIBE_GROUPS_REQUEST(S, F, A, O)                                                        \
    F(S, STRINGS, groups, 0, LAST, NEVER)                                                          \
    F(S, BOOL, include_authorized_operations, 3, LAST, NEVER)
#define DESCRIBE_GROUPS_RESPONSE_MEMBER(S, F, A, O)                                                \
    F(S, STRING, member_id, 0, LAST, NEVER)                                                        \
    F(S, STRING, group_instance_id, 4, LAST, 4)                                                    \
    F(S, STRING, client_id, 0, LAST, NEVER)                                                        \
    F(S, STRING, client_host, 0, LAST, NEVER)                                                      \
    F(S, BYTES, member_metadata, 0, LAST, NEVER)                                                   \
    F(S, BYTES, member_assignment, 0, LAST, NEVER)
#define DESCRIBE_GROUPS_RESPONSE_GROUP(S, F, A, O)                                                 \
    F(S, I16, error_code, 0, LAST, NEVER)                                                          \
    F(S, STRING, error_message, 6, LAST, 6)                                                        \
    F(S, STRING, group_id, 0, LAST, NEVER)                                                         \
    F(S, STRING, group_state, 0, LAST, NEVER)                                                      \
    F(S, STRING, protocol_type, 0, LAST, NEVER)                                                    \
    F(S, STRING, protocol_data, 0, LAST, NEVER)                                                    \
    A(S, describe_groups_response_member, members, 0, LAST, NEVER)                                 \
    F(S, I32, authorized_operations, 3, LAST, NEVER)
#define DESCRIBE_GROUPS_RESPONSE(S, F, A, O)                                                       \
    F(S, I32, throttle_time_ms, 1, LAST, NEVER)                                                    \
    A(S, describe_groups_response_group, groups, 0, LAST, NEVER)

/* ---- 16 ListGroups ---- */
#define LIST_GROUPS_REQUEST(S, F, A, O)                                                            \
    F(S, STRINGS, states_filter, 4, LAST, NEVER)                                                   \
    F(S, STRINGS, types_filter, 5, LAST, NEVER)
#define LIST_GROUPS_RESPONSE_GROUP(S, F, A, O)                                                     \
    F(S, STRING, group_id, 0, LAST, NEVER)                                                         \
    F(S, STRING, protocol_type, 0, LAST, NEVER)                                                    \
    F(S, STRING, group_state, 4, LAST, NEVER)                                                      \
    F(S, STRING, group_type, 5, LAST, NEVER)
#define LIST_GROUPS_RESPONSE(S, F, A, O)                                                           \
    F(S, I32, throttle_time_ms, 1, LAST, NEVER)                                                    \
    F(S, I16, error_code, 0, LAST, NEVER)                                                          \
    A(S, list_groups_response_group, groups, 0, LAST, NEVER)

/* ---- 42 DeleteGroups ---- */
#define DELETE_GROUPS_REQUEST(S, F, A, O)                                                          \
    F(S, STRINGS, groups_names, 0, LAST, NEVER)
#define DELETE_GROUPS_RESPONSE_RESULT(S, F, A, O)                                                  \
    F(S, STRING, group_id, 0, LAST, NEVER)                                                         \
    F(S, I16, error_code, 0, LAST, NEVER)
#define DELETE_GROUPS_RESPONSE(S, F, A, O)                                                         \
    F(S, I32, throttle_time_ms, 0, LAST, NEVER)                                                    \
    A(S, delete_groups_response_result, results, 0, LAST, NEVER)

/* ---- 47 OffsetDelete ---- */
#define OFFSET_DELETE_REQUEST_PARTITION(S, F, A, O)                                                \
    F(S, I32, partition_index, 0, LAST, NEVER)
#define OFFSET_DELETE_REQUEST_TOPIC(S, F, A, O)                                                    \
    F(S, STRING, name, 0, LAST, NEVER)                                                             \
    A(S, offset_delete_request_partition, partitions, 0, LAST, NEVER)
#define OFFSET_DELETE_REQUEST(S, F, A, O)                                                          \
    F(S, STRING, group_id, 0, LAST, NEVER)                                                         \
    A(S, offset_delete_request_topic, topics, 0, LAST, NEVER)
#define OFFSET_DELETE_RESPONSE_PARTITION(S, F, A, O)                                               \
    F(S, I32, partition_index, 0, LAST, NEVER)                                                     \
    F(S, I16, error_code, 0, LAST, NEVER)
#define OFFSET_DELETE_RESPONSE_TOPIC(S, F, A, O)                                                   \
    F(S, STRING, name, 0, LAST, NEVER)                                                             \
    A(S, offset_delete_response_partition, partitions, 0, LAST, NEVER)
#define OFFSET_DELETE_RESPONSE(S, F, A, O)                                                         \
    F(S, I16, error_code, 0, LAST, NEVER)                                                          \
    F(S, I32, throttle_time_ms, 0, LAST, NEVER)                                                    \
    A(S, offset_delete_response_topic, topics, 0, LAST, NEVER)

/* ---- 68 ConsumerGroupHeartbeat ---- */
#define MEMBER_TOPIC_PARTS(S, F, A, O)                                                                    \
    F(S, UUID, topic_id, 0, LAST, NEVER)                                                           \
    F(S, I32S, partitions, 0, LAST, NEVER)
#define CONSUMER_HEARTBEAT_REQUEST(S, F, A, O)                                                     \
    F(S, STRING, group_id, 0, LAST, NEVER)                                                         \
    F(S, STRING, member_id, 0, LAST, NEVER)                                                        \
    F(S, I32, member_epoch, 0, LAST, NEVER)                                                        \
    F(S, STRING, instance_id, 0, LAST, 0)                                                          \
    F(S, STRING, rack_id, 0, LAST, 0)                                                              \
    F(S, I32, rebalance_timeout_ms, 0, LAST, NEVER)                                                \
    F(S, STRINGS, subscribed_topic_names, 0, LAST, 0)                                              \
    F(S, STRING, subscribed_topic_regex, 1, LAST, 1)                                               \
    F(S, STRING, server_assignor, 0, LAST, 0)                                                      \
    A(S, member_topic_parts, topic_partitions, 0, LAST, 0)
#define CONSUMER_HEARTBEAT_ASSIGNMENT(S, F, A, O)                                                  \
    A(S, member_topic_parts, topic_partitions, 0, LAST, NEVER)
#define CONSUMER_HEARTBEAT_RESPONSE(S, F, A, O)                                                    \
    F(S, I32, throttle_time_ms, 0, LAST, NEVER)                                                    \
    F(S, I16, error_code, 0, LAST, NEVER)                                                          \
    F(S, STRING, error_message, 0, LAST, 0)                                                        \
    F(S, STRING, member_id, 0, LAST, 0)                                                            \
    F(S, I32, member_epoch, 0, LAST, NEVER)                                                        \
    F(S, I32, heartbeat_interval_ms, 0, LAST, NEVER)                                               \
    O(S, consumer_heartbeat_assignment, assignment, 0, LAST, 0)

/* ---- 69 ConsumerGroupDescribe ---- */
#define CONSUMER_DESCRIBE_REQUEST(S, F, A, O)                                                      \
    F(S, STRINGS, group_ids, 0, LAST, NEVER)                                                       \
    F(S, BOOL, include_authorized_operations, 0, LAST, NEVER)
#define NAMED_TOPIC_PARTS(S, F, A, O)                                                              \
    F(S, UUID, topic_id, 0, LAST, NEVER)                                                           \
    F(S, STRING, topic_name, 0, LAST, NEVER)                                                       \
    F(S, I32S, partitions, 0, LAST, NEVER)
#define CONSUMER_DESCRIBE_ASSIGNMENT(S, F, A, O)                                                   \
    A(S, named_topic_parts, topic_partitions, 0, LAST, NEVER)
#define CONSUMER_DESCRIBE_MEMBER(S, F, A, O)                                                       \
    F(S, STRING, member_id, 0, LAST, NEVER)                                                        \
    F(S, STRING, instance_id, 0, LAST, 0)                                                          \
    F(S, STRING, rack_id, 0, LAST, 0)                                                              \
    F(S, I32, member_epoch, 0, LAST, NEVER)                                                        \
    F(S, STRING, client_id, 0, LAST, NEVER)                                                        \
    F(S, STRING, client_host, 0, LAST, NEVER)                                                      \
    F(S, STRINGS, subscribed_topic_names, 0, LAST, NEVER)                                          \
    F(S, STRING, subscribed_topic_regex, 0, LAST, 0)                                               \
    O(S, consumer_describe_assignment, assignment, 0, LAST, NEVER)                                 \
    O(S, consumer_describe_assignment, target_assignment, 0, LAST, NEVER)                          \
    F(S, I8, member_type, 1, LAST, NEVER)
#define CONSUMER_DESCRIBE_GROUP(S, F, A, O)                                                        \
    F(S, I16, error_code, 0, LAST, NEVER)                                                          \
    F(S, STRING, error_message, 0, LAST, 0)                                                        \
    F(S, STRING, group_id, 0, LAST, NEVER)                                                         \
    F(S, STRING, group_state, 0, LAST, NEVER)                                                      \
    F(S, I32, group_epoch, 0, LAST, NEVER)                                                         \
    F(S, I32, assignment_epoch, 0, LAST, NEVER)                                                    \
    F(S, STRING, assignor_name, 0, LAST, NEVER)                                                    \
    A(S, consumer_describe_member, members, 0, LAST, NEVER)                                        \
    F(S, I32, authorized_operations, 0, LAST, NEVER)
#define CONSUMER_DESCRIBE_RESPONSE(S, F, A, O)                                                     \
    F(S, I32, throttle_time_ms, 0, LAST, NEVER)                                                    \
    A(S, consumer_describe_group, groups, 0, LAST, NEVER)

/* Every struct once, after the structs it contains. */
#define SCHEMA_GROUPS_LIST(X)                                                                      \
    X(describe_groups_request, DESCRIBE_GROUPS_REQUEST)                                            \
    X(describe_groups_response_member, DESCRIBE_GROUPS_RESPONSE_MEMBER)                            \
    X(describe_groups_response_group, DESCRIBE_GROUPS_RESPONSE_GROUP)                              \
    X(describe_groups_response, DESCRIBE_GROUPS_RESPONSE)                                          \
    X(list_groups_request, LIST_GROUPS_REQUEST)                                                    \
    X(list_groups_response_group, LIST_GROUPS_RESPONSE_GROUP)                                      \
    X(list_groups_response, LIST_GROUPS_RESPONSE)                                                  \
    X(delete_groups_request, DELETE_GROUPS_REQUEST)                                                \
    X(delete_groups_response_result, DELETE_GROUPS_RESPONSE_RESULT)                                \
    X(delete_groups_response, DELETE_GROUPS_RESPONSE)                                              \
    X(offset_delete_request_partition, OFFSET_DELETE_REQUEST_PARTITION)                            \
    X(offset_delete_request_topic, OFFSET_DELETE_REQUEST_TOPIC)                                    \
    X(offset_delete_request, OFFSET_DELETE_REQUEST)                                                \
    X(offset_delete_response_partition, OFFSET_DELETE_RESPONSE_PARTITION)                          \
    X(offset_delete_response_topic, OFFSET_DELETE_RESPONSE_TOPIC)                                  \
    X(offset_delete_response, OFFSET_DELETE_RESPONSE)                                              \
    X(member_topic_parts, MEMBER_TOPIC_PARTS)                                                      \
    X(consumer_heartbeat_request, CONSUMER_HEARTBEAT_REQUEST)                                      \
    X(consumer_heartbeat_assignment, CONSUMER_HEARTBEAT_ASSIGNMENT)                                \
    X(consumer_heartbeat_response, CONSUMER_HEARTBEAT_RESPONSE)                                    \
    X(consumer_describe_request, CONSUMER_DESCRIBE_REQUEST)                                        \
    X(named_topic_parts, NAMED_TOPIC_PARTS)                                                        \
    X(consumer_describe_assignment, CONSUMER_DESCRIBE_ASSIGNMENT)                                  \
    X(consumer_describe_member, CONSUMER_DESCRIBE_MEMBER)                                          \
    X(consumer_describe_group, CONSUMER_DESCRIBE_GROUP)                                            \
    X(consumer_describe_response, CONSUMER_DESCRIBE_RESPONSE)

#endif
