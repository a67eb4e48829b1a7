/* mover.c - see mover.h. */
#include "engine/mover.h"
#include "engine/checkpoint.h"
#include "engine/move.h"


enum {
    MOVE_BYTES_MAX = 128 << 20,
    MOVE_BATCHES_MAX = 256 * 1024,
    TURN_LOGS = 1000,        /* V3 */
    TURN_BATCHES = 20 * 1000,
    LOOK_SHARE = 32,         /* of journal_bytes_max between two looks */
    RETRY_MS = 1000,
    BEHIND = 4,              /* times journal_bytes_max */
    SMALL_SHARE = 1024,      /* V4: of a segment. An extent with fewer bytes is small */
    SMALL_EXTENTS = 16,      /* that many of them, at least and at most */
    SMALL_EXTENTS_MAX = 64,
    RANGE_OFFSETS = 256,     /* what is needed of an extent is asked in steps of this size */
};

void mover_init(struct mover *v)
{
    *v = (struct mover){ 0 };
    list_init(&v->logs);
}

/* ---- when ---- */

static uint64_t index_bytes(const struct engine *e)
{
    return e->pins.total * sizeof(struct log_entry);
}

static bool is_above(const struct engine *e, unsigned share)
{
    return pins_held(&e->pins, journal_end(e->journal)) > e->options.journal_bytes_max / share ||
           index_bytes(e) > e->options.index_bytes_max / share;
}

static void begin_round(struct engine *e)
{
    struct mover *v = &e->mover;
    uint64_t      end = journal_end(e->journal);
    uint64_t      by_bytes = pins_back(&e->pins, end, e->options.journal_bytes_max / 2);
    uint64_t      by_count = pins_back_count(
        &e->pins, end, e->options.index_bytes_max / 2 / sizeof(struct log_entry));

    v->cut = by_bytes > by_count ? by_bytes : by_count;
    v->logs_left = v->log_count;
}

/* ---- what ---- */

bool mover_is_unneeded(const struct log *l, uint64_t from, uint64_t to)
{
    return l->topic->policy.retention == RETAIN_UNTIL_SETTLED &&
           !list_empty(&l->topic->queues) && !queue_any_needs_range(l, from, to);
}

void mover_add_extent(struct move *m, const struct log *l, const struct extent *x)
{
    move_add_extent(m, l->id, x);
    for (uint64_t from = x->base; from < x->end; from += RANGE_OFFSETS) {
        uint64_t to = x->end - from < RANGE_OFFSETS ? x->end : from + RANGE_OFFSETS;

        if (!mover_is_unneeded(l, from, to))
            move_add_range(m, from, to);
    }
}

/* Batches that become one piece, or, when none of them is needed, are dropped. */
struct run {
    size_t   count; /* from the log's first entry on */
    size_t   needed;
    uint64_t bytes; /* of those */
};

static bool is_needed(const struct log *l, const struct log_entry *entry)
{
    return !mover_is_unneeded(l, entry->base_offset, entry->base_offset + entry->count);
}

/* Whether an extent lies between entry i and the one before it. */
static bool is_apart(const struct log *l, size_t i)
{
    size_t x = log_extent_index(l, log_entries(l)[i - 1].base_offset);

    return x < l->extents.count && log_extents(l)[x].base < log_entries(l)[i].base_offset;
}

static struct run take_run(const struct engine *e, const struct log *l, size_t end)
{
    const struct log_entry *at = log_entries(l);
    uint64_t                most = e->options.segment_bytes / 2;
    struct run              r = { 0 };
    size_t                  i = 0;

    if (most > MOVE_BYTES_MAX)
        most = MOVE_BYTES_MAX;
    do {
        bool needed = is_needed(l, &at[i]);

        if (needed && r.bytes > 0 && r.bytes + at[i].batch_len > most)
            break;
        r.needed += needed;
        r.bytes += needed ? at[i].batch_len : 0;
        i++;
    } while (i < end && i < TURN_BATCHES && !is_apart(l, i));
    r.count = i;
    return r;
}

static void add_batches(struct engine *e, const struct log *l, const struct run *r)
{
    const struct log_entry *at = log_entries(l);

    for (size_t i = 0; i < r->count; i++)
        if (is_needed(l, &at[i]))
            move_add_batch(e->mover.move, &at[i]);
}

static void on_done(struct engine *e, struct move *m)
{
    struct mover *v = &e->mover;

    v->move = NULL;
    v->is_started = false;
    v->held = pins_held(&e->pins, journal_end(e->journal));
    if (m->err)
        v->retry_ms = e->now_ms + RETRY_MS;
    else
        checkpoint_want(e->checkpoint);
}

/* V4: how many of the extents right before index past are small, if they are worth taking along. */
static size_t count_small(const struct engine *e, const struct log *l, size_t past)
{
    const struct extent *at = log_extents(l);
    uint64_t             bytes = e->options.segment_bytes / SMALL_SHARE;
    size_t               n = 0;

    while (n < past && n < SMALL_EXTENTS_MAX && at[past - n - 1].bytes < bytes &&
           !at[past - n - 1].is_bad)
        n++;
    return n >= SMALL_EXTENTS ? n : 0;
}

/* The run becomes a piece, with the small extents before it. */
static void add_run(struct engine *e, struct log *l, const struct run *r, uint64_t to)
{
    uint64_t from = log_entries(l)[0].base_offset;
    size_t   past = log_extent_index(l, from);
    size_t   small = count_small(e, l, past);

    if (!e->mover.move)
        e->mover.move = move_new(e, on_done, NULL);
    move_add_piece(e->mover.move, l, small > 0 ? log_extents(l)[past - small].base : from, to);
    for (size_t i = past - small; i < past; i++)
        mover_add_extent(e->mover.move, l, &log_extents(l)[i]);
    add_batches(e, l, r);
}

/* The next run of a log that lies below the cut. Returns how many batches it was. */
static size_t gather_run(struct engine *e, struct log *l, size_t end)
{
    struct run              r = take_run(e, l, end);
    const struct log_entry *last = &log_entries(l)[r.count - 1];
    uint64_t                to = last->base_offset + last->count;

    if (r.needed == 0)
        extent_move(e, l, log_entries(l)[0].base_offset, to, NULL, 0); /* V2 */
    else
        add_run(e, l, &r, to);
    return r.count;
}

/* Entries below the cut; they are in order of position, too. */
static size_t count_below(struct engine *e, struct log *l, uint64_t cut)
{
    const struct log_entry *at = log_entries(l);
    size_t                  low = 0;
    size_t                  high;

    log_durable(e, l);
    high = l->entries.durable; /* V1 */
    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (at[middle].position < cut)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool is_full(const struct move *m)
{
    return m && (m->bytes >= MOVE_BYTES_MAX || m->batches >= MOVE_BATCHES_MAX);
}

/* Returns how many batches it looked at. A log is in a move with one piece at most: what comes
 * behind it has its turn in the next round. */
static size_t gather_log(struct engine *e, struct log *l)
{
    size_t looked = 0;
    size_t below;

    while (!l->is_moving && !l->is_damaged && (below = count_below(e, l, e->mover.cut)) > 0)
        looked += gather_run(e, l, below);
    return looked;
}

static void gather(struct engine *e)
{
    struct mover *v = &e->mover;
    size_t        batches = 0;

    for (size_t n = 0; n < TURN_LOGS && v->logs_left > 0 && batches < TURN_BATCHES; n++) {
        struct log *l = CONTAINER(v->logs.next, struct log, in_journal);

        if (list_empty(&v->logs) || is_full(v->move)) {
            v->logs_left = 0;
            return;
        }
        list_remove(&l->in_journal);
        list_push(&v->logs, &l->in_journal);
        v->logs_left--;
        batches += gather_log(e, l);
    }
}

/* ---- time ---- */

/* Whether the journal has grown enough for it to be worth to look how much of it is held. */
static bool has_grown(struct engine *e)
{
    struct mover *v = &e->mover;
    uint64_t      end = journal_end(e->journal);

    if (end - v->looked_at < e->options.journal_bytes_max / LOOK_SHARE)
        return false;
    v->looked_at = end;
    v->held = pins_held(&e->pins, end);
    return true;
}

static bool may_look(struct engine *e)
{
    struct mover *v = &e->mover;
    bool          is_more = has_grown(e);

    if (v->is_started || e->now_ms < v->retry_ms)
        return false;
    return is_more || v->move || v->logs_left > 0 || v->is_active;
}

/* Small moves tell that something else holds the journal: a damaged log. */
bool mover_is_behind(const struct engine *e)
{
    const struct mover *v = &e->mover;

    return v->is_started && v->held > BEHIND * e->options.journal_bytes_max &&
           v->move->bytes > MOVE_BYTES_MAX / 4;
}

void mover_on_turn(struct engine *e)
{
    struct mover *v = &e->mover;

    if (!may_look(e))
        return;
    if (v->logs_left == 0 && !v->move) {
        v->is_active = is_above(e, v->is_active ? 2 : 1);
        if (!v->is_active)
            return;
        begin_round(e);
    }
    gather(e);
    if (v->logs_left > 0)
        return;
    if (v->move) {
        v->is_started = true;
        move_start(v->move);
    } else {
        v->is_active = false; /* all that is left is too new, or damaged */
    }
}

bool mover_wants_turn(const struct engine *e)
{
    const struct mover *v = &e->mover;

    return !v->is_started && v->logs_left > 0;
}
