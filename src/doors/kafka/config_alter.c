/*
 * config_alter.c - IncrementalAlterConfigs and AlterConfigs: the settings of topics and groups change.
 *
 * Both are read, changed, written: the settings are asked for, the new ones are made and checked
 * here, and the engine takes them when the old ones are still what was read (topic_alter_call's
 * expects_native); else it begins again. The old request says all settings there shall be, the
 * incremental one says what shall be different.
 *
 *     topics --CALL_TOPIC_GET--> settings --change, check--> CALL_TOPIC_ALTER --ERR_IN_USE--> once more
 *     groups --CALL_GROUP_POLICY_GET--> likewise --> CALL_GROUP_POLICY_SET
 *
 * Settings of brokers are those the program was started with and cannot change.
 *
 * Thread: the loop's.
 */
#include "base/map.h"
#include "doors/kafka/group_configs.h"
#include "doors/kafka/names.h"
#include "doors/kafka/nodes.h"
#include "doors/kafka/resources.h"

enum operation { OP_SET, OP_DELETE, OP_APPEND, OP_SUBTRACT, OP_COUNT };

enum { ROUNDS_MAX = 20 };

struct operand {
    enum operation             operation;
    struct bytes               name, value;
    const struct topic_config *config; /* when it has been checked: of a topic, or */
    const struct group_config *group;  /* of a group */
};

/* One resource of either request. */
struct target {
    int8_t                    type;
    struct bytes              name;
    bool                      replaces; /* all settings; else changes some */
    bool                      is_done;
    size_t                    operand_count;
    struct operand           *operands;
    int16_t                   code;
    struct bytes              text;
    struct topic_get_item    *item;
    struct topic_alter_call  *alter;
    struct group_policy_view     *told;
    struct group_policy_set_call *tell;
};

struct alter_state {
    size_t                 count;
    struct target         *targets;
    bool                   is_check_only;
    unsigned               round;
    struct topic_get_call *get;
    struct group_policy_get_call *told;
    void (*answer)(struct kafka_request *r);
};

/* ---- refusals ---- */

/* "sentence: 'about'." */
static void refuse(struct kafka_request *r, struct target *t, int16_t code, const char *sentence,
                   struct bytes about)
{
    size_t     len = about.len < KAFKA_NAME_BYTES_MAX ? about.len : KAFKA_NAME_BYTES_MAX;
    struct buf text;

    buf_init(&text);
    if (bytes_is_null(about))
        buf_printf(&text, "%s.", sentence);
    else
        buf_printf(&text, "%s: '%.*s'.", sentence, (int)len, (const char *)about.at);
    t->code = code;
    t->text = kafka_text(r, &text);
    t->is_done = true;
}

static void refuse_err(struct kafka_request *r, struct target *t, enum err err)
{
    refuse(r, t, kafka_error(err), err_text(err), t->name);
}

static bool check_operand(struct kafka_request *r, struct target *t, struct operand *o)
{
    if (t->type == RESOURCE_GROUP)
        o->group = group_config_find(o->name);
    else
        o->config = topic_config_find(o->name);
    if ((unsigned)o->operation >= OP_COUNT)
        refuse(r, t, KAFKA_INVALID_REQUEST, "This operation is unknown, on", o->name);
    else if (bytes_is_null(o->value) && o->operation != OP_DELETE)
        refuse(r, t, KAFKA_INVALID_REQUEST, "Null is not supported as the value of", o->name);
    else if (!o->config && !o->group)
        refuse(r, t, KAFKA_INVALID_CONFIG,
               t->type == RESOURCE_GROUP ? "Unknown group config name" : "Unknown topic config name", o->name);
    else if (o->operation >= OP_APPEND && (!o->config || o->config->type != CONFIG_LIST))
        refuse(r, t, KAFKA_INVALID_CONFIG, "Nothing can be added to or taken from what is no list",
               o->name);
    return !t->is_done;
}

static void check_operands(struct kafka_request *r, struct target *t)
{
    struct map names;

    map_init(&names);
    for (size_t i = 0; i < t->operand_count && !t->is_done; i++) {
        struct operand *o = &t->operands[i];

        if (map_put(&names, o->name, o))
            refuse(r, t, KAFKA_INVALID_REQUEST, "The request names a setting twice", o->name);
        else
            check_operand(r, t, o);
    }
    map_fini(&names);
}

static void refuse_with(struct target *t, struct resource_refusal why)
{
    t->is_done = true;
    t->code = why.code;
    t->text = why.text;
}

/* Anything that is said of a broker is too much. */
static void check_broker(struct kafka_request *r, struct target *t)
{
    struct resource_refusal why = resource_check_broker(r, t->name);

    refuse_with(t, why);
    if (why.code == KAFKA_NONE && t->operand_count > 0)
        refuse(r, t, KAFKA_INVALID_REQUEST, "Cannot update these configs dynamically",
               t->operands[0].name);
}

static void check_target(struct kafka_request *r, struct target *t)
{
    struct resource_refusal why;

    switch (t->type) {
    case RESOURCE_TOPIC:
        check_operands(r, t);
        break;
    case RESOURCE_BROKER:
        check_broker(r, t);
        break;
    case RESOURCE_GROUP:
        why = resource_check_group(t->name);
        if (why.code == KAFKA_NONE)
            check_operands(r, t);
        else
            refuse_with(t, why);
        break;
    default:
        refuse_with(t, resource_no_settings(r, t->type));
    }
}

/* A resource that is named twice is not touched. */
static void refuse_doubles(struct kafka_request *r)
{
    struct alter_state *s = r->state;
    struct map          names;

    map_init(&names);
    for (size_t i = 0; i < s->count; i++) {
        struct target *t = &s->targets[i];
        struct buf     key;
        struct target *other;

        buf_init(&key);
        buf_u8(&key, (uint8_t)t->type);
        buf_bytes(&key, t->name);
        other = map_put(&names, kafka_text(r, &key), t);
        if (!other)
            continue;
        refuse(r, t, KAFKA_INVALID_REQUEST, "Each resource must appear at most once", t->name);
        refuse(r, other, KAFKA_INVALID_REQUEST, "Each resource must appear at most once", t->name);
    }
    map_fini(&names);
}

/* ---- lists ---- */

static bool has_word(struct bytes list, struct bytes wanted)
{
    struct bytes word;
    size_t       from = 0;

    while (topic_config_next_word(list, &from, &word)) {
        if (bytes_eq(word, wanted))
            return true;
    }
    return false;
}

static void add_words(struct buf *to, struct bytes from, struct bytes without)
{
    struct bytes word;
    size_t       at = 0;

    while (topic_config_next_word(from, &at, &word)) {
        if (word.len == 0 || has_word(without, word))
            continue;
        if (to->len > 0)
            buf_u8(to, ',');
        buf_bytes(to, word);
    }
}

/* What a list becomes. */
static struct bytes edited_list(struct kafka_request *r, const struct operand *o, struct bytes old)
{
    const struct bytes none = bytes_of("", 0);
    struct buf         text;

    if (bytes_is_null(old))
        old = bytes_str(o->config->value);
    buf_init(&text);
    add_words(&text, old, o->operation == OP_SUBTRACT ? o->value : none);
    if (o->operation == OP_APPEND)
        add_words(&text, o->value, old);
    if (text.len > 0)
        return kafka_text(r, &text);
    buf_fini(&text);
    return none;
}

/* ---- the new settings ---- */

static const struct operand *operand_of(const struct target *t, const struct topic_config *c)
{
    for (size_t i = 0; i < t->operand_count; i++) {
        if (t->operands[i].config == c)
            return &t->operands[i];
    }
    return NULL;
}

/* Null: at its default. */
static struct bytes new_value(struct kafka_request *r, const struct target *t,
                              const struct topic_config *c)
{
    const struct operand    *o = operand_of(t, c);
    const struct topic_view *view = &t->item->view;
    char                    *space = arena_new(&r->arena, CONFIG_SHOWN_BYTES);
    struct bytes             old = topic_config_show(c, view->native[DOOR_KAFKA], &view->policy, space);

    if (!o)
        return t->replaces ? (struct bytes){ 0 } : old;
    if (o->operation == OP_DELETE)
        return (struct bytes){ 0 };
    return o->operation == OP_SET ? o->value : edited_list(r, o, old);
}

static bool write_settings(struct kafka_request *r, struct target *t, struct buf *native)
{
    for (size_t i = 0; i < topic_config_count; i++) {
        const struct topic_config *c = &topic_configs[i];
        struct bytes               value = new_value(r, t, c);
        const char                *why = NULL;

        if (bytes_is_null(value))
            continue;
        if (operand_of(t, c))
            why = topic_config_check(c, value, kafka_nodes_of(r).count);
        if (why) {
            refuse(r, t, KAFKA_INVALID_CONFIG, why, bytes_str(c->name));
            return false;
        }
        topic_config_write(native, c, value);
    }
    kafka_replication_write(native, kafka_replication_read(t->item->view.native[DOOR_KAFKA]));
    return true;
}

/* The call that brings the new settings about; NULL: they are refused. */
static struct topic_alter_call *alter_call(struct kafka_request *r, struct target *t)
{
    const struct topic_view *view = &t->item->view;
    struct topic_policy      policy;
    struct topic_alter_call *c;
    struct bytes             kept = { 0 };
    const char              *why = NULL;
    struct buf               native;

    buf_init(&native);
    if (write_settings(r, t, &native) && native.len > 0)
        kept = arena_bytes(&r->arena, buf_view(&native));
    buf_fini(&native);
    if (!t->is_done)
        why = topic_config_alter(kept, &view->policy, &policy);
    if (why)
        refuse(r, t, KAFKA_INVALID_CONFIG, why, (struct bytes){ 0 });
    if (t->is_done)
        return NULL;
    c = kafka_call(r, sizeof *c, CALL_TOPIC_ALTER);
    c->ns = kafka_ns();
    c->uuid = view->uuid;
    c->set_policy = true;
    c->policy = policy;
    c->set_native = true;
    c->door = DOOR_KAFKA;
    c->native = kept;
    c->expects_native = true;
    c->native_before = view->native[DOOR_KAFKA];
    return c;
}

/* ---- groups ---- */

static struct bytes new_group_value(const struct target *t, const struct group_config *c)
{
    for (size_t i = 0; i < t->operand_count; i++) {
        const struct operand *o = &t->operands[i];

        if (o->group == c)
            return o->operation == OP_DELETE ? (struct bytes){ 0 } : o->value;
    }
    return t->replaces ? (struct bytes){ 0 } : topic_config_read_name(t->told->native, c->name);
}

static bool write_group_settings(struct kafka_request *r, struct target *t, struct buf *native)
{
    for (size_t i = 0; i < group_config_count; i++) {
        const struct group_config *c = &group_configs[i];
        struct bytes               value = new_group_value(t, c);
        const char                *why = bytes_is_null(value) ? NULL : group_config_check(c, value);

        if (why) {
            refuse(r, t, KAFKA_INVALID_CONFIG, why, bytes_str(c->name));
            return false;
        }
        if (!bytes_is_null(value))
            topic_config_write_name(native, c->name, value);
    }
    return true;
}

/* The call that brings the new settings about; NULL: they are refused. */
static struct group_policy_set_call *tell_call(struct kafka_request *r, struct target *t)
{
    struct group_policy_set_call *c = kafka_call(r, sizeof *c, CALL_GROUP_POLICY_SET);
    const char                   *why = NULL;
    struct buf                    native;

    buf_init(&native);
    if (write_group_settings(r, t, &native) && native.len > 0)
        c->native = arena_bytes(&r->arena, buf_view(&native));
    buf_fini(&native);
    if (!t->is_done)
        why = group_config_policy(c->native, &c->policy);
    if (why)
        refuse(r, t, KAFKA_INVALID_CONFIG, why, (struct bytes){ 0 });
    c->ns = kafka_ns();
    c->group = t->name;
    c->native_before = t->told->native;
    return t->is_done ? NULL : c;
}

static void take_group(struct kafka_request *r, struct target *t)
{
    const struct alter_state *s = r->state;

    t->tell = tell_call(r, t);
    if (t->tell && !s->is_check_only)
        kafka_submit(r, t->tell);
    else
        t->is_done = true;
}

/* ---- rounds ---- */

static void begin_round(struct kafka_request *r);

static void on_altered(struct kafka_request *r)
{
    struct alter_state *s = r->state;
    bool                again = false;

    for (size_t i = 0; i < s->count; i++) {
        struct target *t = &s->targets[i];
        enum err       err;

        if (t->is_done)
            continue;
        err = t->type == RESOURCE_GROUP ? t->tell->call.err : t->alter->call.err;
        if (err == ERR_IN_USE && s->round < ROUNDS_MAX) {
            again = true;
            continue;
        }
        t->is_done = true;
        if (err)
            refuse_err(r, t, err);
    }
    if (again)
        begin_round(r);
    else
        s->answer(r);
}

static void take_topic(struct kafka_request *r, struct target *t)
{
    struct alter_state *s = r->state;
    enum err            err = s->get->call.err ? s->get->call.err : t->item->err;

    if (!err && t->item->view.is_private)
        err = ERR_NO_TOPIC;
    if (err == ERR_NO_TOPIC && !kafka_is_topic_name(t->name))
        err = ERR_BAD_NAME;
    if (err) {
        refuse_err(r, t, err);
        return;
    }
    t->alter = alter_call(r, t);
    if (t->alter && !s->is_check_only)
        kafka_submit(r, t->alter);
    else
        t->is_done = true;
}

static void on_got(struct kafka_request *r)
{
    struct alter_state *s = r->state;

    r->on_calls_done = on_altered;
    for (size_t i = 0; i < s->count; i++) {
        struct target *t = &s->targets[i];

        if (t->is_done)
            continue;
        if (t->type == RESOURCE_GROUP)
            take_group(r, t);
        else
            take_topic(r, t);
    }
    if (r->calls_out == 0)
        s->answer(r);
}

/* What its settings are now. */
static void ask(struct alter_state *s, struct target *t)
{
    if (t->type == RESOURCE_GROUP) {
        t->told = &s->told->items[s->told->item_count++];
        t->told->group = t->name;
    } else {
        t->item = &s->get->items[s->get->item_count++];
        t->item->name = t->name;
    }
}

static void begin_round(struct kafka_request *r)
{
    struct alter_state *s = r->state;

    s->round++;
    s->get = kafka_call(r, sizeof *s->get, CALL_TOPIC_GET);
    s->get->ns = kafka_ns();
    s->get->items = kafka_array(r, s->count, sizeof *s->get->items);
    s->told = kafka_call(r, sizeof *s->told, CALL_GROUP_POLICY_GET);
    s->told->ns = kafka_ns();
    s->told->items = kafka_array(r, s->count, sizeof *s->told->items);
    for (size_t i = 0; i < s->count; i++) {
        if (!s->targets[i].is_done)
            ask(s, &s->targets[i]);
    }
    r->on_calls_done = on_got;
    if (s->get->item_count > 0)
        kafka_submit(r, s->get);
    if (s->told->item_count > 0)
        kafka_submit(r, s->told);
    if (r->calls_out == 0)
        s->answer(r);
}

static void begin(struct kafka_request *r)
{
    struct alter_state *s = r->state;

    refuse_doubles(r);
    for (size_t i = 0; i < s->count; i++) {
        if (!s->targets[i].is_done)
            check_target(r, &s->targets[i]);
    }
    begin_round(r);
}

static struct alter_state *begin_state(struct kafka_request *r, size_t count, bool is_check_only,
                                       void (*answer)(struct kafka_request *r))
{
    struct alter_state *s = arena_struct(&r->arena, struct alter_state);

    s->count = count;
    s->targets = kafka_array(r, count, sizeof *s->targets);
    s->is_check_only = is_check_only;
    s->answer = answer;
    r->state = s;
    return s;
}

/* ---- IncrementalAlterConfigs ---- */

static void answer_incremental(struct kafka_request *r)
{
    const struct alter_state                 *s = r->state;
    struct incremental_alter_configs_response a = { .responses = { .count = s->count } };

    a.responses.at = kafka_array(r, s->count, sizeof *a.responses.at);
    for (size_t i = 0; i < s->count; i++) {
        const struct target *t = &s->targets[i];

        a.responses.at[i] = (struct incremental_alter_configs_response_response){
            .error_code = t->code,
            .error_message = t->text,
            .resource_type = t->type,
            .resource_name = t->name,
        };
    }
    kafka_answer(r, &a);
}

void kafka_on_incremental_alter_configs(struct kafka_request *r)
{
    const struct incremental_alter_configs_request *q = r->body;
    struct alter_state *s = begin_state(r, q->resources.count, q->validate_only, answer_incremental);

    for (size_t i = 0; i < s->count; i++) {
        const struct incremental_alter_configs_request_resource *from = &q->resources.at[i];
        struct target                                           *t = &s->targets[i];

        t->type = from->resource_type;
        t->name = from->resource_name;
        t->operand_count = from->configs.count;
        t->operands = kafka_array(r, t->operand_count, sizeof *t->operands);
        for (size_t k = 0; k < t->operand_count; k++)
            t->operands[k] = (struct operand){
                .operation = (enum operation)from->configs.at[k].config_operation,
                .name = from->configs.at[k].name,
                .value = from->configs.at[k].value,
            };
    }
    begin(r);
}

/* ---- AlterConfigs ---- */

static void answer_alter(struct kafka_request *r)
{
    const struct alter_state     *s = r->state;
    struct alter_configs_response a = { .responses = { .count = s->count } };

    a.responses.at = kafka_array(r, s->count, sizeof *a.responses.at);
    for (size_t i = 0; i < s->count; i++) {
        const struct target *t = &s->targets[i];

        a.responses.at[i] = (struct alter_configs_response_response){
            .error_code = t->code,
            .error_message = t->text,
            .resource_type = t->type,
            .resource_name = t->name,
        };
    }
    kafka_answer(r, &a);
}

void kafka_on_alter_configs(struct kafka_request *r)
{
    const struct alter_configs_request *q = r->body;
    struct alter_state *s = begin_state(r, q->resources.count, q->validate_only, answer_alter);

    for (size_t i = 0; i < s->count; i++) {
        const struct alter_configs_request_resource *from = &q->resources.at[i];
        struct target                               *t = &s->targets[i];

        t->type = from->resource_type;
        t->name = from->resource_name;
        t->replaces = true;
        t->operand_count = from->configs.count;
        t->operands = kafka_array(r, t->operand_count, sizeof *t->operands);
        for (size_t k = 0; k < t->operand_count; k++)
            t->operands[k] = (struct operand){ OP_SET, from->configs.at[k].name,
                                               from->configs.at[k].value, NULL, NULL };
    }
    begin(r);
}
