/* call.c - making and freeing calls; see call.h. */
#include "engine/call.h"

#include <stdlib.h>

void *call_new(size_t size, enum call_kind kind, struct mailbox *home, call_done_fn *done, void *ctx)
{
    struct call *c = mem_new(size);

    c->kind = kind;
    c->home = home;
    c->done = done;
    c->ctx = ctx;
    arena_init(&c->arena);
    list_init(&c->parked);
    list_init(&c->in_session);
    return c;
}

void call_free(void *call)
{
    struct call *c = call;

    arena_fini(&c->arena);
    free(c);
}
