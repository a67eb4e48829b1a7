/* model_exchange.c - see model_exchange.h. */
#include "model_exchange.h"
#include "base/mem.h"
#include "world.h"

#include <stdio.h>
#include <stdlib.h>

/* ---- headers ---- */

static const char *const header_names[HEADERS] = { "a", "b", "x-c" };

static bool is_x(int header)
{
    return header_names[header][0] == 'x';
}

static void put_name(struct buf *out, const char *name)
{
    buf_u8(out, (uint8_t)strlen(name));
    buf_str(out, name);
}

static void put_text(struct buf *out, const char *name, const char *text)
{
    put_name(out, name);
    buf_u8(out, 'S');
    buf_u32(out, (uint32_t)strlen(text));
    buf_str(out, text);
}

static void put_header(struct buf *out, const char *name, enum m_header value)
{
    switch (value) {
    case HEADER_VOID:
        put_name(out, name);
        buf_u8(out, 'V');
        break;
    case HEADER_A:
    case HEADER_B:
        put_text(out, name, value == HEADER_A ? "A" : "B");
        break;
    case HEADER_ONE:
        put_name(out, name);
        buf_u8(out, 'b');
        buf_u8(out, 1);
        break;
    case HEADER_ONE_WIDE:
        put_name(out, name);
        buf_u8(out, 'l');
        buf_u64(out, 1);
        break;
    case HEADER_NONE:
    case HEADER_KINDS:
        break;
    }
}

void m_headers_encode(const struct m_headers *h, struct buf *out)
{
    static const char *const words[MATCH_KINDS] = { NULL, "all", "any", "all-with-x",
                                                    "any-with-x" };

    if (words[h->match])
        put_text(out, "x-match", words[h->match]);
    for (int i = 0; i < HEADERS; i++)
        put_header(out, header_names[i], h->at[i]);
}

void m_exchange_encode(const struct m_exchange *x, struct buf *out)
{
    if (x->life == 0)
        return;
    put_name(out, "life");
    buf_u8(out, 'l');
    buf_u64(out, x->life);
}

bool m_exchange_is(const struct m_exchange *x, const struct exchange_view *v)
{
    struct buf life;
    bool       is_it;

    buf_init(&life);
    m_exchange_encode(x, &life);
    is_it = bytes_eq_str(v->name, x->name) && bytes_eq_str(v->type, route_type_name(x->type)) &&
            v->is_durable == x->is_durable && v->is_auto_delete == x->is_auto_delete &&
            v->is_internal == x->is_internal && bytes_eq(v->arguments, buf_view(&life));
    buf_fini(&life);
    return is_it;
}

/* Integers of all widths are one kind. */
static enum m_header kind_of(enum m_header value)
{
    return value == HEADER_ONE_WIDE ? HEADER_ONE : value;
}

static bool headers_match(const struct m_headers *want, const struct m_headers *have)
{
    bool is_any = want->match == MATCH_ANY || want->match == MATCH_ANY_WITH_X;
    bool with_x = want->match == MATCH_ALL_WITH_X || want->match == MATCH_ANY_WITH_X;
    int  asked = 0;
    int  met = 0;

    for (int i = 0; i < HEADERS; i++) {
        if (want->at[i] == HEADER_NONE || (is_x(i) && !with_x))
            continue;
        asked++;
        met += have->at[i] != HEADER_NONE &&
               (want->at[i] == HEADER_VOID || kind_of(want->at[i]) == kind_of(have->at[i]));
    }
    return is_any ? met > 0 : met == asked;
}

/* ---- patterns of words; NULL: no words ---- */

static const char *words_of(const char *key)
{
    return key[0] != 0 ? key : NULL;
}

static const char *next_word(const char *at)
{
    const char *dot = strchr(at, '.');

    return dot ? dot + 1 : NULL;
}

static bool is_word(const char *at, const char *word)
{
    size_t len = strcspn(word, ".");

    return strcspn(at, ".") == len && memcmp(at, word, len) == 0;
}

static bool words_match(const char *pattern, const char *key)
{
    if (!pattern)
        return !key;
    if (is_word(pattern, "#"))
        return words_match(next_word(pattern), key) ||
               (key && words_match(pattern, next_word(key)));
    return key && (is_word(pattern, "*") || is_word(pattern, key)) &&
           words_match(next_word(pattern), next_word(key));
}

/* ---- exchanges ---- */

static struct m_exchange *add_exchange(struct model *m, const struct m_exchange *like)
{
    struct m_exchange *x = mem_copy(like, sizeof *like);

    x->next = m->exchanges;
    m->exchanges = x;
    return x;
}

void model_begin_exchanges(struct model *m)
{
    static const struct m_exchange born[] = {
        { .name = "", .type = ROUTE_DIRECT, .is_durable = true },
        { .name = "amq.direct", .type = ROUTE_DIRECT, .is_durable = true },
        { .name = "amq.fanout", .type = ROUTE_FANOUT, .is_durable = true },
        { .name = "amq.topic", .type = ROUTE_TOPIC, .is_durable = true },
        { .name = "amq.headers", .type = ROUTE_HEADERS, .is_durable = true },
        { .name = "amq.match", .type = ROUTE_HEADERS, .is_durable = true },
    };

    for (size_t i = 0; i < COUNT(born); i++)
        add_exchange(m, &born[i]);
}

void model_free_exchanges(struct model *m)
{
    struct m_exchange *x;
    struct m_binding  *b;

    while ((b = m->bindings) != NULL) {
        m->bindings = b->next;
        free(b);
    }
    while ((x = m->exchanges) != NULL) {
        m->exchanges = x->next;
        free(x);
    }
}

struct m_exchange *model_exchange(struct model *m, const char *name)
{
    for (struct m_exchange *x = m->exchanges; x; x = x->next)
        if (!x->gone && strcmp(x->name, name) == 0)
            return x;
    return NULL;
}

struct m_exchange *model_make_exchange(struct model *m, const struct m_exchange *like,
                                       uint64_t number)
{
    struct m_exchange *x = add_exchange(m, like);

    x->made = number;
    return x;
}

static bool is_there(const struct m_binding *b)
{
    return !b->gone && m_binding_has_ends(b);
}

bool m_exchange_is_used(const struct model *m, const struct m_exchange *x)
{
    for (const struct m_binding *b = m->bindings; b; b = b->next)
        if (b->source == x && is_there(b))
            return true;
    return false;
}

/* The next one that E3 ends. */
static struct m_exchange *find_unused(const struct model *m)
{
    for (struct m_exchange *x = m->exchanges; x; x = x->next)
        if (!x->gone && x->is_auto_delete && x->was_bound && !m_exchange_is_used(m, x))
            return x;
    return NULL;
}

/* Nobody knows whether it was bound at all. */
static bool has_doubtful_binding(const struct model *m, const struct m_exchange *x)
{
    for (const struct m_binding *b = m->bindings; b; b = b->next)
        if (b->source == x && b->is_doubtful)
            return true;
    return false;
}

void model_sweep_exchanges(struct model *m, uint64_t number)
{
    struct m_exchange *x;

    while ((x = find_unused(m)) != NULL) {
        TRACE(m->world, "exchange %s goes with its last binding", x->name);
        x->is_doubtful |= has_doubtful_binding(m, x);
        x->gone = number;
    }
}

void model_end_exchange(struct model *m, struct m_exchange *x, uint64_t number)
{
    x->gone = number;
    model_sweep_exchanges(m, number);
}

/* ---- bindings ---- */

bool m_binding_has_ends(const struct m_binding *b)
{
    return !b->source->gone && (b->queue ? m_queue_is(b->queue) : !b->exchange->gone);
}

static bool is_same(const struct m_binding *a, const struct m_binding *b)
{
    return a->source == b->source && a->queue == b->queue && a->exchange == b->exchange &&
           strcmp(a->terms.key, b->terms.key) == 0 &&
           memcmp(&a->terms.arguments, &b->terms.arguments, sizeof a->terms.arguments) == 0;
}

struct m_binding *model_binding(struct model *m, const struct m_binding *like)
{
    for (struct m_binding *b = m->bindings; b; b = b->next)
        if (is_same(b, like))
            return b;
    return NULL;
}

void model_make_binding(struct model *m, const struct m_binding *like, uint64_t number)
{
    struct m_binding *b = model_binding(m, like);

    if (b && !b->gone)
        return;
    if (!b) {
        b = mem_copy(like, sizeof *like);
        b->next = m->bindings;
        m->bindings = b;
    }
    b->made = number;
    b->gone = 0;
    b->source->was_bound = true;
}

void model_end_binding(struct model *m, struct m_binding *b, uint64_t number)
{
    b->gone = number;
    model_sweep_exchanges(m, number);
}

/* ---- crashes ---- */

static void doubt_all(struct model *m)
{
    uint64_t durable = m->world->durable;

    for (struct m_binding *b = m->bindings; b; b = b->next)
        b->is_doubtful |= b->made > durable || b->gone > durable;
    for (struct m_exchange *x = m->exchanges; x; x = x->next)
        x->is_doubtful |= x->made > durable || x->gone > durable;
}

void model_exchanges_on_crash(struct model *m)
{
    uint64_t number = m->world->last_number;

    doubt_all(m);
    for (struct m_exchange *x = m->exchanges; x; x = x->next)
        if (!x->is_durable) {
            x->gone = x->gone ? x->gone : number;
            x->is_doubtful = false;
        }
    model_sweep_exchanges(m, number);
}

/* ---- where a message goes ---- */

/* Each topic gets it once. */
static void reach(struct m_batch *b, struct m_topic *t)
{
    for (uint32_t i = 0; i < b->target_count; i++)
        if (b->targets[i].topic == t)
            return;
    m_batch_add_target(b, t, -1);
}

static void route_default(struct model *m, const char *key, struct m_batch *b)
{
    struct m_queue *q = model_queue(m, key);
    struct m_topic *t = q && m_queue_has_own_topic(q) ? q->topic : model_topic(m, key);

    if (t)
        reach(b, t);
}

static bool key_matches(const struct m_binding *b, const char *key)
{
    if (b->source->type == ROUTE_DIRECT)
        return strcmp(b->terms.key, key) == 0;
    return words_match(words_of(b->terms.key), words_of(key));
}

static bool binding_matches(const struct m_binding *b, const struct m_address *to)
{
    bool is_it;

    if (b->source->type == ROUTE_FANOUT)
        return true;
    if (b->source->type == ROUTE_HEADERS)
        return headers_match(&b->terms.arguments, &to->headers);
    is_it = key_matches(b, to->key);
    for (uint32_t i = 0; i < to->more_count; i++)
        is_it |= key_matches(b, to->more[i]);
    return is_it;
}

static void visit(struct model *m, struct m_exchange *x, const struct m_address *to,
                  struct m_batch *b)
{
    if (x->visit == b->first_id)
        return;
    x->visit = b->first_id;
    for (const struct m_binding *at = m->bindings; at; at = at->next) {
        if (at->source != x || !is_there(at) || !binding_matches(at, to))
            continue;
        if (at->exchange)
            visit(m, at->exchange, to, b);
        else if (m_queue_has_own_topic(at->queue))
            reach(b, at->queue->topic);
    }
}

void model_route(struct model *m, struct m_exchange *x, const struct m_address *to,
                 struct m_batch *b)
{
    if (x->name[0] != 0) {
        visit(m, x, to, b);
        return;
    }
    route_default(m, to->key, b);
    for (uint32_t i = 0; i < to->more_count; i++)
        route_default(m, to->more[i], b);
}

/* ---- drawing ---- */

static void draw_words(struct draw *d, const char *const *words, size_t count, char out[KEY_BYTES])
{
    uint64_t n = draw_below(d, 4);
    size_t   len = 0;

    out[0] = 0;
    for (uint64_t i = 0; i < n; i++)
        len += (size_t)snprintf(out + len, KEY_BYTES - len, "%s%s", i > 0 ? "." : "",
                                words[draw_below(d, count)]);
}

void draw_key(struct draw *d, char out[KEY_BYTES])
{
    static const char *const words[] = { "x", "y", "xy" };

    draw_words(d, words, COUNT(words), out);
}

void draw_pattern(struct draw *d, char out[KEY_BYTES])
{
    static const char *const words[] = { "x", "y", "xy", "*", "*", "#" };

    draw_words(d, words, draw_one_in(d, 3) ? 3 : COUNT(words), out);
}

void draw_headers(struct draw *d, struct m_headers *out, bool is_binding)
{
    *out = (struct m_headers){ 0 };
    if (is_binding)
        out->match = (enum x_match)draw_below(d, MATCH_KINDS);
    for (int i = 0; i < HEADERS; i++)
        if (draw_one_in(d, 2))
            out->at[i] = (enum m_header)draw_below(d, HEADER_KINDS);
}
