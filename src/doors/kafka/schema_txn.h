/*
 * schema_txn.h - the messages of transactions; see schema.h.
 */
#ifndef DOORS_KAFKA_SCHEMA_TXN_H
#define DOORS_KAFKA_SCHEMA_TXN_H

/* ---- 24 AddPartitionsToTxn: one transaction until version 3, several since 4 ---- */
#define ADD_PARTITIONS_REQUEST_TOPIC(S, F, A, O)                                                   \
    F(S, STRING, name, 0, LAST, NEVER)                                                             \
    F(S, I32S, partitions, 0, LAST, NEVER)
#define ADD_PARTITIONS_REQUEST_TXN(S, F, A, O)                                                     \
    F(S, STRING, transactional_id, 4, LAST, NEVER)                                                 \
    F(S, I64, producer_id, 4, LAST, NEVER)                                                         \
    F(S, I16, producer_epoch, 4, LAST, NEVER)                                                      \
    F(S, BOOL, verify_only, 4, LAST, NEVER)                                                        \
    A(S, add_partitions_request_topic, topics, 4, LAST, NEVER)
#define ADD_PARTITIONS_REQUEST(S, F, A, O)                                                         \
    A(S, add_partitions_request_txn, transactions, 4, LAST, NEVER)                                 \
    F(S, STRING, transactional_id, 0, 3, NEVER)                                                    \
    F(S, I64, producer_id, 0, 3, NEVER)                                                            \
    F(S, I16, producer_epoch, 0, 3, NEVER)                                                         \
    A(S, add_partitions_request_topic, topics, 0, 3, NEVER)
#define ADD_PARTITIONS_RESPONSE_PARTITION(S, F, A, O)                                              \
    F(S, I32, index, 0, LAST, NEVER)                                                               \
    F(S, I16, error_code, 0, LAST, NEVER)
#define ADD_PARTITIONS_RESPONSE_TOPIC(S, F, A, O)                                                  \
    F(S, STRING, name, 0, LAST, NEVER)                                                             \
    A(S, add_partitions_response_partition, partitions, 0, LAST, NEVER)
#define ADD_PARTITIONS_RESPONSE_TXN(S, F, A, O)                                                    \
    F(S, STRING, transactional_id, 4, LAST, NEVER)                                                 \
    A(S, add_partitions_response_topic, topics, 4, LAST, NEVER)
#define ADD_PARTITIONS_RESPONSE(S, F, A, O)                                                        \
    F(S, I32, throttle_time_ms, 0, LAST, NEVER)                                                    \
    F(S, I16, error_code, 4, LAST, NEVER)                                                          \
    A(S, add_partitions_response_txn, transactions, 4, LAST, NEVER)                                \
    A(S, add_partitions_response_topic, topics, 0, 3, NEVER)

/* ---- 25 AddOffsetsToTxn ---- */
#define ADD_OFFSETS_REQUEST(S, F, A, O)                                                            \
    F(S, STRING, transactional_id, 0, LAST, NEVER)                                                 \
    F(S, I64, producer_id, 0, LAST, NEVER)                                                         \
    F(S, I16, producer_epoch, 0, LAST, NEVER)                                                      \
    F(S, STRING, group_id, 0, LAST, NEVER)
#define ADD_OFFSETS_RESPONSE(S, F, A, O)                                                           \
    F(S, I32, throttle_time_ms, 0, LAST, NEVER)                                                    \
    F(S, I16, error_code, 0, LAST, NEVER)

/* ---- 26 EndTxn ---- */
#define END_TXN_REQUEST(S, F, A, O)                                                                \
    F(S, STRING, transactional_id, 0, LAST, NEVER)                                                 \
    F(S, I64, producer_id, 0, LAST, NEVER)                                                         \
    F(S, I16, producer_epoch, 0, LAST, NEVER)                                                      \
    F(S, BOOL, committed, 0, LAST, NEVER)
#define END_TXN_RESPONSE(S, F, A, O)                                                               \
    F(S, I32, throttle_time_ms, 0, LAST, NEVER)                                                    \
    F(S, I16, error_code, 0, LAST, NEVER)                                                          \
    F(S, I64, producer_id, 5, LAST, NEVER)                                                         \
    F(S, I16, producer_epoch, 5, LAST, NEVER)

/* ---- 28 TxnOffsetCommit ---- */
#define TXN_OFFSETS_REQUEST_PARTITION(S, F, A, O)                                                  \
    F(S, I32, index, 0, LAST, NEVER)                                                               \
    F(S, I64, committed_offset, 0, LAST, NEVER)                                                    \
    F(S, I32, committed_leader_epoch, 2, LAST, NEVER)                                              \
    F(S, STRING, committed_metadata, 0, LAST, 0)
#define TXN_OFFSETS_REQUEST_TOPIC(S, F, A, O)                                                      \
    F(S, STRING, name, 0, LAST, NEVER)                                                             \
    A(S, txn_offsets_request_partition, partitions, 0, LAST, NEVER)
#define TXN_OFFSETS_REQUEST(S, F, A, O)                                                            \
    F(S, STRING, transactional_id, 0, LAST, NEVER)                                                 \
    F(S, STRING, group_id, 0, LAST, NEVER)                                                         \
    F(S, I64, producer_id, 0, LAST, NEVER)                                                         \
    F(S, I16, producer_epoch, 0, LAST, NEVER)                                                      \
    F(S, I32, generation_id, 3, LAST, NEVER)                                                       \
    F(S, STRING, member_id, 3, LAST, NEVER)                                                        \
    F(S, STRING, group_instance_id, 3, LAST, 3)                                                    \
    A(S, txn_offsets_request_topic, topics, 0, LAST, NEVER)
#define TXN_OFFSETS_RESPONSE_PARTITION(S, F, A, O)                                                 \
    F(S, I32, index, 0, LAST, NEVER)                                                               \
    F(S, I16, error_code, 0, LAST, NEVER)
#define TXN_OFFSETS_RESPONSE_TOPIC(S, F, A, O)                                                     \
    F(S, STRING, name, 0, LAST, NEVER)                                                             \
    A(S, txn_offsets_response_partition, partitions, 0, LAST, NEVER)
#define TXN_OFFSETS_RESPONSE(S, F, A, O)                                                           \
    F(S, I32, throttle_time_ms, 0, LAST, NEVER)                                                    \
    A(S, txn_offsets_response_topic, topics, 0, LAST, NEVER)

/* ---- 61 DescribeProducers ---- */
#define DESCRIBE_PRODUCERS_REQUEST_TOPIC(S, F, A, O)                                               \
    F(S, STRING, name, 0, LAST, NEVER)                                                             \
    F(S, I32S, partitions, 0, LAST, NEVER)
#define DESCRIBE_PRODUCERS_REQUEST(S, F, A, O)                                                     \
    A(S, describe_producers_request_topic, topics, 0, LAST, NEVER)
#define DESCRIBE_PRODUCERS_RESPONSE_PRODUCER(S, F, A, O)                                           \
    F(S, I64, producer_id, 0, LAST, NEVER)                                                         \
    F(S, I32, producer_epoch, 0, LAST, NEVER)                                                      \
    F(S, I32, last_sequence, 0, LAST, NEVER)                                                       \
    F(S, I64, last_timestamp, 0, LAST, NEVER)                                                      \
    F(S, I32, coordinator_epoch, 0, LAST, NEVER)                                                   \
    F(S, I64, current_txn_start_offset, 0, LAST, NEVER)
#define DESCRIBE_PRODUCERS_RESPONSE_PARTITION(S, F, A, O)                                          \
    F(S, I32, index, 0, LAST, NEVER)                                                               \
    F(S, I16, error_code, 0, LAST, NEVER)                                                          \
    F(S, STRING, error_message, 0, LAST, 0)                                                        \
    A(S, describe_producers_response_producer, producers, 0, LAST, NEVER)
#define DESCRIBE_PRODUCERS_RESPONSE_TOPIC(S, F, A, O)                                              \
    F(S, STRING, name, 0, LAST, NEVER)                                                             \
    A(S, describe_producers_response_partition, partitions, 0, LAST, NEVER)
#define DESCRIBE_PRODUCERS_RESPONSE(S, F, A, O)                                                    \
    F(S, I32, throttle_time_ms, 0, LAST, NEVER)                                                    \
    A(S, describe_producers_response_topic, topics, 0, LAST, NEVER)

/* ---- 65 DescribeTransactions ---- */
#define DESCRIBE_TXNS_REQUEST(S, F, A, O)                                                          \
    F(S, STRINGS, transactional_ids, 0, LAST, NEVER)
#define DESCRIBE_TXNS_RESPONSE_TOPIC(S, F, A, O)                                                   \
    F(S, STRING, name, 0, LAST, NEVER)                                                             \
    F(S, I32S, partitions, 0, LAST, NEVER)
#define DESCRIBE_TXNS_RESPONSE_TXN(S, F, A, O)                                                     \
    F(S, I16, error_code, 0, LAST, NEVER)                                                          \
    F(S, STRING, transactional_id, 0, LAST, NEVER)                                                 \
    F(S, STRING, transaction_state, 0, LAST, NEVER)                                                \
    F(S, I32, transaction_timeout_ms, 0, LAST, NEVER)                                              \
    F(S, I64, transaction_start_time_ms, 0, LAST, NEVER)                                           \
    F(S, I64, producer_id, 0, LAST, NEVER)                                                         \
    F(S, I16, producer_epoch, 0, LAST, NEVER)                                                      \
    A(S, describe_txns_response_topic, topics, 0, LAST, NEVER)
#define DESCRIBE_TXNS_RESPONSE(S, F, A, O)                                                         \
    F(S, I32, throttle_time_ms, 0, LAST, NEVER)                                                    \
    A(S, describe_txns_response_txn, transactions, 0, LAST, NEVER)

/* ---- 66 ListTransactions ---- */
#define LIST_TXNS_REQUEST(S, F, A, O)                                                              \
    F(S, STRINGS, state_filters, 0, LAST, NEVER)                                                   \
    F(S, I64S, producer_id_filters, 0, LAST, NEVER)                                                \
    F(S, I64, duration_filter, 1, LAST, NEVER)                                                     \
    F(S, STRING, transactional_id_pattern, 2, LAST, 2)
#define LIST_TXNS_RESPONSE_TXN(S, F, A, O)                                                         \
    F(S, STRING, transactional_id, 0, LAST, NEVER)                                                 \
    F(S, I64, producer_id, 0, LAST, NEVER)                                                         \
    F(S, STRING, transaction_state, 0, LAST, NEVER)
#define LIST_TXNS_RESPONSE(S, F, A, O)                                                             \
    F(S, I32, throttle_time_ms, 0, LAST, NEVER)                                                    \
    F(S, I16, error_code, 0, LAST, NEVER)                                                          \
    F(S, STRINGS, unknown_state_filters, 0, LAST, NEVER)                                           \
    A(S, list_txns_response_txn, transactions, 0, LAST, NEVER)

#define SCHEMA_TXN_LIST(X)                                                                         \
    X(add_partitions_request_topic, ADD_PARTITIONS_REQUEST_TOPIC)                                  \
    X(add_partitions_request_txn, ADD_PARTITIONS_REQUEST_TXN)                                      \
    X(add_partitions_request, ADD_PARTITIONS_REQUEST)                                              \
    X(add_partitions_response_partition, ADD_PARTITIONS_RESPONSE_PARTITION)                        \
    X(add_partitions_response_topic, ADD_PARTITIONS_RESPONSE_TOPIC)                                \
    X(add_partitions_response_txn, ADD_PARTITIONS_RESPONSE_TXN)                                    \
    X(add_partitions_response, ADD_PARTITIONS_RESPONSE)                                            \
    X(add_offsets_request, ADD_OFFSETS_REQUEST)                                                    \
    X(add_offsets_response, ADD_OFFSETS_RESPONSE)                                                  \
    X(end_txn_request, END_TXN_REQUEST)                                                            \
    X(end_txn_response, END_TXN_RESPONSE)                                                          \
    X(txn_offsets_request_partition, TXN_OFFSETS_REQUEST_PARTITION)                                \
    X(txn_offsets_request_topic, TXN_OFFSETS_REQUEST_TOPIC)                                        \
    X(txn_offsets_request, TXN_OFFSETS_REQUEST)                                                    \
    X(txn_offsets_response_partition, TXN_OFFSETS_RESPONSE_PARTITION)                              \
    X(txn_offsets_response_topic, TXN_OFFSETS_RESPONSE_TOPIC)                                      \
    X(txn_offsets_response, TXN_OFFSETS_RESPONSE)                                                  \
    X(describe_producers_request_topic, DESCRIBE_PRODUCERS_REQUEST_TOPIC)                          \
    X(describe_producers_request, DESCRIBE_PRODUCERS_REQUEST)                                      \
    X(describe_producers_response_producer, DESCRIBE_PRODUCERS_RESPONSE_PRODUCER)                  \
    X(describe_producers_response_partition, DESCRIBE_PRODUCERS_RESPONSE_PARTITION)                \
    X(describe_producers_response_topic, DESCRIBE_PRODUCERS_RESPONSE_TOPIC)                        \
    X(describe_producers_response, DESCRIBE_PRODUCERS_RESPONSE)                                    \
    X(describe_txns_request, DESCRIBE_TXNS_REQUEST)                                                \
    X(describe_txns_response_topic, DESCRIBE_TXNS_RESPONSE_TOPIC)                                  \
    X(describe_txns_response_txn, DESCRIBE_TXNS_RESPONSE_TXN)                                      \
    X(describe_txns_response, DESCRIBE_TXNS_RESPONSE)                                              \
    X(list_txns_request, LIST_TXNS_REQUEST)                                                        \
    X(list_txns_response_txn, LIST_TXNS_RESPONSE_TXN)                                              \
    X(list_txns_response, LIST_TXNS_RESPONSE)

#endif
