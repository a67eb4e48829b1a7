/*
 * route_trie.c - topic exchanges: patterns of words as a trie, matched like a nondeterministic
 * automaton.
 *
 * A key is words with dots between; "" has none, "a..b" has three. In a pattern '*' is one word,
 * '#' any number of words, and '#.#' the same as '#'. A node stands for the words of a pattern read
 * so far:
 *
 *     root --"stock"--> o --*--> o --"nyse"--> o {bindings}
 *                       `---#--> o {bindings}
 *
 * Matching keeps the set of nodes that the words read so far can have led to. Coming to a node is
 * coming to its '#' child, too (no word taken); a '#' node stays in the set with every word.
 * route.stamp marks who is in the set of this word.
 *
 * Thread: the owner's.
 */
#include "engine/route_int.h"

#include <stdlib.h>

struct route_node {
    struct route_node *parent;
    struct bytes       word;  /* owned */
    struct map         words; /* word -> child */
    struct route_node *star;
    struct route_node *hash;
    struct list        bindings;
    uint64_t           stamp;
    bool               is_hash;
};

/* Takes the first word off *rest; false when none is left. A null rest has no words. */
static bool next_word(struct bytes *rest, struct bytes *word)
{
    const uint8_t *dot;

    if (!rest->at)
        return false;
    dot = memchr(rest->at, '.', rest->len);
    *word = bytes_of(rest->at, dot ? (size_t)(dot - rest->at) : rest->len);
    *rest = dot ? bytes_of(dot + 1, rest->len - word->len - 1) : bytes_of(NULL, 0);
    return true;
}

static struct bytes words_of(struct bytes key)
{
    return key.len > 0 ? key : bytes_of(NULL, 0);
}

static struct route_node *node_new(struct route_node *parent, struct bytes word)
{
    struct route_node *n = mem_new(sizeof *n);

    n->parent = parent;
    n->word = bytes_of(mem_copy(word.at, word.len), word.len);
    map_init(&n->words);
    list_init(&n->bindings);
    return n;
}

struct route_node *trie_new(void)
{
    return node_new(NULL, bytes_of(NULL, 0));
}

static struct route_node *child(struct route_node *n, struct bytes word)
{
    struct route_node **place = NULL;
    struct route_node  *c;

    if (bytes_eq_str(word, "*"))
        place = &n->star;
    else if (bytes_eq_str(word, "#"))
        place = &n->hash;
    c = place ? *place : map_get(&n->words, word);
    if (c)
        return c;
    c = node_new(n, word);
    c->is_hash = place == &n->hash;
    if (place)
        *place = c;
    else
        map_put(&n->words, c->word, c);
    return c;
}

void trie_add(struct route_node *root, struct binding *b)
{
    struct bytes       rest = words_of(binding_what(b).key);
    struct bytes       word;
    struct route_node *n = root;

    while (next_word(&rest, &word))
        if (!(n->is_hash && bytes_eq_str(word, "#")))
            n = child(n, word);
    b->node = n;
    list_push(&n->bindings, &b->in_place);
}

static void node_free(struct route_node *n)
{
    struct route_node *p = n->parent;

    if (p->star == n)
        p->star = NULL;
    else if (p->hash == n)
        p->hash = NULL;
    else
        map_remove(&p->words, n->word);
    map_fini(&n->words);
    free((void *)(uintptr_t)n->word.at);
    free(n);
}

void trie_remove(struct binding *b)
{
    struct route_node *n = b->node;

    list_remove(&b->in_place);
    while (n->parent && list_empty(&n->bindings) && n->words.count == 0 && !n->star && !n->hash) {
        struct route_node *p = n->parent;

        node_free(n);
        n = p;
    }
}

void trie_free(struct route_node *root)
{
    if (!root)
        return;
    map_fini(&root->words);
    free((void *)(uintptr_t)root->word.at);
    free(root);
}

static void add(struct node_set *set, struct route_node *n, uint64_t stamp)
{
    for (; n && n->stamp != stamp; n = n->hash) {
        n->stamp = stamp;
        if (set->count == set->cap) {
            set->cap = set->cap ? 2 * set->cap : 16;
            set->at = mem_resize(set->at, set->cap * sizeof(struct route_node *));
        }
        set->at[set->count++] = n;
    }
}

static void step(struct route *r, struct bytes word)
{
    struct node_set was = r->live;

    r->live = r->next;
    r->live.count = 0;
    r->next = was;
    r->stamp++;
    for (size_t i = 0; i < was.count; i++) {
        struct route_node *n = was.at[i];

        if (n->is_hash)
            add(&r->live, n, r->stamp);
        add(&r->live, n->star, r->stamp);
        add(&r->live, map_get(&n->words, word), r->stamp);
    }
}

void trie_match(struct route *r, struct bytes key, route_found_fn *found, void *ctx)
{
    struct bytes rest = words_of(key);
    struct bytes word;

    r->live.count = 0;
    add(&r->live, r->root, ++r->stamp);
    while (r->live.count > 0 && next_word(&rest, &word))
        step(r, word);
    for (size_t i = 0; i < r->live.count; i++)
        route_found_all(&r->live.at[i]->bindings, found, ctx);
}
