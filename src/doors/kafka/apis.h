/*
 * apis.h - the list of APIs: dispatch, the ApiVersions answer, tests and fuzzers derive from it.
 * Thread: any.
 */
#ifndef DOORS_KAFKA_APIS_H
#define DOORS_KAFKA_APIS_H

#include "doors/kafka/wire.h"

struct kafka_request;

enum { KAFKA_SASL_HANDSHAKE = 17, KAFKA_API_VERSIONS = 18, KAFKA_SASL_AUTHENTICATE = 36 };

struct kafka_api {
    const char               *name;
    int16_t                   key;
    int16_t                   advertised_min; /* at most min: Produce says 0, takes 3 */
    int16_t                   min, max;       /* versions taken */
    int16_t                   flexible_since;
    const struct wire_layout *request;
    const struct wire_layout *response;
    void (*handle)(struct kafka_request *r);
};

extern const struct kafka_api kafka_apis[];
extern const size_t           kafka_api_count;

/* NULL when we do not speak it. */
const struct kafka_api *kafka_api_find(int16_t key);

static inline bool kafka_api_takes(const struct kafka_api *api, int16_t version)
{
    return version >= api->min && version <= api->max;
}

static inline struct wire_version kafka_api_version(const struct kafka_api *api, int16_t version)
{
    return (struct wire_version){ version, version >= api->flexible_since };
}

/* The handlers. Each answers its request, now or later, exactly once (request.h). */
void kafka_on_produce(struct kafka_request *r);
void kafka_on_fetch(struct kafka_request *r);
void kafka_on_list_offsets(struct kafka_request *r);
void kafka_on_metadata(struct kafka_request *r);
void kafka_on_offset_commit(struct kafka_request *r);
void kafka_on_offset_fetch(struct kafka_request *r);
void kafka_on_find_coordinator(struct kafka_request *r);
void kafka_on_join_group(struct kafka_request *r);
void kafka_on_heartbeat(struct kafka_request *r);
void kafka_on_leave_group(struct kafka_request *r);
void kafka_on_sync_group(struct kafka_request *r);
void kafka_on_sasl_handshake(struct kafka_request *r);
void kafka_on_sasl_authenticate(struct kafka_request *r);
void kafka_on_describe_scram(struct kafka_request *r);
void kafka_on_alter_scram(struct kafka_request *r);
void kafka_on_describe_acls(struct kafka_request *r);
void kafka_on_create_acls(struct kafka_request *r);
void kafka_on_delete_acls(struct kafka_request *r);
void kafka_on_describe_quotas(struct kafka_request *r);
void kafka_on_alter_quotas(struct kafka_request *r);
void kafka_on_api_versions(struct kafka_request *r);
void kafka_on_create_topics(struct kafka_request *r);
void kafka_on_delete_topics(struct kafka_request *r);
void kafka_on_init_producer_id(struct kafka_request *r);
void kafka_on_epoch_end(struct kafka_request *r);
void kafka_on_add_partitions_to_txn(struct kafka_request *r);
void kafka_on_add_offsets_to_txn(struct kafka_request *r);
void kafka_on_end_txn(struct kafka_request *r);
void kafka_on_txn_offset_commit(struct kafka_request *r);
void kafka_on_describe_producers(struct kafka_request *r);
void kafka_on_describe_transactions(struct kafka_request *r);
void kafka_on_list_transactions(struct kafka_request *r);
void kafka_on_describe_cluster(struct kafka_request *r);
void kafka_on_consumer_heartbeat(struct kafka_request *r);
void kafka_on_consumer_describe(struct kafka_request *r);
void kafka_on_describe_groups(struct kafka_request *r);
void kafka_on_list_groups(struct kafka_request *r);
void kafka_on_delete_groups(struct kafka_request *r);
void kafka_on_offset_delete(struct kafka_request *r);
void kafka_on_create_partitions(struct kafka_request *r);
void kafka_on_delete_records(struct kafka_request *r);
void kafka_on_elect_leaders(struct kafka_request *r);
void kafka_on_list_reassignments(struct kafka_request *r);
void kafka_on_topic_partitions(struct kafka_request *r);
void kafka_on_describe_log_dirs(struct kafka_request *r);
void kafka_on_share_heartbeat(struct kafka_request *r);
void kafka_on_share_describe(struct kafka_request *r);
void kafka_on_share_fetch(struct kafka_request *r);
void kafka_on_share_acknowledge(struct kafka_request *r);
void kafka_on_describe_share_offsets(struct kafka_request *r);
void kafka_on_alter_share_offsets(struct kafka_request *r);
void kafka_on_delete_share_offsets(struct kafka_request *r);
void kafka_on_list_config_resources(struct kafka_request *r);
void kafka_on_describe_configs(struct kafka_request *r);
void kafka_on_alter_configs(struct kafka_request *r);
void kafka_on_incremental_alter_configs(struct kafka_request *r);

#endif
