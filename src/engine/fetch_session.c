/*
 * fetch_session.c - reads of clients that come again and again for the same partitions (KIP-227).
 *
 * A session remembers its partitions and where each is to be read next. Every partition is in one of four lists:
 *
 *     IDLE   --its log has more on disk, or a new start; the client asks from elsewhere--> READY
 *     READY  --looked at: it has batches or an error--> TAKEN --answered--> READY
 *            --nothing new--> IDLE        --only its marks have moved--> MARKED --answered--> IDLE
 *
 *   FS1  An answer costs time for what is READY and MARKED, whatever else the session has. A log that it watches costs
 *        an append one list operation.
 *   FS2  What a parked fetch has taken it keeps until it has enough; another look takes only what has become ready
 *        since. When it is cancelled all of that is ready again.
 *   FS3  A partition is told of when it has batches or an error, or when its high watermark or its start are not those
 *        told last. With an error it is told of again in each answer, until the client forgets it.
 *        The first answer tells of all: clients refuse one that leaves a partition out.
 *   FS4  Sessions are FETCH_SESSIONS_MAX, with FETCH_SESSION_PARTS_MAX partitions among them. For a new one the one
 *        that was used longest ago goes when that is FETCH_SESSION_EVICT_MS ago, else the smallest of those that are
 *        as old as that, if it is smaller. When there is no room the client gets no session, which all of them
 *        understand.
 *   FS5  A session has one fetch under way. Another one, on another connection, ends its wait.
 *
 * Sessions belong to no connection and do not survive a restart: clients begin new ones.
 *
 * Thread: the shard's.
 */
#include "engine/fetch_calls.h"
#include "engine/read_int.h"
#include "engine/txn.h"

#include <assert.h>
#include <stdlib.h>

enum { NEVER_TOLD = -1 };

struct fetch_part {
    struct fetch_session *session;
    struct list           in_session; /* idle, ready, marked or taken */
    struct log_watch     *watch;      /* NULL: there is no such log */
    struct list           in_log;     /* log_watch.sessions */
    struct load_wait      load;
    struct fetch_taken   *taken;      /* while it is in that list */
    uint64_t              offset;
    uint32_t              bytes_max;
    enum err              refused; /* the caller's answer to it; ERR_OK: it is read */
    bool                  is_abandoned; /* its topic went, and nobody was told yet */
    int64_t               told_end, told_start;
    struct uuid           uuid;
    uint32_t              partition;
    size_t                name_len; /* 0: by uuid */
    uint8_t               key[];    /* uuid or name, then the partition */
};

/* What of a partition is to be told; in the call's arena. */
struct fetch_taken {
    struct fetch_part *part;
    struct read_item   item;
};

struct fetch_session {
    struct engine     *engine;
    int32_t            id; /* 0: it ends with its first answer */
    int32_t            epoch;
    bool               by_uuid;
    int64_t            made_ms, used_ms;
    struct list        in_used; /* engine.fetch_sessions.used, longest ago first */
    struct map         parts;
    struct list        idle, ready, marked, taken;
    struct fetch_call *waiting; /* NULL: none is under way */
    struct bytes       ns;      /* of it */
    uint32_t           bytes;   /* taken so far */
    size_t             taken_count;
    bool               has_error, is_late;
    bool               is_first; /* no answer was given yet */
};

/* ---- partitions ---- */

static size_t write_key(uint8_t *key, struct bytes name, const struct uuid *uuid, uint32_t partition)
{
    struct bytes head = name.len > 0 ? name : bytes_of(uuid->at, sizeof uuid->at);

    memcpy(key, head.at, head.len);
    put_u32(key + head.len, partition);
    return head.len + 4;
}

enum { KEY_BYTES_MAX = TOPIC_NAME_BYTES_MAX + 4 };

static struct fetch_part *find_part(const struct fetch_session *s, struct bytes name, const struct uuid *uuid,
                                    uint32_t partition)
{
    uint8_t key[KEY_BYTES_MAX];

    if (name.len > TOPIC_NAME_BYTES_MAX)
        return NULL;
    return map_get(&s->parts, bytes_of(key, write_key(key, name, uuid, partition)));
}

static void move_to(struct fetch_part *p, struct list *to)
{
    list_remove(&p->in_session);
    list_push(to, &p->in_session);
}

static void unwatch(struct fetch_part *p)
{
    struct log_watch *w = p->watch;

    list_remove(&p->load.in_load);
    list_remove(&p->in_log);
    p->watch = NULL;
    if (w)
        log_watch_leave(w);
}

static void drop_taken(struct fetch_part *p)
{
    struct read_item *item = &p->taken->item;

    for (size_t i = 0; i < item->batch_count; i++)
        slice_drop(&item->batches[i].bytes);
    item->batch_count = 0;
    p->session->taken_count--;
    p->taken = NULL;
}

static void free_part(struct fetch_part *p)
{
    struct fetch_session *s = p->session;

    if (p->taken)
        drop_taken(p);
    unwatch(p);
    list_remove(&p->in_session);
    map_remove(&s->parts, bytes_of(p->key, (p->name_len ? p->name_len : sizeof p->uuid) + 4));
    s->engine->fetch_sessions.part_count--;
    free(p);
}

static void on_load(struct engine *e, struct load_wait *w);

static struct fetch_part *new_part(struct fetch_session *s, const struct read_item *item)
{
    size_t             name_len = item->name.len;
    struct fetch_part *p = mem_new(sizeof *p + (name_len ? name_len : sizeof p->uuid) + 4);
    size_t             len = write_key(p->key, item->name, &item->uuid, item->partition);

    p->session = s;
    p->name_len = name_len;
    p->uuid = item->uuid;
    p->partition = item->partition;
    p->told_end = p->told_start = NEVER_TOLD;
    p->load.on_load = on_load;
    list_init(&p->in_session);
    list_init(&p->in_log);
    list_init(&p->load.in_load);
    map_put(&s->parts, bytes_of(p->key, len), p);
    s->engine->fetch_sessions.part_count++;
    return p;
}

/* A topic that is not there by its name may come; one that is not there by its uuid never does, and is looked for
 * as well. */
static struct log *log_of(struct fetch_part *p, struct bytes ns, enum err *err)
{
    struct engine *e = p->session->engine;
    struct bytes   name = p->name_len ? bytes_of(p->key, p->name_len) : (struct bytes){ 0 };
    struct log    *l;

    if (p->watch)
        return p->watch->log;
    *err = read_find_log(e, ns, name, &p->uuid, p->partition, &l);
    if (*err)
        return NULL;
    p->watch = log_watch_enter(e, l);
    list_push(&p->watch->sessions, &p->in_log);
    return l;
}

/* ---- sessions ---- */

static struct fetch_session *session_new(struct engine *e, bool by_uuid)
{
    struct fetch_session *s = mem_new(sizeof *s);

    s->engine = e;
    s->by_uuid = by_uuid;
    s->made_ms = s->used_ms = e->now_ms;
    s->is_first = true;
    map_init(&s->parts);
    list_init(&s->idle);
    list_init(&s->ready);
    list_init(&s->marked);
    list_init(&s->taken);
    list_init(&s->in_used);
    return s;
}

static void free_all(struct list *parts)
{
    while (!list_empty(parts))
        free_part(CONTAINER(parts->next, struct fetch_part, in_session));
}

static void session_free(struct fetch_session *s)
{
    assert(!s->waiting);
    free_all(&s->idle);
    free_all(&s->ready);
    free_all(&s->marked);
    free_all(&s->taken);
    map_fini(&s->parts);
    if (s->id)
        idmap_remove(&s->engine->fetch_sessions.ids, (uint64_t)s->id);
    list_remove(&s->in_used);
    free(s);
}

static void touch(struct fetch_session *s)
{
    s->used_ms = s->engine->now_ms;
    list_remove(&s->in_used);
    list_push(&s->engine->fetch_sessions.used, &s->in_used);
}

static void finish(struct fetch_session *s);

/* The fetch that waits gets what there is. */
static void close_session(struct fetch_session *s)
{
    if (s->waiting) {
        s->is_late = true;
        finish(s);
    }
    session_free(s);
}

/* FS4. The smallest that is old enough. */
static struct fetch_session *smallest(struct engine *e)
{
    struct fetch_session *best = NULL;
    struct list          *used = &e->fetch_sessions.used;

    for (struct list *n = used->next; n != used; n = n->next) {
        struct fetch_session *s = CONTAINER(n, struct fetch_session, in_used);

        if (e->now_ms - s->made_ms >= FETCH_SESSION_EVICT_MS && (!best || s->parts.count < best->parts.count))
            best = s;
    }
    return best;
}

static bool evict_for(struct engine *e, size_t count)
{
    struct list          *used = &e->fetch_sessions.used;
    struct fetch_session *s;

    if (list_empty(used))
        return false;
    s = CONTAINER(used->next, struct fetch_session, in_used);
    if (e->now_ms - s->used_ms <= FETCH_SESSION_EVICT_MS) {
        s = smallest(e);
        if (!s || s->parts.count >= count)
            return false;
    }
    close_session(s);
    return true;
}

static bool has_room(const struct engine *e, size_t count)
{
    return e->fetch_sessions.ids.count < FETCH_SESSIONS_MAX &&
           e->fetch_sessions.part_count + count <= FETCH_SESSION_PARTS_MAX;
}

/* Gives it an id when there is room for one more. */
static void keep(struct fetch_session *s, size_t count)
{
    struct engine *e = s->engine;

    if (count == 0)
        return;
    while (!has_room(e, count)) {
        if (!evict_for(e, count))
            return;
    }
    do
        s->id = (int32_t)(engine_random(e) & INT32_MAX);
    while (s->id == 0 || idmap_get(&e->fetch_sessions.ids, (uint64_t)s->id));
    s->epoch = FETCH_EPOCH_NEW + 1;
    idmap_put(&e->fetch_sessions.ids, (uint64_t)s->id, s);
    touch(s);
}

void fetch_session_init(struct engine *e)
{
    idmap_init(&e->fetch_sessions.ids);
    list_init(&e->fetch_sessions.used);
}

/* Parked calls have been answered. */
void fetch_session_fini(struct engine *e)
{
    struct list *used = &e->fetch_sessions.used;

    while (!list_empty(used))
        session_free(CONTAINER(used->next, struct fetch_session, in_used));
    idmap_fini(&e->fetch_sessions.ids);
}

/* ---- looking ---- */

static bool has_news(const struct fetch_part *p, const struct read_item *item)
{
    return p->told_end != (int64_t)item->high_watermark || p->told_start != (int64_t)item->log_start;
}

static struct read_item item_of(const struct fetch_part *p)
{
    return (struct read_item){ .name = p->name_len ? bytes_of(p->key, p->name_len) : (struct bytes){ 0 },
                               .uuid = p->uuid,
                               .partition = p->partition,
                               .offset = p->offset,
                               .bytes_max = p->bytes_max,
                               .err = p->is_abandoned ? ERR_NO_TOPIC : p->refused };
}

static void take(struct fetch_part *p, const struct read_item *item)
{
    struct fetch_session *s = p->session;
    struct fetch_taken   *t = arena_struct(&s->waiting->call.arena, struct fetch_taken);

    t->part = p;
    t->item = *item;
    p->taken = t;
    s->taken_count++;
    s->has_error |= item->err != ERR_OK;
    move_to(p, &s->taken);
}

static void look_at_part(struct look *k, struct fetch_part *p)
{
    struct fetch_session *s = p->session;
    struct read_item      item = item_of(p);
    struct log           *l = item.err ? NULL : log_of(p, s->ns, &item.err);
    bool                  was_cold = k->is_cold;

    k->is_cold = false;
    if (l)
        item.err = look_at_log(k, &item, l, &p->load);
    if (item.err || item.batch_count > 0)
        take(p, &item);
    else if (!k->is_cold) /* else it stays ready: R1 of read.c */
        move_to(p, has_news(p, &item) ? &s->marked : &s->idle);
    k->is_cold |= was_cold;
}

/* Takes what there is. True when that is an answer. */
static bool look(struct fetch_session *s)
{
    struct fetch_call *f = s->waiting;
    struct look        k = { .e = s->engine,
                             .call = &f->call,
                             .committed_only = f->committed_only,
                             .bytes_max = f->bytes_max,
                             .bytes = s->bytes };
    struct list       *next;

    for (struct list *n = s->ready.next; n != &s->ready; n = next) {
        next = n->next;
        if (k.bytes > 0 && k.bytes >= k.bytes_max)
            break;
        look_at_part(&k, CONTAINER(n, struct fetch_part, in_session));
    }
    s->bytes = k.bytes;
    f->call.relaxed = f->call.relaxed && !k.has_new_start;
    if (s->has_error)
        return true;
    return (s->bytes >= f->bytes_min || s->is_late) && (s->bytes > 0 || !k.is_cold);
}

/* ---- answering ---- */

static void note_told(struct fetch_part *p, const struct read_item *item)
{
    p->told_end = item->err ? NEVER_TOLD : (int64_t)item->high_watermark;
    p->told_start = item->err ? NEVER_TOLD : (int64_t)item->log_start;
}

static void tell_taken(struct fetch_session *s, struct fetch_call *f)
{
    while (!list_empty(&s->taken)) {
        struct fetch_part *p = CONTAINER(s->taken.next, struct fetch_part, in_session);

        f->told[f->told_count++] = p->taken->item;
        note_told(p, &p->taken->item);
        p->taken = NULL;
        p->is_abandoned = false;
        move_to(p, &s->ready); /* behind those that had nothing this time */
    }
    s->taken_count = 0;
}

/* Of a log: how far it goes, and no batches. */
static void tell_marks(struct fetch_part *p, struct fetch_call *f)
{
    struct read_item *item = &f->told[f->told_count++];
    struct log       *l;

    *item = item_of(p);
    l = item->err ? NULL : log_of(p, p->session->ns, &item->err);
    if (l) {
        item->high_watermark = log_durable(p->session->engine, l);
        item->stable = txn_log_committed(l);
        item->log_start = l->start;
    }
    note_told(p, item);
}

static void tell_marked(struct fetch_session *s, struct fetch_call *f)
{
    while (!list_empty(&s->marked)) {
        struct fetch_part *p = CONTAINER(s->marked.next, struct fetch_part, in_session);

        tell_marks(p, f);
        move_to(p, &s->idle);
    }
}

/* FS3. What this answer has no room for, or is on its way from the disk; it comes in a later one. */
static void tell_unread(struct fetch_session *s, struct fetch_call *f)
{
    for (struct list *n = s->ready.next; n != &s->ready; n = n->next)
        tell_marks(CONTAINER(n, struct fetch_part, in_session), f);
}

/* Names are the session's, which may go before the answer is read. */
static void copy_names(struct fetch_call *f)
{
    for (size_t i = 0; i < f->told_count; i++)
        f->told[i].name = call_bytes(f, f->told[i].name);
}

static size_t count_list(const struct list *l)
{
    size_t count = 0;

    for (const struct list *n = l->next; n != l; n = n->next)
        count++;
    return count;
}

static void finish(struct fetch_session *s)
{
    struct fetch_call *f = s->waiting;
    size_t             count = s->taken_count + count_list(&s->marked) + (s->is_first ? count_list(&s->ready) : 0);

    f->session_id = s->id;
    f->told = arena_array(&f->call.arena, count + 1, sizeof *f->told);
    if (s->is_first)
        tell_unread(s, f); /* before the taken become ready again */
    s->is_first = false;
    tell_taken(s, f);
    tell_marked(s, f);
    copy_names(f);
    s->waiting = NULL;
    engine_answer(s->engine, &f->call, ERR_OK);
}

/* Whoever ends the call: what it had taken and did not tell is ready again (FS2). */
static void on_unpark(struct engine *e, struct call *c)
{
    struct fetch_session *s = c->waits;

    (void)e;
    if (!s->waiting)
        return; /* finish did */
    s->waiting = NULL;
    while (!list_empty(&s->taken)) {
        struct fetch_part *p = CONTAINER(s->taken.next, struct fetch_part, in_session);

        drop_taken(p);
        move_to(p, &s->ready);
    }
    if (!s->id)
        session_free(s);
}

static void look_again(struct fetch_session *s)
{
    if (!s->waiting || !look(s))
        return;
    finish(s);
    if (!s->id)
        session_free(s);
}

static void on_timeout(struct engine *e, struct call *c)
{
    struct fetch_session *s = c->waits;

    (void)e;
    s->is_late = true;
    look_again(s);
}

static void on_load(struct engine *e, struct load_wait *w)
{
    struct fetch_part *p = CONTAINER(w, struct fetch_part, load);

    (void)e;
    look_again(p->session);
}

static void start(struct fetch_session *s, struct fetch_call *f)
{
    struct engine *e = s->engine;

    s->waiting = f;
    s->ns = f->ns;
    s->bytes = 0;
    s->has_error = false;
    s->is_late = f->wait_ms <= 0;
    f->call.relaxed = true; /* as a read's (read.c) */
    if (look(s)) {
        finish(s);
        if (!s->id)
            session_free(s);
        return;
    }
    f->call.waits = s;
    f->call.on_unpark = on_unpark;
    engine_park(e, &f->call, &e->reads, s->is_late ? INT64_MAX : e->now_ms + f->wait_ms, on_timeout);
}

/* ---- the call ---- */

static void take_items(struct fetch_session *s, const struct fetch_call *f)
{
    for (size_t i = 0; i < f->forget_count; i++) {
        const struct fetch_forget *g = &f->forget[i];
        struct fetch_part         *p = find_part(s, g->name, &g->uuid, g->partition);

        if (p)
            free_part(p);
    }
    for (size_t i = 0; i < f->item_count; i++) {
        const struct read_item *item = &f->items[i];
        struct fetch_part      *p = find_part(s, item->name, &item->uuid, item->partition);

        if (item->name.len > TOPIC_NAME_BYTES_MAX)
            continue; /* there is no such topic, and nobody can be told of it in a session */
        if (!p)
            p = new_part(s, item);
        list_remove(&p->load.in_load);
        p->offset = item->offset;
        p->bytes_max = item->bytes_max;
        p->refused = item->err;
        move_to(p, &s->ready);
    }
}

static enum err find_session(struct engine *e, const struct fetch_call *f, struct fetch_session **out)
{
    struct fetch_session *s = idmap_get(&e->fetch_sessions.ids, (uint64_t)f->session_id);

    if (!s)
        return ERR_NO_SESSION;
    if (s->epoch != f->epoch)
        return ERR_SESSION_EPOCH;
    if (s->by_uuid != f->by_uuid)
        return ERR_SESSION_TOPICS;
    *out = s;
    return ERR_OK;
}

static void begin(struct engine *e, struct fetch_call *f)
{
    struct fetch_session *old = idmap_get(&e->fetch_sessions.ids, (uint64_t)f->session_id);
    struct fetch_session *s;

    if (old)
        close_session(old);
    s = session_new(e, f->by_uuid);
    if (f->epoch == FETCH_EPOCH_NEW)
        keep(s, f->item_count);
    take_items(s, f);
    start(s, f);
}

static void go_on(struct fetch_session *s, struct fetch_call *f)
{
    if (s->waiting) { /* FS5 */
        s->is_late = true;
        finish(s);
    }
    take_items(s, f);
    if (s->parts.count == 0) { /* nothing is left: it ends */
        idmap_remove(&s->engine->fetch_sessions.ids, (uint64_t)s->id);
        list_remove(&s->in_used);
        s->id = 0;
    } else {
        s->epoch = s->epoch == INT32_MAX ? 1 : s->epoch + 1;
        touch(s);
    }
    start(s, f);
}

void fetch_session_on_fetch(struct engine *e, struct call *c)
{
    struct fetch_call    *f = (struct fetch_call *)c;
    struct fetch_session *s = NULL;
    enum err              err = ERR_OK;

    if (f->epoch > FETCH_EPOCH_NEW)
        err = find_session(e, f, &s);
    if (err)
        engine_answer(e, c, err);
    else if (s)
        go_on(s, f);
    else
        begin(e, f);
}

/* ---- what logs say ---- */

static void make_ready(struct fetch_part *p)
{
    if (!p->taken)
        move_to(p, &p->session->ready);
}

void fetch_session_wake(struct engine *e, struct log_watch *w)
{
    struct list *next;

    (void)e;
    for (struct list *n = w->sessions.next; n != &w->sessions; n = next) {
        struct fetch_part *p = CONTAINER(n, struct fetch_part, in_log);

        next = n->next;
        make_ready(p);
        look_again(p->session); /* which may end p, and no other of this log */
    }
}

void fetch_session_on_trim(struct log *l)
{
    struct log_watch *w = l->watch;

    for (struct list *n = w ? w->sessions.next : NULL; w && n != &w->sessions; n = n->next)
        make_ready(CONTAINER(n, struct fetch_part, in_log));
}

void fetch_session_abandon(struct engine *e, struct log_watch *w)
{
    struct log *l = w->log;

    (void)e;
    while (l->watch && !list_empty(&l->watch->sessions)) {
        struct fetch_part    *p = CONTAINER(l->watch->sessions.next, struct fetch_part, in_log);
        struct fetch_session *s = p->session;

        if (p->taken)
            drop_taken(p);
        unwatch(p);
        p->is_abandoned = true;
        move_to(p, &s->ready);
        look_again(s);
    }
}
