/* session.c - see clients.h: the end of a connection. */
#include "clients.h"

static void on_submit(struct request *r)
{
    r->client->is_closed = true;
    model_end_session(r->client->world->model, r->client, r->number);
}

static void on_answer(struct request *r)
{
    if (r->client->kind->on_session_end)
        r->client->kind->on_session_end(r->client);
    world_new_session(r->client);
    r->client->is_closing = r->client->is_closed = false;
}

static void on_lost(struct request *r)
{
    r->client->is_closing = r->client->is_closed = false;
}

void session_close(struct client *c)
{
    static const struct request_kind kind = { on_submit, on_answer, on_lost };
    struct request                  *r;

    r = request_new(c, &kind, sizeof *r, CALL_SESSION_CLOSE, sizeof(struct call));
    c->is_closing = true;
    request_send(r);
}
