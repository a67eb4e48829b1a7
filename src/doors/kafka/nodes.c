/* nodes.c - see nodes.h. */
#include "doors/kafka/nodes.h"
#include "base/crc32c.h"
#include "doors/kafka/configs.h"
#include "doors/kafka/kafka_conn.h"

static const char replication_name[] = "#replicas";

struct kafka_nodes kafka_nodes_of(const struct kafka_request *r)
{
    return (struct kafka_nodes){ kafka_conn_node_count(r->conn), kafka_conn_node(r->conn) };
}

const char *kafka_node_host(const struct kafka_request *r, int32_t node)
{
    (void)node; /* all of them are here */
    return kafka_conn_host(r->conn);
}

uint16_t kafka_node_port(const struct kafka_request *r, int32_t node)
{
    return kafka_conn_port(r->conn, node);
}

/* From 0. */
static uint32_t leader_index(const struct kafka_request *r, const struct uuid *topic,
                             uint32_t partition)
{
    return (get_u32(topic->at) % kafka_nodes_of(r).count + partition) % kafka_nodes_of(r).count;
}

int32_t kafka_leader(const struct kafka_request *r, const struct uuid *topic, uint32_t partition)
{
    return (int32_t)leader_index(r, topic, partition) + 1;
}

struct wire_i32s kafka_replicas(struct kafka_request *r, const struct topic_view *topic,
                                uint32_t partition)
{
    unsigned         nodes = kafka_nodes_of(r).count;
    unsigned         factor = kafka_replication_read(topic->native[DOOR_KAFKA]);
    uint32_t         first = leader_index(r, &topic->uuid, partition);
    struct wire_i32s all = { .count = factor < nodes ? factor : nodes };

    all.at = kafka_array(r, all.count, sizeof *all.at);
    for (uint32_t i = 0; i < all.count; i++)
        all.at[i] = (int32_t)((first + i) % nodes) + 1;
    return all;
}

int32_t kafka_coordinator(const struct kafka_request *r, struct bytes key)
{
    return (int32_t)(crc32c(0, key.at, key.len) % kafka_nodes_of(r).count) + 1;
}

unsigned kafka_replication_read(struct bytes native)
{
    struct bytes kept = topic_config_read_name(native, replication_name);

    return kept.len == 1 && kept.at[0] > 0 ? kept.at[0] : 1;
}

void kafka_replication_write(struct buf *native, unsigned factor)
{
    uint8_t one = (uint8_t)factor;

    if (factor > 1)
        topic_config_write_name(native, replication_name, bytes_of(&one, 1));
}

bool kafka_is_replica_list(const struct kafka_request *r, struct wire_i32s nodes)
{
    for (size_t i = 0; i < nodes.count; i++) {
        if (!kafka_is_node(r, nodes.at[i]))
            return false;
        for (size_t k = 0; k < i; k++) {
            if (nodes.at[k] == nodes.at[i])
                return false;
        }
    }
    return nodes.count > 0;
}
