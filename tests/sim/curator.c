/*
 * curator.c - see clients.h: decides what topics keep, and trims logs, one thing at a time, so that
 * a crash leaves one of them in doubt at most.
 */
#include "clients.h"
#include "model_keep.h"

struct altering {
    struct request  request;
    char            name[NAME_BYTES];
    struct m_topic *topic; /* that the name meant when the engine saw it */
};

struct trimming {
    struct request request;
    char           name[NAME_BYTES];
    struct m_log  *log; /* likewise */
    uint64_t       end; /* of the log, as far as it was known then */
};

/* ---- policies ---- */

static void draw_limits(struct world *w, struct topic_policy *p)
{
    if (draw_one_in(&w->draw, 4))
        p->retention = RETAIN_BOTH;
    if (draw_one_in(&w->draw, 2))
        p->retention_ms = (int64_t)draw_range(&w->draw, 500, 60000);
    if (draw_one_in(&w->draw, 2))
        p->retention_bytes = (int64_t)draw_range(&w->draw, 100, 20000);
    p->time_basis = draw_one_in(&w->draw, 2) ? TIME_OF_APPEND : TIME_OF_RECORDS;
    p->stamps_append = draw_one_in(&w->draw, 4);
}

static void draw_compaction(struct world *w, struct topic_policy *p)
{
    p->is_compacted = true;
    p->delete_retention_ms = (int64_t)draw_below(&w->draw, 5000);
    if (draw_one_in(&w->draw, 3))
        p->min_compaction_lag_ms = (int64_t)draw_range(&w->draw, 1, 3000);
    if (draw_one_in(&w->draw, 2))
        p->max_compaction_lag_ms = (int64_t)draw_range(&w->draw, 1, 5000);
    p->segment_ms = (int64_t)draw_range(&w->draw, 1, 3000);
    p->segment_bytes = (int64_t)draw_range(&w->draw, 100, 5000);
    p->dirty_ratio = (uint32_t)draw_below(&w->draw, DIRTY_RATIO_ONE / 2);
}

struct topic_policy curator_draw_policy(struct world *w)
{
    struct topic_policy p = topic_policy_default;

    p.retention_ms = 0;
    p.retention = draw_one_in(&w->draw, 3) ? RETAIN_UNTIL_SETTLED : RETAIN_TIME;
    if (w->plan.has[HAS_RETENTION] && draw_one_in(&w->draw, 2))
        draw_limits(w, &p);
    if (w->plan.has[HAS_COMPACTION] && draw_one_in(&w->draw, 2))
        draw_compaction(w, &p);
    return p;
}

static void on_alter(struct request *r)
{
    struct altering                *x = (struct altering *)r;
    const struct topic_alter_call *a = (const struct topic_alter_call *)r->call;

    x->topic = model_topic(r->client->world->model, x->name);
    if (!x->topic)
        return;
    x->topic->before = x->topic->policy;
    x->topic->altered = r->number;
    m_topic_set_policy(x->topic, &a->policy);
}

static void on_altered(struct request *r)
{
    const struct altering         *x = (const struct altering *)r;
    const struct topic_alter_call *a = (const struct topic_alter_call *)r->call;
    enum err                       want = x->topic ? ERR_OK : ERR_NO_TOPIC;

    TRACE(r->client->world, "curator: alter topic %s: %s", x->name, err_name(a->call.err));
    if (a->call.err != want || (!want && !m_topic_is_policy(&a->view.policy, &a->policy)))
        violation(r->client->world, "definitions are as they were made", "alter topic %s: %s",
                  x->name, err_text(a->call.err));
}

/* A topic that a queue made is for messages without keys. */
static void alter(struct client *c, const struct m_topic *t)
{
    static const struct request_kind kind = { .on_submit = on_alter, .on_answer = on_altered };
    struct altering                 *x = request_new(c, &kind, sizeof *x, CALL_TOPIC_ALTER,
                                                     sizeof(struct topic_alter_call));
    struct topic_alter_call         *a = (struct topic_alter_call *)x->request.call;

    memcpy(x->name, t->name, sizeof x->name);
    a->ns = bytes_str(NAMESPACE_DEFAULT);
    a->name = call_bytes(a, bytes_str(x->name));
    a->set_policy = true;
    a->policy = curator_draw_policy(c->world);
    a->policy.is_compacted &= t->name[0] == 't';
    request_send(x);
}

/* ---- trims ---- */

static void on_trim(struct request *r)
{
    struct trimming            *x = (struct trimming *)r;
    const struct log_trim_call *a = (const struct log_trim_call *)r->call;
    struct m_topic             *t = model_topic(r->client->world->model, x->name);
    uint64_t offset = a->offset == OFFSET_LATEST ? UINT64_MAX : (uint64_t)a->offset;

    if (!t || a->partition >= t->partition_count)
        return;
    t->loss.is_trimmed = true;
    x->log = &t->logs[a->partition];
    x->end = x->log->end;
    if (offset > x->log->trim_asked)
        x->log->trim_asked = offset;
}

static bool is_expected(const struct trimming *x, const struct log_trim_call *a)
{
    enum err err = a->call.err;

    if (!x->log)
        return err == ERR_NO_TOPIC || err == ERR_NO_PARTITION;
    if (err)
        return err == ERR_OUT_OF_RANGE && a->offset > (int64_t)x->end;
    return a->log_start >= (a->offset == OFFSET_LATEST ? x->end : (uint64_t)a->offset);
}

static void on_trimmed(struct request *r)
{
    const struct trimming      *x = (const struct trimming *)r;
    const struct log_trim_call *a = (const struct log_trim_call *)r->call;

    TRACE(r->client->world, "curator: trim %s/%u to %lld: %s, it starts at %llu", x->name,
          a->partition, (long long)a->offset, err_name(a->call.err),
          (unsigned long long)a->log_start);
    if (!is_expected(x, a))
        violation(r->client->world, "a trim is answered as it should be", "%s/%u to %lld: %s",
                  x->name, a->partition, (long long)a->offset, err_text(a->call.err));
    if (!x->log)
        return;
    if (!a->call.err)
        model_saw_start(r->client->world->model, x->log,
                        a->offset == OFFSET_LATEST ? a->log_start : (uint64_t)a->offset);
    x->log->trim_asked = x->log->start;
}

static void trim(struct client *c, const struct m_topic *t)
{
    static const struct request_kind kind = { .on_submit = on_trim, .on_answer = on_trimmed };
    struct world                    *w = c->world;
    struct trimming                 *x = request_new(c, &kind, sizeof *x, CALL_LOG_TRIM,
                                                     sizeof(struct log_trim_call));
    struct log_trim_call            *a = (struct log_trim_call *)x->request.call;

    memcpy(x->name, t->name, sizeof x->name);
    a->ns = bytes_str(NAMESPACE_DEFAULT);
    a->name = call_bytes(a, bytes_str(x->name));
    a->partition = (uint32_t)draw_below(&w->draw, t->partition_count);
    a->offset = draw_one_in(&w->draw, 6)
                    ? OFFSET_LATEST
                    : (int64_t)draw_below(&w->draw, t->logs[a->partition].end + 2);
    request_send(x);
}

static void step(struct client *c)
{
    const struct plan *p = &c->world->plan;
    struct m_topic    *t = model_any_topic(c->world->model);

    if (c->out > 0 || !t || t->name[0] == 'c' || !draw_one_in(&c->world->draw, 6))
        return;
    if (p->has[HAS_TRIMS] && draw_one_in(&c->world->draw, 2))
        trim(c, t);
    else if ((p->has[HAS_RETENTION] || p->has[HAS_COMPACTION]) && t->name[0] != 'x')
        alter(c, t);
}

const struct client_kind curator_kind = {
    .name = "curator",
    .size = sizeof(struct client),
    .step = step,
};
