/* compactor.c - see compactor.h. */
#include "engine/compactor.h"
#include "engine/compact.h"
#include "engine/move.h"
#include "engine/txn.h"

#include <assert.h>
#include <stdlib.h>

enum {
    PASS_LOGS_MAX = 256,
    STEP_BYTES = 32 << 20,   /* of one move */
    STEP_BATCHES = 64 * 1024, /* of those in the journal */
    JUDGE_PARTS_MAX = 4096,
    JUDGED_PER_MS_MAX = 1000, /* logs in one millisecond of engine time */
    JUDGE_MS = 1000,  /* between two looks at a log that gets appends */
    RETRY_MS = 15000, /* after a full disk */
    BUSY_MS = 100,    /* somebody else moves something of the log */
};

/* ---- when a pass is due ---- */

static int64_t time_of(const struct log_part *p)
{
    return p->max_timestamp_ms < 0 ? p->append_ms : p->max_timestamp_ms;
}

static int64_t later(int64_t ms, int64_t span_ms)
{
    return span_ms > INT64_MAX - ms ? INT64_MAX : ms + span_ms;
}

/* When this part is not of the newest ones any more, if nothing is appended; INT64_MAX: never. */
static int64_t closes_at(const struct log *l, const struct log_part *p, uint64_t bytes_behind)
{
    const struct topic_policy *policy = &l->topic->policy;
    int64_t                    span_ms = policy->segment_ms;
    int64_t                    at_ms = 0;

    if (p->end >= l->end || p->end > l->durable || p->end > txn_log_stable(l))
        return INT64_MAX;
    if (policy->max_compaction_lag_ms > 0 && policy->max_compaction_lag_ms < span_ms)
        span_ms = policy->max_compaction_lag_ms;
    if (bytes_behind < (uint64_t)policy->segment_bytes)
        at_ms = later(p->append_ms, span_ms);
    if (policy->min_compaction_lag_ms > 0 && later(time_of(p), policy->min_compaction_lag_ms) > at_ms)
        at_ms = later(time_of(p), policy->min_compaction_lag_ms);
    return at_ms;
}

/* Of whole parts. */
static uint64_t count_bytes(const struct log *l, uint64_t from, uint64_t to)
{
    struct log_part p;
    uint64_t        bytes = 0;

    for (; from < to && log_part(l, from, &p) && p.end <= to; from = p.end)
        bytes += p.bytes;
    return bytes;
}

static uint64_t dirty_from(const struct log *l)
{
    return l->clean > l->start ? l->clean : l->start;
}

/* Begins to count again where it is dirty. */
static void recount(struct cleaning *c)
{
    struct log *l = c->log;

    c->counted_from = l->start;
    c->clean_bytes = count_bytes(l, l->start, l->clean);
    c->closed = dirty_from(l);
    c->dirty_bytes = 0;
}

/* Moves closed on. Returns when it can go on, if nothing is appended. */
static int64_t advance(struct engine *e, struct cleaning *c)
{
    struct log     *l = c->log;
    struct log_part p;

    if (c->counted_from != l->start)
        recount(c);
    for (int n = 0; log_part(l, c->closed, &p); n++) {
        uint64_t before = c->clean_bytes + c->dirty_bytes + p.bytes;
        int64_t  at_ms;

        if (p.base < c->closed && c->closed != dirty_from(l)) { /* what was apart is one extent now */
            recount(c);
            continue;
        }
        at_ms = closes_at(l, &p, l->bytes > before ? l->bytes - before : 0);
        if (at_ms > e->now_ms)
            return at_ms;
        if (n == JUDGE_PARTS_MAX) /* Z4 */
            return e->now_ms + 1;
        c->dirty_bytes += p.bytes;
        c->closed = p.end;
    }
    return INT64_MAX;
}

static bool is_dirty_enough(const struct cleaning *c)
{
    uint64_t ratio = c->log->topic->policy.dirty_ratio;
    uint64_t all = c->clean_bytes + c->dirty_bytes;

    return c->dirty_bytes >
           all / DIRTY_RATIO_ONE * ratio + all % DIRTY_RATIO_ONE * ratio / DIRTY_RATIO_ONE;
}

/* The time at which the log needs a pass whatever its ratio, if nothing is appended. */
static int64_t due_ms(const struct cleaning *c)
{
    const struct log *l = c->log;
    int64_t           max_lag_ms = l->topic->policy.max_compaction_lag_ms;
    int64_t           at_ms = l->horizon_ms > 0 ? l->horizon_ms : INT64_MAX;
    struct log_part   p;

    if (max_lag_ms > 0 && c->dirty_bytes > 0 && log_part(l, l->clean, &p) &&
        later(time_of(&p), max_lag_ms) < at_ms)
        at_ms = later(time_of(&p), max_lag_ms);
    return at_ms;
}

static void start_timer(struct engine *e, struct timer *t, int64_t at_ms)
{
    if (at_ms != INT64_MAX && (!timer_is_started(t) || t->due_ms > at_ms))
        timer_start(&e->timers, t, at_ms);
}

static void judge(struct engine *e, struct cleaning *c)
{
    int64_t next_ms;
    int64_t must_ms;

    log_durable(e, c->log);
    next_ms = advance(e, c);
    must_ms = due_ms(c);
    if (is_dirty_enough(c) || must_ms <= e->now_ms) {
        list_remove(&c->in_line);
        list_push(&e->compactor.line, &c->in_line);
        if (!e->compactor.pass)
            start_timer(e, &e->compactor.timer, e->now_ms + 1);
        return; /* the end of its pass judges it again */
    }
    start_timer(e, &c->timer, next_ms < must_ms ? next_ms : must_ms);
}

/* Z4 */
static bool is_enough(struct engine *e)
{
    struct compactor *c = &e->compactor;

    if (c->judged_ms != e->now_ms) {
        c->judged_ms = e->now_ms;
        c->judged = 0;
    }
    return c->judged++ >= JUDGED_PER_MS_MAX;
}

static void on_judge(struct timer *t, int64_t now_ms)
{
    struct cleaning *c = CONTAINER(t, struct cleaning, timer);
    struct engine   *e = c->log->topic->engine;

    if (is_enough(e))
        timer_start(&e->timers, t, now_ms + 1);
    else
        judge(e, c);
}

/* ---- a pass ---- */

enum phase { NOTING, FILTERING };

/* The last batch that a producer wrote before the pass. */
struct last {
    int64_t  producer;
    uint64_t offset;
};

struct member {
    uint64_t            log;
    uint64_t            start, dirty, end; /* noted: [dirty, end), filtered: [start, end) */
    bool                is_out;            /* gone, damaged, or nothing to do */
    struct compact_pass filter;
    struct last        *lasts; /* by producer */
    size_t              last_count;
    struct txn_aborts   aborts;
};

/* While a move is on its way the tidy thread has it all. */
struct pass {
    enum phase          phase;
    struct key_offsets *keys;
    int64_t             now_ms;
    size_t              count;
    size_t              at;     /* the member whose turn it is */
    uint64_t            offset; /* how far that one has come */
    size_t              hand;   /* the member the tidy thread is at */
    struct member       members[PASS_LOGS_MAX];
};

static void free_pass(void *pass)
{
    struct pass *p = pass;

    for (size_t i = 0; i < p->count; i++) {
        compact_end(&p->members[i].filter);
        free(p->members[i].lasts);
        free(p->members[i].aborts.at);
    }
    key_offsets_free(p->keys);
    free(p);
}

static int by_producer(const void *a, const void *b)
{
    int64_t x = ((const struct last *)a)->producer;
    int64_t y = ((const struct last *)b)->producer;

    return (x > y) - (x < y);
}

static void note_lasts(struct member *m, const struct log *l)
{
    size_t                       at = 0;
    const struct producer_state *p;

    m->lasts = mem_new(l->producers.count * sizeof *m->lasts);
    while ((p = idmap_next(&l->producers, &at)) != NULL) {
        const struct producer_batch *b = &p->batches[p->count > 0 ? p->count - 1 : 0];
        uint32_t span = ((uint32_t)b->last_sequence - (uint32_t)b->first_sequence) & INT32_MAX;

        if (p->count == 0)
            continue;
        m->lasts[m->last_count++] = (struct last){ p->id, b->base_offset + span };
    }
    if (m->last_count > 1)
        qsort(m->lasts, m->last_count, sizeof *m->lasts, by_producer);
}

static bool is_last(void *ctx, int64_t producer, uint64_t offset)
{
    const struct member *m = ctx;
    const struct last    key = { .producer = producer };
    const struct last   *found =
        m->last_count > 0 ? bsearch(&key, m->lasts, m->last_count, sizeof key, by_producer) : NULL;

    return found && found->offset == offset;
}

static bool is_aborted(void *ctx, int64_t producer, uint64_t base)
{
    const struct member *m = ctx;

    return txn_aborts_have(&m->aborts, producer, base);
}

static void add_member(struct pass *p, const struct cleaning *c)
{
    const struct log *l = c->log;
    struct member    *m = &p->members[p->count++];

    m->log = l->id;
    m->start = l->start;
    m->dirty = dirty_from(l);
    m->end = c->closed;
    note_lasts(m, l);
    compact_begin(&m->filter, p->keys, l->id, p->now_ms, l->topic->policy.delete_retention_ms);
    m->aborts = txn_log_aborts(l);
    m->filter.is_last = is_last;
    m->filter.is_aborted = is_aborted;
    m->filter.ctx = m;
}

/* ---- on the tidy thread ---- */

static struct member *member_of(struct pass *p, uint64_t log)
{
    while (p->members[p->hand].log != log)
        p->hand++;
    return &p->members[p->hand];
}

static bool is_aborted_batch(const struct member *m, struct bytes batch, uint64_t base)
{
    struct batch_head head;

    return m->aborts.count > 0 && batch_head(batch, &head) == ERR_OK &&
           head.attributes & BATCH_TRANSACTIONAL &&
           txn_aborts_have(&m->aborts, head.producer_id, base);
}

/* Z3 */
static enum move_answer note(void *ctx, uint64_t log, const struct log_entry *entry,
                             struct bytes batch, struct buf *out)
{
    struct pass   *p = ctx;
    struct member *m = member_of(p, log);

    (void)out;
    if (entry->base_offset >= m->dirty && entry->base_offset < m->end &&
        !is_aborted_batch(m, batch, entry->base_offset) &&
        !compact_note(p->keys, log, batch, entry->base_offset))
        m->end = entry->base_offset;
    return MOVE_SAME;
}

static enum move_answer filter(void *ctx, uint64_t log, const struct log_entry *entry,
                               struct bytes batch, struct buf *out)
{
    static const enum move_answer answers[] = {
        [COMPACT_SAME] = MOVE_SAME,
        [COMPACT_LESS] = MOVE_LESS,
        [COMPACT_GONE] = MOVE_NOT,
    };
    struct member *m = member_of(ctx, log);

    if (entry->base_offset >= m->end)
        return MOVE_SAME;
    return answers[compact_batch(&m->filter, batch, entry->base_offset, out)];
}

/* ---- moves of a pass ---- */

static void on_moved(struct engine *e, struct move *m);

static uint64_t begin_of(const struct pass *p, const struct member *m)
{
    return p->phase == NOTING ? m->dirty : m->start;
}

static void next_member(struct pass *p)
{
    p->at++;
    if (p->at < p->count)
        p->offset = begin_of(p, &p->members[p->at]);
}

static void enter_phase(struct pass *p, enum phase phase)
{
    p->phase = phase;
    p->at = 0;
    p->offset = begin_of(p, &p->members[0]);
}

/* Whether the log can still be worked on. */
static bool is_usable(const struct log *l)
{
    return l && l->cleaning && !l->is_damaged;
}

/* Whether the part is an extent that cannot be read. */
static bool is_bad(const struct log *l, const struct log_part *p)
{
    size_t i = log_extent_index(l, p->base);

    return i < l->extents.count && log_extents(l)[i].base == p->base && log_extents(l)[i].is_bad;
}

static void add_source(struct move *move, struct log *l, const struct log_part *p)
{
    size_t i = log_entry_index(l, p->base);

    if (i < l->entries.count && log_entries(l)[i].base_offset == p->base)
        move_add_batch(move, &log_entries(l)[i]);
    else
        move_add_extent(move, l->id, &log_extents(l)[log_extent_index(l, p->base)]);
}

static bool has_room(const struct engine *e, const struct move *m, const struct log_part *p)
{
    uint64_t most = e->options.segment_bytes / 4;

    if (most > STEP_BYTES)
        most = STEP_BYTES;
    return m->bytes == 0 || (m->bytes + p->bytes <= most && m->batches < STEP_BATCHES);
}

/* Whole parts of one log as one piece. False: there are more, but the move is full. Behind a part
 * that cannot be read nothing is filtered (Z5). */
static bool add_piece(struct engine *e, struct pass *pass, struct move *move, struct log *l)
{
    struct member     *m = &pass->members[pass->at];
    struct log_part    p;
    struct move_piece *piece;

    if (!log_part(l, pass->offset, &p) || p.base >= m->end)
        return true;
    m->is_out = is_bad(l, &p);
    if (m->is_out)
        return true;
    if (!has_room(e, move, &p))
        return false;
    move_add_piece(move, l, p.base, p.end);
    piece = &move->pieces[move->piece_count - 1];
    do {
        add_source(move, l, &p);
        move_add_range(move, p.base, p.end);
        piece->to = pass->offset = p.end;
    } while (log_part(l, pass->offset, &p) && p.base < m->end && !is_bad(l, &p) &&
             has_room(e, move, &p));
    return !log_part(l, pass->offset, &p) || p.base >= m->end;
}

/* False: somebody else is at work on the log whose turn it is. */
static bool gather(struct engine *e, struct pass *pass, struct move *move)
{
    while (pass->at < pass->count) {
        struct member *m = &pass->members[pass->at];
        struct log    *l = idmap_get(&e->logs, m->log);

        if (!is_usable(l))
            m->is_out = true;
        if (!m->is_out && l->is_moving)
            return false;
        if (!m->is_out && !add_piece(e, pass, move, l))
            return true;
        next_member(pass);
    }
    return true;
}

/* One of a log whose keys had no room has nothing to filter, unless its tombstones are of age. */
static void begin_filtering(struct engine *e, struct pass *p)
{
    for (size_t i = 0; i < p->count; i++) {
        struct member    *m = &p->members[i];
        const struct log *l = idmap_get(&e->logs, m->log);

        if (m->end <= m->dirty && !(l && l->horizon_ms > 0 && l->horizon_ms <= p->now_ms))
            m->is_out = true;
    }
    enter_phase(p, FILTERING);
}

enum err compactor_apply_compacted(struct engine *e, struct rd *head, struct bytes payload,
                                   uint64_t position)
{
    struct log *l = idmap_get(&e->logs, rd_uvarint64(head));
    uint64_t    clean = rd_uvarint64(head);
    int64_t     horizon_ms = rd_varint64(head);

    (void)payload;
    (void)position;
    if (head->failed || !l || clean > l->end || horizon_ms < 0)
        return ERR_CORRUPT;
    row_touch(e, &l->row);
    l->clean = clean;
    l->horizon_ms = horizon_ms;
    txn_log_compacted(e, l, clean);
    return ERR_OK;
}

static void commit_member(struct engine *e, const struct member *m)
{
    int64_t     horizon_ms = m->filter.horizon_ms == INT64_MAX ? 0 : m->filter.horizon_ms;
    struct buf  head;
    struct rd   r;
    enum err    err;

    buf_init(&head);
    buf_uvarint(&head, m->log);
    buf_uvarint(&head, m->end);
    buf_varint(&head, horizon_ms);
    engine_change(e, CHANGE_LOG_COMPACTED, &head, (struct slice){ 0 });
    r = rd_of(buf_view(&head));
    err = compactor_apply_compacted(e, &r, bytes_of(NULL, 0), 0);
    assert(err == ERR_OK);
    (void)err;
    buf_fini(&head);
}

/* The pass is over; its logs are judged at next_ms, the next pass begins then at the soonest. */
static void end_pass(struct engine *e, int64_t next_ms)
{
    struct pass *p = e->compactor.pass;

    e->compactor.pass = NULL;
    for (size_t i = 0; i < p->count; i++) {
        struct log *l = idmap_get(&e->logs, p->members[i].log);

        if (!is_usable(l))
            continue;
        recount(l->cleaning);
        start_timer(e, &l->cleaning->timer, next_ms);
    }
    free_pass(p);
    if (!list_empty(&e->compactor.line))
        start_timer(e, &e->compactor.timer, next_ms);
}

/* When nothing could be done, because not even the first batch had room for its keys, or because
 * every log is gone, it is not tried again at once. */
static void commit_pass(struct engine *e, struct pass *p)
{
    bool is_any = false;

    for (size_t i = 0; i < p->count; i++)
        if (!p->members[i].is_out && is_usable(idmap_get(&e->logs, p->members[i].log))) {
            commit_member(e, &p->members[i]);
            is_any = true;
        }
    end_pass(e, e->now_ms + (is_any ? 1 : RETRY_MS));
}

/* The next move of the pass, or its end. */
static void step(struct engine *e, struct pass *p)
{
    struct move *m = move_new(e, on_moved, p);
    size_t       at = p->at;
    bool         is_ready = gather(e, p, m);

    if (m->piece_count > 0) {
        m->filter = p->phase == NOTING ? note : filter;
        m->is_read_only = p->phase == NOTING;
        m->forget = free_pass;
        p->hand = at;
        e->compactor.is_moving = true;
        move_start(m);
        return;
    }
    move_free(m);
    if (!is_ready) {
        start_timer(e, &e->compactor.timer, e->now_ms + BUSY_MS);
    } else if (p->phase == NOTING) {
        begin_filtering(e, p);
        step(e, p);
    } else {
        commit_pass(e, p);
    }
}

/* Z5 */
static void drop_bad_members(struct pass *p, const struct move *m)
{
    for (size_t i = 0; i < m->piece_count; i++)
        if (m->pieces[i].bad != SIZE_MAX)
            for (size_t k = 0; k < p->count; k++)
                if (p->members[k].log == m->pieces[i].log)
                    p->members[k].is_out = true;
}

/* Not at once, so that the engine may come to rest between two moves. */
static void on_moved(struct engine *e, struct move *m)
{
    e->compactor.is_moving = false;
    drop_bad_members(e->compactor.pass, m);
    if (m->err)
        end_pass(e, e->now_ms + RETRY_MS);
    else
        start_timer(e, &e->compactor.timer, e->now_ms + 1);
}

/* ---- passes ---- */

static bool is_small(const struct cleaning *c)
{
    return c->clean_bytes + c->dirty_bytes <= STEP_BYTES / 4;
}

/* It is not compacted any more, until the next start finds that it can be read. */
static bool has_bad_extent(const struct log *l)
{
    for (size_t i = 0; i < l->extents.count; i++)
        if (log_extents(l)[i].is_bad)
            return true;
    return false;
}

/* The logs in line that are still due: one, or several small ones. */
static void take_members(struct engine *e, struct pass *p)
{
    struct list *line = &e->compactor.line;
    uint64_t     bytes = 0;

    while (!list_empty(line) && p->count < PASS_LOGS_MAX && bytes < STEP_BYTES) {
        struct cleaning *c = CONTAINER(line->next, struct cleaning, in_line);

        if (p->count > 0 && !is_small(c))
            return;
        list_remove(&c->in_line);
        if (!is_usable(c->log) || has_bad_extent(c->log))
            continue;
        add_member(p, c);
        bytes += is_small(c) ? c->clean_bytes + c->dirty_bytes : STEP_BYTES;
    }
}

static void begin_pass(struct engine *e)
{
    struct pass *p = mem_new(sizeof *p);

    p->keys = key_offsets_new(e->options.compact_keys_bytes);
    p->now_ms = e->now_ms;
    take_members(e, p);
    if (p->count == 0) {
        free_pass(p);
        return;
    }
    e->compactor.pass = p;
    enter_phase(p, NOTING);
    step(e, p);
}

static void on_timer(struct timer *t, int64_t now_ms)
{
    struct compactor *c = CONTAINER(t, struct compactor, timer);
    struct engine    *e = CONTAINER(c, struct engine, compactor);

    (void)now_ms;
    if (!c->pass)
        begin_pass(e);
    else if (!c->is_moving)
        step(e, c->pass);
}

/* ---- logs that come and go ---- */

void compactor_init(struct engine *e)
{
    list_init(&e->compactor.line);
    e->compactor.timer.fire = on_timer;
}

/* The pass of a move that is out is freed with it. */
void compactor_fini(struct engine *e)
{
    timer_stop(&e->timers, &e->compactor.timer);
    if (e->compactor.pass && !e->compactor.is_moving)
        free_pass(e->compactor.pass);
    e->compactor.pass = NULL;
}

void compactor_on_append(struct engine *e, struct log *l)
{
    if (l->cleaning && list_empty(&l->cleaning->in_line))
        start_timer(e, &l->cleaning->timer, e->now_ms + JUDGE_MS);
}

void compactor_forget(struct engine *e, struct log *l)
{
    if (!l->cleaning)
        return;
    timer_stop(&e->timers, &l->cleaning->timer);
    list_remove(&l->cleaning->in_line);
    free(l->cleaning);
    l->cleaning = NULL;
}

static void begin(struct engine *e, struct log *l)
{
    struct cleaning *c = mem_new(sizeof *c);

    c->log = l;
    c->timer.fire = on_judge;
    list_init(&c->in_line);
    l->cleaning = c;
    recount(c);
    start_timer(e, &c->timer, e->now_ms + 1);
}

void compactor_on_policy(struct engine *e, struct topic *t)
{
    for (uint32_t i = 0; i < t->log_count; i++) {
        compactor_forget(e, t->logs[i]);
        if (t->policy.is_compacted)
            begin(e, t->logs[i]);
    }
}

void compactor_on_recovered(struct engine *e)
{
    size_t        at = 0;
    struct topic *t;

    while ((t = map_next(&e->topics, &at)) != NULL)
        compactor_on_policy(e, t);
}
