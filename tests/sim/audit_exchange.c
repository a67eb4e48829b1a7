/* audit_exchange.c - see audit.h: exchanges and bindings against the model. */
#include "audit.h"
#include "clients.h"
#include "model_exchange.h"

/* At most one of all that ever had the name is there: the one that was found. */
static void check_life(struct world *w, struct m_exchange *x, const struct exchange_view *found)
{
    bool is_it = found && m_exchange_is(x, found);

    if (x->is_doubtful) {
        x->gone = is_it ? 0 : x->gone ? x->gone : x->made;
        x->was_bound &= m_exchange_is_used(w->model, x); /* else its last binding had taken it along */
    }
    x->is_doubtful = false;
    if (is_it && x->gone)
        violation(w, "what is deleted is gone", "exchange %s is there again", x->name);
    if (!is_it && !x->gone)
        violation(w, "what was made is there", "exchange %s is not, or is another one", x->name);
}

static bool check_name(struct client *c, const char *name)
{
    static const struct request_kind plain = { 0 };
    struct world                    *w = c->world;
    struct request               *r = request_new(c, &plain, sizeof *r, CALL_EXCHANGE_DECLARE,
                                                  sizeof(struct exchange_declare_call));
    struct exchange_declare_call *a = (struct exchange_declare_call *)r->call;
    bool                          is_known = false;

    a->ns = bytes_str(NAMESPACE_DEFAULT);
    a->name = bytes_str(name);
    a->is_passive = true;
    if (!request_ask(r))
        return false;
    for (struct m_exchange *x = w->model->exchanges; x; x = x->next)
        if (strcmp(x->name, name) == 0) {
            check_life(w, x, r->call->err ? NULL : &a->view);
            is_known |= !x->gone;
        }
    if (!r->call->err && !is_known)
        violation(w, "nothing is there that was never made", "exchange %s", name);
    request_free(r);
    return true;
}

static bool is_first_of_name(const struct m_exchange *x, const struct m_exchange *all)
{
    while (strcmp(all->name, x->name) != 0)
        all = all->next;
    return all == x;
}

static bool check_exchanges(struct client *c)
{
    const struct m_exchange *all = c->world->model->exchanges;

    for (const struct m_exchange *x = all; x; x = x->next)
        if (x->life > 0 && is_first_of_name(x, all) && !check_name(c, x->name))
            return false;
    return true;
}

/* No call tells what is bound. What a crash left in doubt is asked for again, and then it is. */
static bool bind_again(struct client *c)
{
    for (struct m_binding *b = c->world->model->bindings; b; b = b->next) {
        if (b->is_doubtful && m_binding_has_ends(b) && !binder_bind_again(c, b))
            return false;
        b->is_doubtful = false;
    }
    return true;
}

bool audit_exchanges(struct client *c)
{
    model_sweep_exchanges(c->world->model, c->world->last_number);
    return check_exchanges(c) && bind_again(c);
}
