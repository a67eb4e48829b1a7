/* arguments.c - see arguments.h. */
#include "doors/amqp/arguments.h"

#include "base/err.h"

#include <inttypes.h>
#include <stdio.h>

const char *arguments_type_name(char type)
{
    static const char *const names[128] = {
        ['t'] = "bool",          ['b'] = "byte",      ['B'] = "unsignedbyte", ['s'] = "short",
        ['u'] = "unsignedshort", ['I'] = "signedint", ['i'] = "unsignedint",  ['l'] = "long",
        ['L'] = "long",          ['f'] = "float",     ['d'] = "double",       ['D'] = "decimal",
        ['S'] = "longstr",       ['A'] = "array",     ['T'] = "timestamp",    ['F'] = "table",
        ['V'] = "void",          ['x'] = "binary",
    };
    const char *name = names[type & 0x7f];

    return name ? name : "unknown";
}

/* ---- values as text ---- */

static bool is_string(const struct table_value *v)
{
    return v->type == 'S' || v->type == 'x';
}

static void add_value(struct buf *out, const struct table_value *v)
{
    if (is_string(v))
        buf_bytes(out, v->bytes);
    else if (v->type == 't')
        buf_str(out, v->integer ? "true" : "false");
    else if (v->type == 'f' || v->type == 'd')
        buf_printf(out, "%g", v->real);
    else if (v->type == 'V')
        buf_str(out, "undefined");
    else if (v->type == 'A' || v->type == 'F')
        buf_str(out, "[...]");
    else
        buf_printf(out, "%" PRId64, v->integer);
}

/* none | the value 'V' of type 'T' */
static void add_typed(struct buf *out, const struct table_value *v)
{
    if (!v) {
        buf_str(out, "none");
        return;
    }
    buf_str(out, "the value '");
    add_value(out, v);
    buf_printf(out, "' of type '%s'", arguments_type_name(v->type));
}

static void begin_inequivalent(struct buf *why, const char *field, struct bytes rs)
{
    buf_printf(why, "inequivalent arg '%s' for ", field);
    buf_bytes(why, rs);
    buf_str(why, ": received ");
}

/* ---- checks of values; each explains what it does not like ---- */

typedef bool check_fn(const struct table_value *v, struct bytes table, struct buf *why);

static bool wrong_type(const struct table_value *v, struct buf *why)
{
    buf_printf(why, "{unacceptable_type,%s}", arguments_type_name(v->type));
    return false;
}

static bool check_integer(const struct table_value *v, struct bytes table, struct buf *why)
{
    (void)table;
    if (table_is_integer(v))
        return true;
    buf_printf(why, "\"expected integer, got %s\"", arguments_type_name(v->type));
    return false;
}

static bool complain(struct buf *why, const char *about, int64_t value)
{
    buf_printf(why, "{%s,%" PRId64 "}", about, value);
    return false;
}

static bool check_not_negative(const struct table_value *v, struct bytes table, struct buf *why)
{
    if (!check_integer(v, table, why))
        return false;
    return v->integer >= 0 || complain(why, "value_negative", v->integer);
}

static bool check_ttl(const struct table_value *v, struct bytes table, struct buf *why)
{
    if (!check_not_negative(v, table, why))
        return false;
    return v->integer <= EXPIRY_MS_MAX || complain(why, "value_too_large", v->integer);
}

static bool check_expires(const struct table_value *v, struct bytes table, struct buf *why)
{
    if (!check_integer(v, table, why))
        return false;
    if (v->integer == 0)
        return complain(why, "value_zero", 0);
    return check_ttl(v, table, why);
}

static bool check_priority(const struct table_value *v, struct bytes table, struct buf *why)
{
    if (!check_not_negative(v, table, why))
        return false;
    return v->integer <= UINT8_MAX || complain(why, "max_value_exceeded", v->integer);
}

static bool check_text(const struct table_value *v, struct bytes table, struct buf *why)
{
    (void)table;
    return v->type == 'S' || wrong_type(v, why);
}

static bool check_bool(const struct table_value *v, struct bytes table, struct buf *why)
{
    (void)table;
    return v->type == 't' || wrong_type(v, why);
}

static bool check_dead_letter_key(const struct table_value *v, struct bytes table, struct buf *why)
{
    struct table_value exchange;

    if (!check_text(v, table, why))
        return false;
    if (table_find(table, "x-dead-letter-exchange", &exchange))
        return true;
    buf_str(why, "routing_key_but_no_dlx_defined");
    return false;
}

static bool one_of(const struct table_value *v, const char *const *words, const char *complaint,
                   struct buf *why)
{
    if (v->type != 'S')
        return wrong_type(v, why);
    for (; *words; words++)
        if (bytes_eq_str(v->bytes, *words))
            return true;
    buf_str(why, complaint);
    return false;
}

static bool check_strategy(const struct table_value *v, struct bytes table, struct buf *why)
{
    static const char *const words[] = { "at-most-once", "at-least-once", NULL };

    (void)table;
    return one_of(v, words, "invalid_dlx_strategy", why);
}

static bool check_overflow(const struct table_value *v, struct bytes table, struct buf *why)
{
    static const char *const words[] = { "drop-head", "reject-publish", "reject-publish-dlx",
                                         NULL };

    (void)table;
    return one_of(v, words, "invalid_overflow", why);
}

static bool check_mode(const struct table_value *v, struct bytes table, struct buf *why)
{
    (void)table;
    if (v->type != 'S')
        return wrong_type(v, why);
    if (bytes_eq_str(v->bytes, "default") || bytes_eq_str(v->bytes, "lazy"))
        return true;
    buf_str(why, "\"unsupported queue mode '");
    buf_bytes(why, v->bytes);
    buf_str(why, "'\"");
    return false;
}

static bool check_locator(const struct table_value *v, struct bytes table, struct buf *why)
{
    static const char *const words[] = { "client-local",  "balanced",    "random",
                                         "least-leaders", "min-masters", NULL };

    (void)table;
    return one_of(v, words, "invalid_queue_locator_arg", why);
}

static bool check_version(const struct table_value *v, struct bytes table, struct buf *why)
{
    if (!check_not_negative(v, table, why))
        return false;
    if (v->integer == 1 || v->integer == 2)
        return true;
    buf_printf(why, "\"unsupported queue version '%" PRId64 "'\"", v->integer);
    return false;
}

/* A quorum queue is the same queue here; a stream is another thing and not there yet. */
static bool check_type(const struct table_value *v, struct bytes table, struct buf *why)
{
    (void)table;
    if (v->type != 'S')
        return wrong_type(v, why);
    if (bytes_eq_str(v->bytes, "classic") || bytes_eq_str(v->bytes, "quorum"))
        return true;
    buf_str(why, "\"unsupported queue type '");
    buf_bytes(why, v->bytes);
    buf_str(why, "'\"");
    return false;
}

/* ---- queues ---- */

enum { CLASSIC = 1, QUORUM = 2, STREAM = 4 };

/* In the order in which RabbitMQ compares them. */
static const struct {
    const char *name;
    unsigned    known_to;
    check_fn   *check;
} queue_rows[] = {
    { "x-expires", CLASSIC | QUORUM, check_expires },
    { "x-message-ttl", CLASSIC | QUORUM, check_ttl },
    { "x-dead-letter-exchange", CLASSIC | QUORUM, check_text },
    { "x-dead-letter-routing-key", CLASSIC | QUORUM, check_dead_letter_key },
    { "x-dead-letter-strategy", QUORUM, check_strategy },
    { "x-max-length", CLASSIC | QUORUM, check_not_negative },
    { "x-max-length-bytes", CLASSIC | QUORUM | STREAM, check_not_negative },
    { "x-max-in-memory-length", QUORUM, check_not_negative },
    { "x-max-in-memory-bytes", QUORUM, check_not_negative },
    { "x-max-priority", CLASSIC, check_priority },
    { "x-overflow", CLASSIC | QUORUM, check_overflow },
    { "x-queue-mode", CLASSIC, check_mode },
    { "x-queue-version", CLASSIC, check_version },
    { "x-single-active-consumer", CLASSIC | QUORUM, check_bool },
    { "x-queue-type", CLASSIC | QUORUM | STREAM, check_type },
    { "x-queue-master-locator", CLASSIC, check_text },
    { "x-queue-leader-locator", CLASSIC | QUORUM | STREAM, check_locator },
    { "x-quorum-initial-group-size", QUORUM, check_not_negative },
    { "x-delivery-limit", QUORUM, check_integer },
    { "x-consumer-timeout", QUORUM, check_not_negative },
    { "x-max-age", STREAM, check_text },
    { "x-stream-max-segment-size-bytes", STREAM, check_not_negative },
    { "x-stream-filter-size-bytes", STREAM, check_not_negative },
    { "x-initial-cluster-size", STREAM, check_not_negative },
};

static unsigned type_of(struct bytes table)
{
    struct table_value v;

    return table_find(table, "x-queue-type", &v) && bytes_eq_str(v.bytes, "quorum") ? QUORUM
                                                                                    : CLASSIC;
}

static bool check_arg(const char *name, check_fn *check, struct bytes table, struct bytes rs,
                      struct buf *why)
{
    struct table_value v;
    struct buf         reason = { 0 };
    bool               is_right;

    if (!table_find(table, name, &v))
        return true;
    is_right = check(&v, table, &reason);
    if (!is_right) {
        buf_printf(why, "invalid arg '%s' for ", name);
        buf_bytes(why, rs);
        buf_str(why, ": ");
        buf_bytes(why, buf_view(&reason));
    }
    buf_fini(&reason);
    return is_right;
}

/* An argument that is a name of an exchange is looked at before all others. */
static bool check_name(const char *name, struct bytes table, struct bytes rs, struct buf *why)
{
    struct table_value v;

    if (!table_find(table, name, &v) || v.type == 'S')
        return true;
    buf_printf(why, "invalid type '%s' for arg '%s' in ", arguments_type_name(v.type), name);
    buf_bytes(why, rs);
    return false;
}

static bool check_known(unsigned type, struct bytes table, struct bytes rs, struct buf *why)
{
    struct table_value v;

    for (size_t i = 0; i < COUNT(queue_rows); i++) {
        if ((queue_rows[i].known_to & type) != 0 || !table_find(table, queue_rows[i].name, &v))
            continue;
        buf_printf(why, "invalid arg '%s' for ", queue_rows[i].name);
        buf_bytes(why, rs);
        buf_printf(why, " of queue type rabbit_%s_queue", type == QUORUM ? "quorum" : "classic");
        return false;
    }
    return true;
}

/* What a quorum queue cannot be. */
static bool check_flags(unsigned type, struct queue_flags flags, struct bytes rs, struct buf *why)
{
    const char *wrong = flags.is_auto_delete ? "auto-delete"
                        : flags.is_exclusive ? "exclusive-owner"
                        : !flags.is_durable  ? "non-durable"
                                             : NULL;

    if (type != QUORUM || !wrong)
        return true;
    buf_printf(why, "invalid property '%s' for ", wrong);
    buf_bytes(why, rs);
    return false;
}

bool arguments_check_queue(struct bytes table, struct queue_flags flags, struct bytes rs,
                           struct buf *why)
{
    unsigned type = type_of(table);

    if (!check_name("x-dead-letter-exchange", table, rs, why) ||
        !check_arg("x-queue-type", check_type, table, rs, why))
        return false;
    for (size_t i = 0; i < COUNT(queue_rows); i++)
        if ((queue_rows[i].known_to & type) != 0 &&
            !check_arg(queue_rows[i].name, queue_rows[i].check, table, rs, why))
            return false;
    return check_known(type, table, rs, why) && check_flags(type, flags, rs, why);
}

/* ---- sameness ---- */

static void add_inequivalent(struct buf *why, const char *name, struct bytes rs,
                             const struct table_value *current, const struct table_value *received)
{
    bool both = current && received;

    begin_inequivalent(why, name, rs);
    buf_str(why, both ? "'" : "");
    both ? add_value(why, received) : add_typed(why, received);
    buf_str(why, both ? "' but current is '" : " but current is ");
    both ? add_value(why, current) : add_typed(why, current);
    buf_str(why, both ? "'" : "");
}

static bool is_classic(const struct table_value *v)
{
    return v->type == 'S' && bytes_eq_str(v->bytes, "classic");
}

static bool same_arg(const char *name, struct bytes current, struct bytes received, struct bytes rs,
                     struct buf *why)
{
    struct table_value was;
    struct table_value is;
    bool               had = table_find(current, name, &was);
    bool               has = table_find(received, name, &is);

    if (!had && !has)
        return true;
    if (had && has && table_value_eq(&was, &is))
        return true;
    /* A classic queue need not say so. */
    if (strcmp(name, "x-queue-type") == 0 && had != has && is_classic(had ? &was : &is))
        return true;
    add_inequivalent(why, name, rs, had ? &was : NULL, has ? &is : NULL);
    return false;
}

bool arguments_same_queue(struct bytes current, struct bytes received, struct bytes rs,
                          struct buf *why)
{
    unsigned type = type_of(current);

    for (size_t i = 0; i < COUNT(queue_rows); i++)
        if ((queue_rows[i].known_to & type) != 0 &&
            !same_arg(queue_rows[i].name, current, received, rs, why))
            return false;
    return true;
}

bool arguments_same_text(const char *field, struct bytes current, struct bytes received,
                         struct bytes rs, struct buf *why)
{
    if (bytes_eq(current, received))
        return true;
    begin_inequivalent(why, field, rs);
    buf_u8(why, '\'');
    buf_bytes(why, received);
    buf_str(why, "' but current is '");
    buf_bytes(why, current);
    buf_u8(why, '\'');
    return false;
}

bool arguments_same_flag(const char *field, bool current, bool received, struct bytes rs,
                         struct buf *why)
{
    return arguments_same_text(field, bytes_str(current ? "true" : "false"),
                               bytes_str(received ? "true" : "false"), rs, why);
}

/* ---- exchanges, consumers, bindings ---- */

#define ALTERNATE "alternate-exchange"

bool arguments_check_exchange(struct bytes table, struct bytes rs, struct buf *why)
{
    return check_name(ALTERNATE, table, rs, why);
}

bool arguments_same_exchange(struct bytes current, struct bytes received, struct bytes rs,
                             struct buf *why)
{
    return same_arg(ALTERNATE, current, received, rs, why);
}

bool arguments_check_consumer(struct bytes table, struct bytes rs, int32_t *priority,
                              struct buf *why)
{
    struct table_value v;

    *priority = 0;
    if (!check_arg("x-priority", check_integer, table, rs, why))
        return false;
    if (table_find(table, "x-priority", &v))
        *priority = v.integer > INT32_MAX   ? INT32_MAX
                    : v.integer < INT32_MIN ? INT32_MIN
                                            : (int32_t)v.integer;
    return true;
}

static bool is_number(struct bytes key)
{
    for (size_t i = 0; i < key.len; i++)
        if (key.at[i] < '0' || key.at[i] > '9')
            return false;
    return key.len > 0;
}

static void explain_weight(struct bytes key, struct buf *why)
{
    bool is_zero = is_number(key) && key.at[0] == '0';

    if (!is_number(key)) {
        buf_str(why, "The binding key must be an integer: <<\"");
        buf_bytes(why, key);
        buf_str(why, "\">>");
    } else {
        buf_str(why, is_zero ? "The binding key must be greater than 0"
                             : "The binding key must be at most 1024");
    }
}

void arguments_explain_binding(struct bytes key, struct bytes table, struct buf *why)
{
    struct table_value v;

    if (!table_find(table, "x-match", &v)) {
        explain_weight(key, why);
        return;
    }
    if (v.type == 'S') {
        buf_str(why, "Invalid x-match field value <<\"");
        buf_bytes(why, v.bytes);
        buf_str(why, "\">>; expected all, any, all-with-x, or any-with-x");
        return;
    }
    buf_printf(why, "Invalid x-match field type %s (value ", arguments_type_name(v.type));
    add_value(why, &v);
    buf_str(why, "); expected longstr");
}

void arguments_explain_routing(struct bytes type, struct bytes table, struct buf *why)
{
    struct table_value v;

    if (bytes_eq_str(type, "x-delayed-message")) {
        buf_str(why, "Invalid argument, 'x-delayed-type' must be an existing exchange type");
    } else if (table_find(table, "hash-property", &v) && !table_find(table, "hash-header", &v)) {
        buf_str(why, "Unsupported property: ");
        buf_bytes(why, v.bytes);
    } else {
        buf_str(why, "hash-header and hash-property are mutually exclusive");
    }
}

bool arguments_is_set(const char *name, struct bytes table)
{
    struct table_value v;

    return table_find(table, name, &v) && v.type == 't' && v.integer;
}

int64_t arguments_number(const char *name, struct bytes table)
{
    struct table_value v;

    return table_find(table, name, &v) && table_is_integer(&v) ? v.integer : 0;
}
