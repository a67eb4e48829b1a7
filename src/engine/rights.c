/*
 * rights.c - see rights.h.
 *
 *     rules     resource, pattern, principal, name -> struct rule: what it allows and denies, by host
 *     sections  resource, principal -> struct section: all rules of one principal
 *     names     resource, pattern, name -> struct named: how many ACLs it has, whoever they are of
 *     lengths   per resource: the lengths of prefixes, and how many names have each
 */
#include "engine/rights.h"
#include "base/list.h"
#include "base/map.h"
#include "base/mem.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>

/* What is said for one host. */
struct grant {
    struct list  in_rule;
    struct bytes host; /* owned */
    uint16_t     allowed, denied;
};

struct rule {
    struct bytes key, name; /* owned */
    uint8_t      pattern;
    struct list  grants;
    struct list  in_section;
};

struct section {
    struct bytes key; /* owned */
    struct list  rules;
};

struct named {
    struct bytes key; /* owned */
    size_t       count;
};

struct length {
    size_t bytes, count;
};

struct lengths {
    struct length *at;
    size_t         count, cap;
};

struct topic_name {
    struct uuid  id;
    struct bytes name; /* owned */
};

struct rights {
    pthread_rwlock_t lock;
    struct map       rules, sections, names;
    struct lengths   lengths[ACL_RESOURCE_END];
    struct map       topics; /* id -> struct topic_name */
    bool             names_topics;
};

enum { KEY_BYTES_MAX = 2048 };

static uint16_t bit(unsigned operation)
{
    return (uint16_t)(1u << operation);
}

static void free_bytes(struct bytes b)
{
    free((void *)(uintptr_t)b.at);
}

static struct bytes copy(struct bytes b)
{
    return bytes_of(mem_copy(b.at, b.len), b.len);
}

/* ---- keys ---- */

/* A key on the stack; a name that is too long for it has no ACL. */
struct key {
    uint8_t at[KEY_BYTES_MAX];
    size_t  len;
    bool    is_too_long;
};

static void put(struct key *k, struct bytes b)
{
    k->is_too_long |= b.len > sizeof k->at - k->len;
    if (k->is_too_long || b.len == 0)
        return;
    memcpy(k->at + k->len, b.at, b.len);
    k->len += b.len;
}

static struct bytes key_of(struct key *k, unsigned resource, unsigned pattern, struct bytes principal,
                           struct bytes name)
{
    const uint8_t head[] = { (uint8_t)resource, (uint8_t)pattern, (uint8_t)principal.len,
                             (uint8_t)(principal.len >> 8) };

    k->len = 0;
    k->is_too_long = false;
    put(k, bytes_of(head, sizeof head));
    put(k, principal);
    put(k, name);
    return bytes_of(k->at, k->is_too_long ? 0 : k->len);
}

/* ---- the life of the index ---- */

struct rights *rights_new(bool names_topics)
{
    struct rights *r = mem_new(sizeof *r);

    if (pthread_rwlock_init(&r->lock, NULL) != 0)
        mem_exhausted("a lock");
    map_init(&r->rules);
    map_init(&r->sections);
    map_init(&r->names);
    map_init(&r->topics);
    r->names_topics = names_topics;
    return r;
}

static void free_grant(struct grant *g)
{
    list_remove(&g->in_rule);
    free_bytes(g->host);
    free(g);
}

static void free_rule(struct rule *rule)
{
    while (!list_empty(&rule->grants))
        free_grant(CONTAINER(rule->grants.next, struct grant, in_rule));
    list_remove(&rule->in_section);
    free_bytes(rule->key);
    free_bytes(rule->name);
    free(rule);
}

static void free_section(struct section *s)
{
    free_bytes(s->key);
    free(s);
}

static void free_named(struct named *n)
{
    free_bytes(n->key);
    free(n);
}

static void free_topic(struct topic_name *t)
{
    free_bytes(t->name);
    free(t);
}

void rights_free(struct rights *r)
{
    size_t at[4] = { 0 };
    void  *it;

    if (!r)
        return;
    while ((it = map_next(&r->rules, &at[0])) != NULL)
        free_rule(it);
    while ((it = map_next(&r->sections, &at[1])) != NULL)
        free_section(it);
    while ((it = map_next(&r->names, &at[2])) != NULL)
        free_named(it);
    while ((it = map_next(&r->topics, &at[3])) != NULL)
        free_topic(it);
    map_fini(&r->rules);
    map_fini(&r->sections);
    map_fini(&r->names);
    map_fini(&r->topics);
    for (size_t i = 0; i < ACL_RESOURCE_END; i++)
        free(r->lengths[i].at);
    pthread_rwlock_destroy(&r->lock);
    free(r);
}

/* ---- lengths of prefixes ---- */

static struct length *find_length(struct lengths *l, size_t bytes)
{
    for (size_t i = 0; i < l->count; i++)
        if (l->at[i].bytes == bytes)
            return &l->at[i];
    return NULL;
}

static void count_length(struct lengths *l, size_t bytes)
{
    struct length *found = find_length(l, bytes);

    if (found) {
        found->count++;
        return;
    }
    if (l->count == l->cap) {
        l->cap = l->cap ? l->cap * 2 : 8;
        l->at = mem_resize(l->at, l->cap * sizeof *l->at);
    }
    l->at[l->count++] = (struct length){ bytes, 1 };
}

static void uncount_length(struct lengths *l, size_t bytes)
{
    struct length *found = find_length(l, bytes);

    assert(found && found->count > 0);
    if (--found->count == 0)
        *found = l->at[--l->count];
}

/* ---- adding and removing ---- */

static void count_name(struct rights *r, const struct acl *acl)
{
    struct key    k;
    struct bytes  key = key_of(&k, acl->resource, acl->pattern, bytes_of(NULL, 0), acl->name);
    struct named *n = map_get(&r->names, key);

    if (!n) {
        n = mem_new(sizeof *n);
        n->key = copy(key);
        map_put(&r->names, n->key, n);
        if (acl->pattern == ACL_PREFIXED)
            count_length(&r->lengths[acl->resource], acl->name.len);
    }
    n->count++;
}

static void uncount_name(struct rights *r, const struct acl *acl)
{
    struct key    k;
    struct bytes  key = key_of(&k, acl->resource, acl->pattern, bytes_of(NULL, 0), acl->name);
    struct named *n = map_get(&r->names, key);

    assert(n && n->count > 0);
    if (--n->count > 0)
        return;
    if (acl->pattern == ACL_PREFIXED)
        uncount_length(&r->lengths[acl->resource], acl->name.len);
    map_remove(&r->names, n->key);
    free_named(n);
}

static struct section *section_of(struct rights *r, unsigned resource, struct bytes principal, bool make)
{
    struct key      k;
    struct bytes    key = key_of(&k, resource, 0, principal, bytes_of(NULL, 0));
    struct section *s = map_get(&r->sections, key);

    if (!s && make) {
        s = mem_new(sizeof *s);
        s->key = copy(key);
        list_init(&s->rules);
        map_put(&r->sections, s->key, s);
    }
    return s;
}

static struct rule *find_rule(struct rights *r, unsigned resource, unsigned pattern, struct bytes principal,
                              struct bytes name)
{
    struct key   k;
    struct bytes key = key_of(&k, resource, pattern, principal, name);

    return key.len > 0 ? map_get(&r->rules, key) : NULL;
}

static struct rule *make_rule(struct rights *r, const struct acl *acl)
{
    struct key   k;
    struct rule *rule = mem_new(sizeof *rule);

    rule->key = copy(key_of(&k, acl->resource, acl->pattern, acl->principal, acl->name));
    rule->name = copy(acl->name);
    rule->pattern = acl->pattern;
    list_init(&rule->grants);
    list_push(&section_of(r, acl->resource, acl->principal, true)->rules, &rule->in_section);
    map_put(&r->rules, rule->key, rule);
    return rule;
}

static struct grant *find_grant(const struct rule *rule, struct bytes host)
{
    for (struct list *n = rule->grants.next; n != &rule->grants; n = n->next) {
        struct grant *g = CONTAINER(n, struct grant, in_rule);

        if (bytes_eq(g->host, host))
            return g;
    }
    return NULL;
}

static uint16_t *mask_of(struct grant *g, const struct acl *acl)
{
    return acl->permission == ACL_ALLOW ? &g->allowed : &g->denied;
}

void rights_add(struct rights *r, const struct acl *acl)
{
    struct rule  *rule;
    struct grant *g;

    pthread_rwlock_wrlock(&r->lock);
    rule = find_rule(r, acl->resource, acl->pattern, acl->principal, acl->name);
    if (!rule)
        rule = make_rule(r, acl);
    g = find_grant(rule, acl->host);
    if (!g) {
        g = mem_new(sizeof *g);
        g->host = copy(acl->host);
        list_push(&rule->grants, &g->in_rule);
    }
    if (!(*mask_of(g, acl) & bit(acl->operation)))
        count_name(r, acl);
    *mask_of(g, acl) |= bit(acl->operation);
    pthread_rwlock_unlock(&r->lock);
}

/* Whatever is empty after it goes. */
static void drop_empty(struct rights *r, const struct acl *acl, struct rule *rule, struct grant *g)
{
    struct section *s;

    if (g->allowed || g->denied)
        return;
    free_grant(g);
    if (!list_empty(&rule->grants))
        return;
    map_remove(&r->rules, rule->key);
    free_rule(rule);
    s = section_of(r, acl->resource, acl->principal, false);
    if (!list_empty(&s->rules))
        return;
    map_remove(&r->sections, s->key);
    free_section(s);
}

void rights_remove(struct rights *r, const struct acl *acl)
{
    struct rule  *rule;
    struct grant *g;

    pthread_rwlock_wrlock(&r->lock);
    rule = find_rule(r, acl->resource, acl->pattern, acl->principal, acl->name);
    g = rule ? find_grant(rule, acl->host) : NULL;
    if (g && *mask_of(g, acl) & bit(acl->operation)) {
        *mask_of(g, acl) &= (uint16_t)~bit(acl->operation);
        uncount_name(r, acl);
        drop_empty(r, acl, rule, g);
    }
    pthread_rwlock_unlock(&r->lock);
}

/* ---- asking ---- */

/* What the rules that concern a name say, all of them together. */
struct verdict {
    uint16_t allowed, denied;
    bool     has_acls; /* of anybody */
};

static void take_rule(const struct rule *rule, struct bytes host, struct verdict *v)
{
    for (const struct list *n = rule ? rule->grants.next : NULL; n && n != &rule->grants; n = n->next) {
        const struct grant *g = CONTAINER(n, struct grant, in_rule);

        if (!bytes_eq_str(g->host, ACL_WILDCARD) && !bytes_eq(g->host, host))
            continue;
        v->allowed |= g->allowed;
        v->denied |= g->denied;
    }
}

static void take_pattern(struct rights *r, const struct rights_asker *a, unsigned resource, unsigned pattern,
                         struct bytes name, struct verdict *v)
{
    struct key k;

    take_rule(find_rule(r, resource, pattern, a->principal, name), a->host, v);
    take_rule(find_rule(r, resource, pattern, bytes_str(ACL_EVERYONE), name), a->host, v);
    if (a->everyone_if_no_acls && !v->has_acls)
        v->has_acls = map_get(&r->names, key_of(&k, resource, pattern, bytes_of(NULL, 0), name)) != NULL;
}

/* Of all prefixes of the name; itself, too. */
static void take_prefixes(struct rights *r, const struct rights_asker *a, unsigned resource,
                          struct bytes name, struct verdict *v)
{
    const struct lengths *l = &r->lengths[resource];

    for (size_t i = 0; i < l->count; i++)
        if (l->at[i].bytes <= name.len)
            take_pattern(r, a, resource, ACL_PREFIXED, bytes_of(name.at, l->at[i].bytes), v);
}

/* Reading, writing, deleting and altering need that one may see what it is; only what allows implies. */
static uint16_t with_implied(uint16_t allowed)
{
    const uint16_t describes = (uint16_t)(bit(ACL_READ) | bit(ACL_WRITE) | bit(ACL_DELETE) | bit(ACL_ALTER));

    if (allowed & describes)
        allowed |= bit(ACL_DESCRIBE);
    if (allowed & bit(ACL_ALTER_CONFIGS))
        allowed |= bit(ACL_DESCRIBE_CONFIGS);
    return allowed & bit(ACL_ALL) ? UINT16_MAX : allowed;
}

static uint16_t operations_of(const struct rights_asker *a, const struct verdict *v)
{
    if (a->is_super || (a->everyone_if_no_acls && !v->has_acls))
        return UINT16_MAX;
    if (v->denied & bit(ACL_ALL))
        return 0;
    return with_implied(v->allowed) & (uint16_t)~v->denied;
}

static uint16_t ask(struct rights *r, const struct rights_asker *a, unsigned resource, struct bytes name)
{
    struct verdict v = { 0 };

    take_pattern(r, a, resource, ACL_LITERAL, name, &v);
    if (!bytes_eq_str(name, ACL_WILDCARD))
        take_pattern(r, a, resource, ACL_LITERAL, bytes_str(ACL_WILDCARD), &v);
    take_prefixes(r, a, resource, name, &v);
    return operations_of(a, &v);
}

uint16_t rights_operations(struct rights *r, const struct rights_asker *asker, enum acl_resource resource,
                           struct bytes name)
{
    uint16_t operations;

    if (asker->is_super)
        return UINT16_MAX;
    pthread_rwlock_rdlock(&r->lock);
    operations = ask(r, asker, resource, name);
    pthread_rwlock_unlock(&r->lock);
    return operations;
}

/* Would a name exist with which he may do it, if only this rule allows it? One behind a prefix is free unless it is
 * denied by a prefix of that, or altogether. */
static bool leaves_some(struct rights *r, const struct rights_asker *a, enum acl_operation operation,
                        unsigned resource, const struct rule *rule)
{
    struct verdict v = { 0 };

    if (rule->pattern == ACL_LITERAL && !bytes_eq_str(rule->name, ACL_WILDCARD))
        return ask(r, a, resource, rule->name) & bit(operation);
    take_pattern(r, a, resource, ACL_LITERAL, bytes_str(ACL_WILDCARD), &v);
    if (rule->pattern == ACL_PREFIXED)
        take_prefixes(r, a, resource, rule->name, &v);
    return operations_of(a, &v) & bit(operation);
}

static bool any_of(struct rights *r, const struct rights_asker *a, enum acl_operation operation,
                   unsigned resource, struct bytes principal)
{
    struct section *s = section_of(r, resource, principal, false);

    for (struct list *n = s ? s->rules.next : NULL; n && n != &s->rules; n = n->next)
        if (leaves_some(r, a, operation, resource, CONTAINER(n, struct rule, in_section)))
            return true;
    return false;
}

bool rights_any(struct rights *r, const struct rights_asker *asker, enum acl_operation operation,
                enum acl_resource resource)
{
    bool is_any = asker->is_super;

    if (is_any)
        return true;
    pthread_rwlock_rdlock(&r->lock);
    is_any = (asker->everyone_if_no_acls &&
              ask(r, asker, resource, bytes_str("any name without ACLs")) & bit(operation)) ||
             any_of(r, asker, operation, resource, asker->principal) ||
             any_of(r, asker, operation, resource, bytes_str(ACL_EVERYONE));
    pthread_rwlock_unlock(&r->lock);
    return is_any;
}

/* ---- names of topics ---- */

void rights_name_topic(struct rights *r, const struct uuid *id, struct bytes name)
{
    struct topic_name *t;

    if (!r->names_topics)
        return;
    t = mem_new(sizeof *t);
    t->id = *id;
    t->name = copy(name);
    pthread_rwlock_wrlock(&r->lock);
    t = map_put(&r->topics, bytes_of(t->id.at, sizeof t->id.at), t);
    pthread_rwlock_unlock(&r->lock);
    assert(!t);
}

void rights_forget_topic(struct rights *r, const struct uuid *id)
{
    struct topic_name *t;

    pthread_rwlock_wrlock(&r->lock);
    t = map_remove(&r->topics, bytes_of(id->at, sizeof id->at));
    pthread_rwlock_unlock(&r->lock);
    if (t)
        free_topic(t);
}

bool rights_topic_name(struct rights *r, const struct uuid *id, struct buf *out)
{
    const struct topic_name *t;

    pthread_rwlock_rdlock(&r->lock);
    t = map_get(&r->topics, bytes_of(id->at, sizeof id->at));
    if (t)
        buf_bytes(out, t->name);
    pthread_rwlock_unlock(&r->lock);
    return t != NULL;
}
