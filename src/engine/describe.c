/*
 * describe.c - see describe.h. A layout is a list of fields, each a letter for its encoding
 * (change.h), a colon and its name:
 *
 *     n  uvarint            t  varint (a time or a span)      1 4 8  integer of so many bytes
 *     x  the same, but nobody is to see them
 *     b  bytes, length + 1  s  u16 length and bytes           u      uuid, 16 bytes
 *     #  uvarint, a count for the [ ... ] that follows it: that many times
 *     [ ... ]               { ... }  again and again to the end of the head
 *
 * Repetition may nest. Heads are at most RECORD_HEAD_MAX bytes and every field takes at least one,
 * so a count that lies ends with the head.
 */
#include "engine/describe.h"
#include "engine/batch.h"
#include "engine/change.h"

#include <inttypes.h>
#include <ctype.h>

struct layout {
    const char *name;
    const char *fields;
};

#define TOPIC_POLICY                                                                               \
    "n:retention n:flags n:retention_ms n:retention_bytes n:delete_retention_ms "                  \
    "n:min_lag_ms n:max_lag_ms n:segment_ms n:segment_bytes n:batch_bytes_max "                    \
    "n:future_ms_max n:past_ms_max n:dirty_ratio"
#define POLICY "t:lease t:delay t:retention t:expires 1:flags"
#define EXTENTS                                                                                    \
    "{n:segment n:at n:base n:offsets n:bytes n:batches 4:crc t:max_time t:when}"
#define OFFSETS "{s:topic 4:partition 8:offset 4:leader_epoch s:metadata}"
#define ACL "1:resource 1:pattern 1:operation 1:permission b:name b:principal b:host"
#define RUNS   "{n:lane n:first n:count}"

static const struct layout layouts[CHANGE_KIND_END] = {
    [CHANGE_TOPIC_CREATED] = { "TOPIC_CREATED",
                               "b:namespace b:name u:topic " TOPIC_POLICY
                               " n:private t:created #doors [b:native] {n:log n:partitions}" },
    [CHANGE_TOPIC_DELETED] = { "TOPIC_DELETED", "u:topic" },
    [CHANGE_TOPIC_NATIVE] = { "TOPIC_NATIVE", "u:topic n:door b:native" },
    [CHANGE_TOPIC_POLICY] = { "TOPIC_POLICY", "u:topic " TOPIC_POLICY },
    [CHANGE_TOPIC_GROWN] = { "TOPIC_GROWN", "u:topic n:log n:partitions" },
    [CHANGE_APPENDED] = { "APPENDED", "t:when #targets [n:log n:base n:delay+1]" },
    [CHANGE_APPENDED_RUN] = { "APPENDED_RUN", "t:when n:log n:base n:delay+1 n:batches" },
    [CHANGE_LOG_STATE] = { "LOG_STATE", "n:log n:start n:end n:clean t:horizon" },
    [CHANGE_LOG_COMPACTED] = { "LOG_COMPACTED", "n:log n:clean t:horizon" },
    [CHANGE_LOG_ENTRIES] = { "LOG_ENTRIES", "n:log n:first #entries [n:base n:position n:bytes "
                                            "n:offsets t:max_time t:when] " EXTENTS },
    [CHANGE_SEGMENT_MADE] = { "SEGMENT_MADE", "n:epoch n:number n:log n:end" },
    [CHANGE_SEGMENT_DROPPED] = { "SEGMENT_DROPPED", "n:number" },
    [CHANGE_EXTENT_MOVED] = { "EXTENT_MOVED", "n:log n:from n:to " EXTENTS },
    [CHANGE_EXTENT_APPENDED] = { "EXTENT_APPENDED",
                                 "n:log n:base t:when n:segment n:at 4:crc #batches [n:bytes "
                                 "n:offsets t:max_time n:delay+1 n:producer+1 n:epoch "
                                 "n:sequence n:flags]" },
    [CHANGE_LOG_TRIMMED] = { "LOG_TRIMMED", "n:log n:start" },
    [CHANGE_PRODUCER_MADE] = { "PRODUCER_MADE", "n:producer" },
    [CHANGE_PRODUCER_STATE] = { "PRODUCER_STATE", "n:log n:producer n:epoch t:last n:ended #batches [n:first "
                                                  "n:last n:base t:when]" },
    [CHANGE_QUEUE_DECLARED] = { "QUEUE_DECLARED",
                                "n:queue b:namespace b:name u:topic n:flags n:owner " POLICY
                                " t:created t:altered #doors [b:native] #logs [n:next] #fates "
                                "[n:messages] n:began" },
    [CHANGE_QUEUE_DELETED] = { "QUEUE_DELETED", "n:queue" },
    [CHANGE_QUEUE_ALTERED] = { "QUEUE_ALTERED",
                               "n:queue n:flags " POLICY " t:altered n:door b:native" },
    [CHANGE_QUEUE_LEASED] = { "QUEUE_LEASED", "n:queue n:flags t:deadline t:now " RUNS },
    [CHANGE_QUEUE_SETTLED] = { "QUEUE_SETTLED", "n:queue n:fate " RUNS },
    [CHANGE_QUEUE_RELEASED] = { "QUEUE_RELEASED", "n:queue n:flags t:ready " RUNS },
    [CHANGE_QUEUE_EXTENDED] = { "QUEUE_EXTENDED", "n:queue t:deadline " RUNS },
    [CHANGE_QUEUE_PURGED] = { "QUEUE_PURGED", "n:queue n:leased_too" },
    [CHANGE_QUEUE_SEEKED] = { "QUEUE_SEEKED", "n:queue n:lane n:offset" },
    [CHANGE_QUEUE_STATE] = { "QUEUE_STATE", "n:queue n:lane n:chunk {n:gap n:count 1:state "
                                            "n:attempts n:free_attempts t:first_leased t:due}" },
    [CHANGE_TXN_STATE] = { "TXN_STATE",
                           "n:txn b:namespace b:id n:producer n:previous+1 n:epoch n:last_epoch+1 "
                           "n:timeout n:state n:flags t:started t:updated #logs [n:log] "
                           "#groups [b:group]" },
    [CHANGE_TXN_ADDED] = { "TXN_ADDED",
                           "n:txn t:when n:flags #logs [n:log] #groups [b:group]" },
    [CHANGE_TXN_OFFSETS] = { "TXN_OFFSETS", "n:txn s:group " OFFSETS },
    [CHANGE_TXN_FORGOTTEN] = { "TXN_FORGOTTEN", "n:txn" },
    [CHANGE_LOG_TXNS] = { "LOG_TXNS", "n:log n:from #open [n:producer n:first] #held [n:base "
                                      "n:offsets t:due]" },
    [CHANGE_LOG_ABORTED] = { "LOG_ABORTED", "n:log n:producer n:first n:marker n:stable" },
    [CHANGE_EXCHANGE_DECLARED] = { "EXCHANGE_DECLARED",
                                   "b:namespace b:name n:type n:flags b:arguments" },
    [CHANGE_EXCHANGE_DELETED] = { "EXCHANGE_DELETED", "b:namespace b:name" },
    [CHANGE_BOUND] = { "BOUND", "b:namespace b:source n:to_exchange b:destination b:key "
                                "b:arguments" },
    [CHANGE_UNBOUND] = { "UNBOUND", "b:namespace b:source n:to_exchange b:destination b:key "
                                    "b:arguments" },
    [CHANGE_GROUP_STATE] = { "GROUP_STATE", "b:namespace b:group n:is_consumer n:epoch n:target_epoch n:topics_hash "
                                            "b:protocol_type" },
    [CHANGE_GROUP_MEMBER] = { "GROUP_MEMBER",
                              "b:namespace b:group b:member b:instance b:rack b:assignor b:pattern b:client b:host "
                              "#names [b:topic] t:rebalance t:epoch t:previous n:phase n:flags t:session "
                              "#protocols [b:protocol b:metadata] #target [n:step] #assigned [n:step] "
                              "#revoking [n:step]" },
    [CHANGE_GROUP_MEMBER_GONE] = { "GROUP_MEMBER_GONE", "b:namespace b:group b:member" },
    [CHANGE_OFFSETS_COMMITTED] = { "OFFSETS_COMMITTED",
                                   "s:namespace s:group " OFFSETS },
    [CHANGE_GROUP_DELETED] = { "GROUP_DELETED", "s:namespace s:group" },
    [CHANGE_USER_SET] = { "USER_SET", "b:name n:flags b:tags #credentials [n:kind n:iterations "
                                      "b:salt x:stored x:server]" },
    [CHANGE_USER_DELETED] = { "USER_DELETED", "b:name" },
    [CHANGE_ACL_ADDED] = { "ACL_ADDED", ACL },
    [CHANGE_ACL_REMOVED] = { "ACL_REMOVED", ACL },
    [CHANGE_SHARE_GROUP_SET] = { "SHARE_GROUP_SET", "b:namespace b:group n:epoch" },
    [CHANGE_SHARE_GROUP_DELETED] = { "SHARE_GROUP_DELETED", "b:namespace b:group" },
    [CHANGE_QUOTA_SET] = { "QUOTA_SET", "1:user b:user_name 1:client b:client_id 1:address b:address_name "
                                        "#limits [n:limit 8:value]" },
    [CHANGE_GROUP_POLICY] = { "GROUP_POLICY",
                              "b:namespace b:group b:native {#numbers [t:number] b:dead_letter_topic}" },
    [CHANGE_IDS] = { "IDS", "n:last_id n:last_producer" },
};

enum { SHOWN_BYTES_MAX = 48 };

const char *describe_kind(uint8_t kind)
{
    return kind < CHANGE_KIND_END ? layouts[kind].name : NULL;
}

/* Text as it is, quoted; anything else as hexadecimal digits; the end of long ones left out. */
static void put_bytes(struct buf *out, struct bytes b)
{
    size_t shown = b.len < SHOWN_BYTES_MAX ? b.len : SHOWN_BYTES_MAX;
    bool   is_text = true;

    if (bytes_is_null(b)) {
        buf_str(out, "null");
        return;
    }
    for (size_t i = 0; i < b.len; i++)
        is_text &= isprint(b.at[i]) && b.at[i] != '"';
    buf_str(out, is_text ? "\"" : "0x");
    if (is_text)
        buf_add(out, b.at, shown);
    else
        for (size_t i = 0; i < shown; i++)
            buf_printf(out, "%02x", b.at[i]);
    buf_str(out, shown < b.len ? "..." : "");
    buf_str(out, is_text ? "\"" : "");
    if (shown < b.len)
        buf_printf(out, "(%zu)", b.len);
}

/* Kafka's short string: length 65535 is null. */
static struct bytes short_string(struct rd *r)
{
    uint16_t len = rd_u16(r);

    return len == UINT16_MAX ? bytes_of(NULL, 0) : rd_bytes(r, len);
}

struct walk {
    struct buf *out;
    struct rd  *head;
    uint64_t    count; /* the last one read */
};

static void put_value(struct walk *w, char type)
{
    struct rd *r = w->head;

    switch (type) {
    case 'n':
        buf_printf(w->out, "%" PRIu64, rd_uvarint64(r));
        break;
    case 't':
        buf_printf(w->out, "%" PRId64, rd_varint64(r));
        break;
    case '#':
        w->count = rd_uvarint64(r);
        buf_printf(w->out, "%" PRIu64, w->count);
        break;
    case '1':
        buf_printf(w->out, "%u", rd_u8(r));
        break;
    case '4':
        buf_printf(w->out, "%" PRIu32, rd_u32(r));
        break;
    case '8':
        buf_printf(w->out, "%" PRIu64, rd_u64(r));
        break;
    case 'b':
        put_bytes(w->out, change_get_bytes(r));
        break;
    case 'x':
        buf_printf(w->out, "(%zu)", change_get_bytes(r).len);
        break;
    case 's':
        put_bytes(w->out, short_string(r));
        break;
    case 'u':
        for (int i = 0; i < 16; i++)
            buf_printf(w->out, "%02x", rd_u8(r));
        break;
    default:
        rd_fail(r);
    }
}

/* "n:queue": the value is read and printed. Returns what follows in the layout. */
static const char *put_field(struct walk *w, const char *at)
{
    char        type = *at++;
    const char *name = *at == ':' ? at + 1 : at;
    size_t      len = strcspn(name, " ]}");
    size_t      before = w->out->len;

    buf_printf(w->out, " %.*s=", (int)len, name);
    put_value(w, type);
    if (w->head->failed)
        w->out->len = before;
    return name + len;
}

/* The bracket that closes the one at `at`. */
static const char *closing(const char *at)
{
    int depth = 0;

    do {
        depth += *at == '[' || *at == '{';
        depth -= *at == ']' || *at == '}';
        at++;
    } while (depth > 0);
    return at - 1;
}

static void put_fields(struct walk *w, const char *at, const char *end)
{
    while (at < end && !w->head->failed) {
        if (*at == ' ') {
            at++;
        } else if (*at == '[' || *at == '{') {
            const char *close = closing(at);
            uint64_t    times = *at == '{' ? UINT64_MAX : w->count;

            while (times-- > 0 && !w->head->failed && (*at == '[' || rd_left(w->head) > 0)) {
                buf_str(w->out, " ");
                buf_add(w->out, at, 1);
                put_fields(w, at + 1, close);
                buf_add(w->out, close, 1);
            }
            at = close + 1;
        } else {
            at = put_field(w, at);
        }
    }
}

enum err describe_change(struct buf *out, uint8_t kind, struct bytes head)
{
    struct rd   r = rd_of(head);
    struct walk w = { out, &r, 0 };
    const char *fields;

    if (!describe_kind(kind))
        return ERR_CORRUPT;
    fields = layouts[kind].fields;
    put_fields(&w, fields, fields + strlen(fields));
    return !r.failed && rd_left(&r) == 0 ? ERR_OK : ERR_CORRUPT;
}

enum err describe_batch(struct buf *out, struct bytes *batches)
{
    struct batch_head h;
    struct bytes      batch = *batches;

    if (batch_first(batch, &h, &batch.len) != ERR_OK || !batch_is_whole(batch, &h))
        return ERR_CORRUPT;
    *batches = bytes_of(batch.at + batch.len, batches->len - batch.len);
    buf_printf(out, " base=%" PRId64 " records=%d last_delta=%d max_time=%" PRId64 " bytes=%zu",
               h.base_offset, h.record_count, h.last_offset_delta, h.max_timestamp_ms, batch.len);
    if (h.attributes)
        buf_printf(out, " attributes=0x%02x", h.attributes);
    if (h.producer_id >= 0)
        buf_printf(out, " producer=%" PRId64 "/%d first_sequence=%d", h.producer_id,
                   h.producer_epoch, h.base_sequence);
    return ERR_OK;
}
