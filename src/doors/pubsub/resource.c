/* resource.c - see resource.h. */
#include "doors/pubsub/resource.h"

#include "doors/pubsub/names.h"

#define DELETED_TOPIC "_deleted-topic_"

enum {
    DAY_SECONDS = 24 * 3600,
    RETENTION_SECONDS = 7 * DAY_SECONDS,
    RETENTION_SECONDS_MIN = 600,
    RETENTION_SECONDS_MAX = 31 * DAY_SECONDS,
    EXPIRATION_SECONDS = 31 * DAY_SECONDS,
    EXPIRATION_SECONDS_MIN = DAY_SECONDS,
    BACKOFF_SECONDS_MIN = 10, /* the defaults, not the bounds */
    BACKOFF_SECONDS_MAX = 600,
    LABELS_MAX = 64,
    LABEL_BYTES_MAX = 63,
};

/* ---- from the engine ---- */

static char *full_name(struct arena *a, struct bytes project, enum ps_collection collection, struct bytes id)
{
    struct buf text;
    char      *copy;

    buf_init(&text);
    ps_name_format(&text, project, collection, id);
    copy = arena_str(a, buf_view(&text));
    buf_fini(&text);
    return copy;
}

PB(Topic) *ps_topic_of(struct arena *a, const struct topic_view *v, struct bytes project)
{
    const ProtobufCMessageDescriptor *type = &google__pubsub__v1__topic__descriptor;
    ProtobufCMessage                 *kept = NULL;
    PB(Topic) *t;

    if (v->native[DOOR_PUBSUB].at && ps_decode(a, type, v->native[DOOR_PUBSUB], &kept) == PS_DECODED)
        t = (PB(Topic) *)kept;
    else
        t = ps_message_new(a, type);
    t->name = full_name(a, project, PS_TOPICS, v->name);
    t->state = PB_STATE_ACTIVE;
    return t;
}

static PB(Duration) *duration_new(struct arena *a, int64_t seconds)
{
    PB(Duration) *d = ps_message_new(a, &google__pubsub__v1__duration__descriptor);

    d->seconds = seconds;
    return d;
}

static int64_t duration_ms(const PB(Duration) *d)
{
    return d->seconds * 1000 + d->nanos / 1000000;
}

/* A queue of another door, as the subscription it would have been. */
static PB(Subscription) *default_subscription(struct arena *a, const struct queue_view *v)
{
    PB(Subscription) *s = ps_message_new(a, &google__pubsub__v1__subscription__descriptor);

    s->ack_deadline_seconds = (int32_t)(v->policy.lease_ms / 1000);
    s->enable_message_ordering = v->policy.is_ordered;
    if (v->policy.retention_ms > 0)
        s->message_retention_duration = duration_new(a, v->policy.retention_ms / 1000);
    ps_subscription_fill(a, s);
    return s;
}

PB(Subscription) *ps_subscription_of(struct arena *a, const struct queue_view *v, struct bytes project)
{
    const ProtobufCMessageDescriptor *type = &google__pubsub__v1__subscription__descriptor;
    ProtobufCMessage                 *kept = NULL;
    PB(Subscription) *s;

    if (v->native[DOOR_PUBSUB].at && ps_decode(a, type, v->native[DOOR_PUBSUB], &kept) == PS_DECODED)
        s = (PB(Subscription) *)kept;
    else
        s = default_subscription(a, v);
    s->name = full_name(a, project, PS_SUBSCRIPTIONS, v->name);
    s->topic = bytes_eq_str(v->topic, DELETED_TOPIC) ? arena_str(a, v->topic)
                                                     : full_name(a, project, PS_TOPICS, v->topic);
    s->state = PB_STATE_ACTIVE;
    return s;
}

int64_t ps_lease_ms(const struct queue_view *v)
{
    struct arena a;
    int64_t      ms;

    arena_init(&a);
    ms = (int64_t)ps_subscription_of(&a, v, bytes_str(""))->ack_deadline_seconds * 1000;
    arena_fini(&a);
    return ms;
}

enum err ps_queue_found(const struct queue_get_call *c, const struct queue_view **out)
{
    if (c->call.err != ERR_OK)
        return c->call.err;
    if (c->count == 0 || c->views[0].owner != 0)
        return ERR_NO_QUEUE;
    *out = &c->views[0];
    return ERR_OK;
}

/* ---- rules for new ones ---- */

static enum grpc_code refuse(struct buf *why, const char *what)
{
    buf_printf(why, "%s is not supported by this broker yet.", what);
    return GRPC_UNIMPLEMENTED;
}

static bool is_label_char(uint8_t c)
{
    bool is_ascii_word = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-';

    return is_ascii_word || c >= 0x80; /* letters of other alphabets; the text is UTF-8 */
}

static bool is_label_text(const char *text)
{
    size_t i;

    for (i = 0; text[i]; i++)
        if (!is_label_char((uint8_t)text[i]))
            return false;
    return i <= LABEL_BYTES_MAX;
}

static enum grpc_code check_labels(PB(Label) *const *labels, size_t count, struct buf *why)
{
    size_t i;

    if (count > LABELS_MAX) {
        buf_printf(why, "The value for label_count is too large. You passed %zu in the request, but the maximum "
                        "value is %d.", count, LABELS_MAX);
        return GRPC_INVALID_ARGUMENT;
    }
    for (i = 0; i < count; i++) {
        if (labels[i]->key[0] && is_label_text(labels[i]->key) && is_label_text(labels[i]->value))
            continue;
        buf_printf(why, "Invalid label given (key=%.100s). Keys and values have at most %d lower case letters, digits, "
                        "underscores and dashes.", labels[i]->key, LABEL_BYTES_MAX);
        return GRPC_INVALID_ARGUMENT;
    }
    return GRPC_OK;
}

/* "744h", "9m59s": hours, minutes and seconds that are not zero. */
static void format_seconds(struct buf *out, int64_t seconds)
{
    static const struct {
        int64_t seconds;
        char    letter;
    } units[] = { { 3600, 'h' }, { 60, 'm' }, { 1, 's' } };
    size_t i;

    if (seconds <= 0) {
        buf_printf(out, "%llds", (long long)seconds);
        return;
    }
    for (i = 0; i < COUNT(units); i++) {
        if (seconds / units[i].seconds > 0)
            buf_printf(out, "%lld%c", (long long)(seconds / units[i].seconds), units[i].letter);
        seconds %= units[i].seconds;
    }
}

/* d NULL is fine: the default will do. */
static enum grpc_code check_duration(const PB(Duration) *d, const char *what, int64_t min, int64_t max,
                                     struct buf *why)
{
    if (!d || (d->seconds >= min && d->seconds <= max && d->nanos >= 0 && d->nanos < 1000000000 &&
               !(d->seconds == max && d->nanos > 0)))
        return GRPC_OK;
    buf_printf(why, "The value for %s is out of bounds. You passed ", what);
    format_seconds(why, d->seconds);
    buf_str(why, " in the request, but the value must be between ");
    format_seconds(why, min);
    buf_str(why, " and ");
    format_seconds(why, max);
    buf_str(why, ".");
    return GRPC_INVALID_ARGUMENT;
}

enum grpc_code ps_topic_check(const PB(Topic) *t, struct buf *why)
{
    enum grpc_code code;

    if (t->schema_settings.len > 0)
        return refuse(why, "A topic schema");
    if (t->ingestion_data_source_settings.len > 0)
        return refuse(why, "Ingestion");
    if (t->n_message_transforms > 0)
        return refuse(why, "A message transform");
    code = check_duration(t->message_retention_duration, "message retention duration", RETENTION_SECONDS_MIN,
                          RETENTION_SECONDS_MAX, why);
    return code != GRPC_OK ? code : check_labels(t->labels, t->n_labels, why);
}

static enum grpc_code check_retry(const PB(RetryPolicy) *p, struct buf *why)
{
    enum grpc_code code;
    int64_t        min_ms, max_ms;

    if (!p)
        return GRPC_OK;
    code = check_duration(p->minimum_backoff, "minimum backoff", 0, BACKOFF_SECONDS_MAX, why);
    if (code == GRPC_OK)
        code = check_duration(p->maximum_backoff, "maximum backoff", 0, BACKOFF_SECONDS_MAX, why);
    if (code != GRPC_OK)
        return code;
    min_ms = p->minimum_backoff ? duration_ms(p->minimum_backoff) : BACKOFF_SECONDS_MIN * 1000;
    max_ms = p->maximum_backoff ? duration_ms(p->maximum_backoff) : BACKOFF_SECONDS_MAX * 1000;
    if (min_ms <= max_ms)
        return GRPC_OK;
    buf_str(why, "The minimum backoff must not be larger than the maximum backoff.");
    return GRPC_INVALID_ARGUMENT;
}

/* What we would have to ignore. */
static enum grpc_code check_unsupported(const PB(Subscription) *s, struct buf *why)
{
    if (s->filter[0])
        return refuse(why, "A subscription filter");
    if (s->dead_letter_policy && s->dead_letter_policy->dead_letter_topic[0])
        return refuse(why, "A dead-letter policy");
    if (s->enable_exactly_once_delivery)
        return refuse(why, "Exactly-once delivery");
    if (s->retain_acked_messages)
        return refuse(why, "Retaining acknowledged messages");
    if (s->push_config && s->push_config->push_endpoint[0])
        return refuse(why, "Push delivery");
    if (s->bigquery_config.len > 0 || s->cloud_storage_config.len > 0 || s->bigtable_config.len > 0)
        return refuse(why, "An export subscription");
    if (s->n_message_transforms > 0)
        return refuse(why, "A message transform");
    return GRPC_OK;
}

static enum grpc_code check_ack_deadline(int32_t seconds, struct buf *why)
{
    if (seconds == 0 || (seconds >= PS_ACK_DEADLINE_SECONDS_MIN && seconds <= PS_ACK_DEADLINE_SECONDS_MAX))
        return GRPC_OK;
    buf_printf(why, "Invalid ack deadline given (ack_deadline=%d). The ack deadline must be between %d and %d seconds.",
               (int)seconds, PS_ACK_DEADLINE_SECONDS_MIN, PS_ACK_DEADLINE_SECONDS_MAX);
    return GRPC_INVALID_ARGUMENT;
}

enum grpc_code ps_subscription_check(const PB(Subscription) *s, struct buf *why)
{
    const PB(Duration) *ttl = s->expiration_policy ? s->expiration_policy->ttl : NULL;
    enum grpc_code code = check_unsupported(s, why);

    if (code == GRPC_OK)
        code = check_ack_deadline(s->ack_deadline_seconds, why);
    if (code == GRPC_OK)
        code = check_duration(s->message_retention_duration, "message retention duration", RETENTION_SECONDS_MIN,
                              RETENTION_SECONDS_MAX, why);
    if (code == GRPC_OK)
        code = check_duration(ttl, "expiration policy ttl", EXPIRATION_SECONDS_MIN, 100 * 366 * (int64_t)DAY_SECONDS,
                              why);
    if (code == GRPC_OK)
        code = check_retry(s->retry_policy, why);
    if (code == GRPC_OK)
        code = check_labels(s->labels, s->n_labels, why);
    return code;
}

/* ---- what the service fills in ---- */

static int64_t default_retention(const PB(Subscription) *s)
{
    const PB(Duration) *ttl = s->expiration_policy->ttl;

    return ttl && ttl->seconds < RETENTION_SECONDS ? ttl->seconds : RETENTION_SECONDS;
}

static void fill_retry(struct arena *a, PB(RetryPolicy) *p)
{
    if (!p->minimum_backoff)
        p->minimum_backoff = duration_new(a, BACKOFF_SECONDS_MIN);
    if (!p->maximum_backoff)
        p->maximum_backoff = duration_new(a, BACKOFF_SECONDS_MAX);
}

void ps_subscription_fill(struct arena *a, PB(Subscription) *s)
{
    if (s->ack_deadline_seconds <= 0)
        s->ack_deadline_seconds = PS_ACK_DEADLINE_SECONDS_MIN;
    if (s->ack_deadline_seconds > PS_ACK_DEADLINE_SECONDS_MAX)
        s->ack_deadline_seconds = PS_ACK_DEADLINE_SECONDS_MAX;
    if (!s->push_config)
        s->push_config = ps_message_new(a, &google__pubsub__v1__push_config__descriptor);
    if (!s->expiration_policy) {
        s->expiration_policy = ps_message_new(a, &google__pubsub__v1__expiration_policy__descriptor);
        s->expiration_policy->ttl = duration_new(a, EXPIRATION_SECONDS);
    }
    if (!s->message_retention_duration)
        s->message_retention_duration = duration_new(a, default_retention(s));
    if (s->retry_policy)
        fill_retry(a, s->retry_policy);
    s->state = PB_STATE_ACTIVE;
}

struct queue_policy ps_subscription_policy(const PB(Subscription) *s)
{
    return (struct queue_policy){
        .lease_ms = (int64_t)s->ack_deadline_seconds * 1000,
        .retention_ms = duration_ms(s->message_retention_duration),
        .is_ordered = s->enable_message_ordering,
    };
}

struct topic_policy ps_topic_policy(const PB(Topic) *t, const struct topic_policy *now)
{
    struct topic_policy p = now ? *now : topic_policy_default;

    if (!now) {
        p.retention = RETAIN_BOTH;
        p.time_basis = TIME_OF_APPEND;
    }
    p.retention_ms = t->message_retention_duration ? duration_ms(t->message_retention_duration)
                                                   : topic_policy_default.retention_ms;
    return p;
}

/* ---- what the engine keeps ---- */

struct bytes ps_topic_native(struct arena *a, const PB(Topic) *t)
{
    PB(Topic) kept = *t;

    kept.name = (char *)(uintptr_t)protobuf_c_empty_string;
    kept.state = GOOGLE__PUBSUB__V1__STATE__STATE_UNSPECIFIED;
    kept.base.n_unknown_fields = 0;
    return ps_encode_in(a, &kept.base);
}

struct bytes ps_subscription_native(struct arena *a, const PB(Subscription) *s)
{
    PB(Subscription) kept = *s;

    kept.name = (char *)(uintptr_t)protobuf_c_empty_string;
    kept.topic = (char *)(uintptr_t)protobuf_c_empty_string;
    kept.state = GOOGLE__PUBSUB__V1__STATE__STATE_UNSPECIFIED;
    kept.detached = false;
    kept.base.n_unknown_fields = 0;
    return ps_encode_in(a, &kept.base);
}
