/* route_int.h - what route.c shares with route_trie.c (topic) and route_match.c (headers). Thread:
 * the owner's. */
#ifndef ENGINE_ROUTE_INT_H
#define ENGINE_ROUTE_INT_H

#include "base/mem.h"
#include "engine/route.h"
#include "engine/table.h"

void route_found_all(struct list *bindings, route_found_fn *found, void *ctx);

/* ---- route_trie.c ---- */
struct route_node *trie_new(void);
void trie_free(struct route_node *root); /* without bindings; NULL is allowed */
void trie_add(struct route_node *root, struct binding *b);
/* Frees the nodes that no binding needs any more; never the root. */
void trie_remove(struct binding *b);
void trie_match(struct route *r, struct bytes key, route_found_fn *found, void *ctx);

/* ---- route_spread.c ---- */
/* A hash exchange's binding key is its weight, 1 to 1,024. */
bool spread_weight(struct bytes key, uint32_t *out);
struct ring *ring_new(void);
void ring_free(struct ring *g); /* NULL is allowed */
void spread_add(struct route *r, struct binding *b);
void spread_remove(struct route *r, const struct binding *b);
void spread_match(struct route *r, const struct route_message *m, route_found_fn *found, void *ctx);
/* g NULL: only to see whether they make sense. */
MUST_CHECK enum err spread_read(struct ring *g, struct bytes arguments);

/* ---- route_match.c: arguments against headers ---- */
struct match_field {
    struct bytes       name;
    struct table_value value;
};
struct match_fields {
    bool               is_any;  /* x-match: one field that matches is enough */
    bool               with_x;  /* names that begin with x- count, too */
    size_t             count, cap;
    struct match_field at[];
};
/* ERR_BAD_ARGUMENT: not a table, or an unknown x-match. */
MUST_CHECK enum err match_check(struct bytes arguments);
/* The fields of a table up to its first malformed one, borrowed from it; old (may be NULL) is
 * reused or freed. */
struct match_fields *match_read(struct match_fields *old, struct bytes table);
/* By name, equal names in their order. */
void match_sort(struct match_fields *f);
/* headers must be sorted. */
bool match_fits(const struct match_fields *arguments, const struct match_fields *headers);

#endif
