/*
 * model_exchange.h - exchanges and bindings as far as clients know them, and where a message must
 * arrive. Written from the contract (engine/exchange_calls.h) and RabbitMQ's rules, not from the
 * engine's way of matching.
 *
 *   E1  Every life of an exchange has a number, which its arguments carry: whoever looks at it
 *       knows which one it is.
 *   E2  A binding is there as long as it, its source and its destination are. So what a crash
 *       undoes brings back what went with it.
 *   E3  An auto-delete exchange ends with the last of its bindings; a transient one with the process.
 *
 * Thread: the simulator's only one.
 */
#ifndef SIM_MODEL_EXCHANGE_H
#define SIM_MODEL_EXCHANGE_H

#include "base/buf.h"
#include "draw.h"
#include "engine/route.h"
#include "model.h"

enum { KEY_BYTES = 12, HEADERS = 3, KEYS_MORE_MAX = 2 };

enum m_header { HEADER_NONE, HEADER_VOID, HEADER_A, HEADER_B, HEADER_ONE, HEADER_ONE_WIDE, HEADER_KINDS };
enum x_match { MATCH_UNSAID, MATCH_ALL, MATCH_ANY, MATCH_ALL_WITH_X, MATCH_ANY_WITH_X, MATCH_KINDS };

/* Of a message, or what a binding to a headers exchange asks for. */
struct m_headers {
    enum x_match match; /* of a binding */
    enum m_header  at[HEADERS];
};

struct m_exchange {
    struct m_exchange *next; /* older ones follow */
    char               name[NAME_BYTES];
    enum route_type    type;
    uint64_t           life; /* E1; 0: it was there from the beginning */
    bool               is_durable, is_auto_delete, is_internal;
    uint64_t           made, gone; /* numbers of the calls */
    bool               is_doubtful; /* M3 */
    bool               was_bound;   /* its last binding takes an auto-delete one with it */
    uint64_t           visit;       /* of the message that reached it last */
};

/* What tells two bindings apart that have the same ends. */
struct m_terms_of_binding {
    char             key[KEY_BYTES];
    struct m_headers arguments;
};

struct m_binding {
    struct m_binding         *next;
    struct m_exchange        *source;
    struct m_queue           *queue;    /* one of these two */
    struct m_exchange        *exchange;
    struct m_terms_of_binding terms;
    uint64_t                  made, gone;
    bool                      is_doubtful;
};

/* What decides where a message goes. */
struct m_address {
    char             key[KEY_BYTES];
    char             more[KEYS_MORE_MAX][KEY_BYTES];
    uint32_t         more_count;
    struct m_headers headers;
};

/* Those that every namespace is born with. */
void model_begin_exchanges(struct model *m);
void model_free_exchanges(struct model *m);
void model_exchanges_on_crash(struct model *m);

/* Alive as the engine sees it now; NULL: there is none of that name. */
struct m_exchange *model_exchange(struct model *m, const char *name);
struct m_exchange *model_make_exchange(struct model *m, const struct m_exchange *like,
                                       uint64_t number);
void model_end_exchange(struct model *m, struct m_exchange *x, uint64_t number);
/* Something was bound to the auto-delete exchanges that are not bound to anything any more. */
void model_sweep_exchanges(struct model *m, uint64_t number);
bool m_exchange_is_used(const struct model *m, const struct m_exchange *x);

bool m_binding_has_ends(const struct m_binding *b);
/* As it is, or was; NULL: never. */
struct m_binding *model_binding(struct model *m, const struct m_binding *like);
void model_make_binding(struct model *m, const struct m_binding *like, uint64_t number);
void model_end_binding(struct model *m, struct m_binding *b, uint64_t number);

/* Adds all that a message must reach to its targets. */
void model_route(struct model *m, struct m_exchange *x, const struct m_address *to,
                 struct m_batch *b);

/* As field tables: headers or arguments of a binding, and E1. */
void m_headers_encode(const struct m_headers *h, struct buf *out);
void m_exchange_encode(const struct m_exchange *x, struct buf *out);
/* Whether it is what somebody was shown. */
bool m_exchange_is(const struct m_exchange *x, const struct exchange_view *v);

/* From few, so that messages and bindings meet. */
void draw_key(struct draw *d, char out[KEY_BYTES]);
void draw_pattern(struct draw *d, char out[KEY_BYTES]);
void draw_headers(struct draw *d, struct m_headers *out, bool is_binding);

#endif
