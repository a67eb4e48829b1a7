/*
 * session.c - what belongs to one client connection, and its end.
 *
 * A session is made by the first call that needs it and ends with CALL_SESSION_CLOSE: its consumers
 * end, its bound leases return in one step (so their messages keep their order), its exclusive
 * queues go, its parked calls are answered ERR_CANCELLED, and only then the closing call is
 * answered.
 *
 * Thread: the shard's.
 */
#include "engine/engine_int.h"
#include "engine/share.h"

#include <assert.h>
#include <stdlib.h>

struct session *session_get(struct engine *e, uint64_t id)
{
    struct session *s = idmap_get(&e->sessions, id);

    assert(id != 0);
    if (s)
        return s;
    s = mem_new(sizeof *s);
    s->id = id;
    list_init(&s->parked);
    list_init(&s->consumers);
    list_init(&s->leases);
    list_init(&s->queues);
    list_init(&s->limiters);
    list_init(&s->shares);
    idmap_put(&e->sessions, id, s);
    return s;
}

void session_on_cancel(struct engine *e, struct call *c)
{
    struct session *s = idmap_get(&e->sessions, c->session);
    struct list    *n = s ? s->parked.next : NULL;

    while (s && n != &s->parked) {
        struct call *parked = CONTAINER(n, struct call, in_session);

        n = n->next;
        if (parked->tag == c->tag)
            engine_answer(e, parked, ERR_CANCELLED);
    }
    engine_answer(e, c, ERR_OK);
}

static void close_session(struct engine *e, struct session *s)
{
    consumer_on_session_close(e, s);
    queue_on_session_close(e, s);
    group_on_session_close(e, s);
    share_on_session_close(s);
    while (!list_empty(&s->parked))
        engine_answer(e, CONTAINER(s->parked.next, struct call, in_session), ERR_CANCELLED);
    idmap_remove(&e->sessions, s->id);
    free(s);
}

void session_on_close(struct engine *e, struct call *c)
{
    struct session *s = idmap_get(&e->sessions, c->session);

    if (s)
        close_session(e, s);
    engine_answer(e, c, ERR_OK);
}

void session_fini(struct engine *e)
{
    size_t          at = 0;
    struct session *s;

    while ((s = idmap_next(&e->sessions, &at)) != NULL) {
        while (list_pop(&s->queues) || list_pop(&s->shares))
            ;
        free(s);
    }
    idmap_fini(&e->sessions);
}
