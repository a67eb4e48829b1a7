/*
 * acl.c - ACLs: kept here, asked for at rights.h.
 *
 * Changes (docs/journal.md):
 *   ACL_ADDED, ACL_REMOVED  u8 resource, u8 pattern, u8 operation, u8 permission, name, principal, host
 *
 *   AC1  Those bytes are the ACL's key here, its row in a checkpoint and what both changes say.
 *   AC2  The index (rights.h) holds what is here, always: it changes where the changes are applied.
 *
 * Thread: the shard's.
 */
#include "engine/acl_calls.h"
#include "engine/engine_int.h"
#include "engine/queue_int.h"

#include <stdio.h>
#include <stdlib.h>

struct acl_row {
    struct row   row;
    struct bytes key; /* owned (AC1) */
};

/* ---- bytes ---- */

static void put_acl(struct buf *out, const struct acl *acl)
{
    buf_u8(out, acl->resource);
    buf_u8(out, acl->pattern);
    buf_u8(out, acl->operation);
    buf_u8(out, acl->permission);
    change_put_bytes(out, acl->name);
    change_put_bytes(out, acl->principal);
    change_put_bytes(out, acl->host);
}

/* Borrows from the head. */
static struct acl get_acl(struct rd *head)
{
    struct acl acl = { .resource = rd_u8(head) };

    acl.pattern = rd_u8(head);
    acl.operation = rd_u8(head);
    acl.permission = rd_u8(head);
    acl.name = change_get_bytes(head);
    acl.principal = change_get_bytes(head);
    acl.host = change_get_bytes(head);
    return acl;
}

static struct acl acl_of(struct bytes key)
{
    struct rd head = rd_of(key);

    return get_acl(&head);
}

/* An ACL as it is kept: no wildcard numbers, nothing null or beyond its limit. */
static enum err check(const struct acl *a)
{
    if (a->resource < ACL_TOPIC || a->resource >= ACL_RESOURCE_END || a->operation < ACL_ALL ||
        a->operation >= ACL_OPERATION_END || (a->pattern != ACL_LITERAL && a->pattern != ACL_PREFIXED) ||
        (a->permission != ACL_ALLOW && a->permission != ACL_DENY))
        return ERR_BAD_ARGUMENT;
    if (a->name.len == 0 || a->name.len > ACL_NAME_BYTES_MAX || a->principal.len == 0 ||
        a->principal.len > ACL_PRINCIPAL_BYTES_MAX || a->host.len == 0 || a->host.len > ACL_HOST_BYTES_MAX)
        return ERR_BAD_NAME;
    return ERR_OK;
}

/* ---- objects ---- */

void acl_init(struct engine *e)
{
    map_init(&e->acls);
    e->owns_rights = !e->options.rights;
    e->rights = e->owns_rights ? rights_new(false) : e->options.rights;
}

static void free_acl(struct engine *e, struct acl_row *a)
{
    row_remove(e, &a->row);
    free((void *)(uintptr_t)a->key.at);
    free(a);
}

void acl_fini(struct engine *e)
{
    struct acl_row *a;
    size_t          at = 0;

    while ((a = map_next(&e->acls, &at)) != NULL)
        free_acl(e, a);
    map_fini(&e->acls);
    if (e->owns_rights)
        rights_free(e->rights);
}

/* ---- changes ---- */

enum err acl_apply_added(struct engine *e, struct rd *head, struct bytes payload, uint64_t position)
{
    struct bytes    key = bytes_of(head->at, rd_left(head));
    struct acl      acl = get_acl(head);
    struct acl_row *a;

    (void)payload;
    (void)position;
    if (head->failed || rd_left(head) > 0 || check(&acl) || map_get(&e->acls, key))
        return ERR_CORRUPT;
    a = mem_new(sizeof *a);
    row_init(&a->row, ROW_ACL);
    a->key = bytes_of(mem_copy(key.at, key.len), key.len);
    map_put(&e->acls, a->key, a);
    row_touch(e, &a->row);
    rights_add(e->rights, &acl); /* AC2 */
    return ERR_OK;
}

enum err acl_apply_removed(struct engine *e, struct rd *head, struct bytes payload, uint64_t position)
{
    struct bytes    key = bytes_of(head->at, rd_left(head));
    struct acl      acl = get_acl(head);
    struct acl_row *a = head->failed ? NULL : map_get(&e->acls, key);

    (void)payload;
    (void)position;
    if (!a)
        return ERR_CORRUPT;
    map_remove(&e->acls, a->key);
    rights_remove(e->rights, &acl);
    free_acl(e, a);
    return ERR_OK;
}

/* ---- checkpoints ---- */

static const struct acl_row *of(const struct row *row)
{
    return CONTAINER(row, struct acl_row, row);
}

void acl_row_key(struct engine *e, const struct row *row, struct buf *out)
{
    (void)e;
    buf_bytes(out, of(row)->key);
}

void acl_row_head(struct engine *e, const struct row *row, struct buf *out)
{
    acl_row_key(e, row, out);
}

/* ---- matching (a filter's null is any text) ---- */

static bool is_text(struct bytes filter, struct bytes text)
{
    return bytes_is_null(filter) || bytes_eq(filter, text);
}

static bool is_number(unsigned filter, unsigned any, unsigned number)
{
    return filter == any || filter == number;
}

static bool names(const struct acl *filter, const struct acl *a)
{
    if (filter->pattern != ACL_PATTERN_MATCH)
        return is_number(filter->pattern, ACL_PATTERN_ANY, a->pattern) && is_text(filter->name, a->name);
    if (bytes_is_null(filter->name) || bytes_eq(filter->name, a->name))
        return true;
    if (a->pattern == ACL_LITERAL)
        return bytes_eq_str(a->name, ACL_WILDCARD);
    return filter->name.len > a->name.len && memcmp(filter->name.at, a->name.at, a->name.len) == 0;
}

static bool matches(const struct acl *filter, const struct acl *a)
{
    return is_number(filter->resource, ACL_RESOURCE_ANY, a->resource) &&
           is_number(filter->operation, ACL_OPERATION_ANY, a->operation) &&
           is_number(filter->permission, ACL_PERMISSION_ANY, a->permission) &&
           is_text(filter->principal, a->principal) && is_text(filter->host, a->host) && names(filter, a);
}

static bool is_filter(const struct acl *f)
{
    return f->resource >= ACL_RESOURCE_ANY && f->resource < ACL_RESOURCE_END && f->pattern >= ACL_PATTERN_ANY &&
           f->pattern < ACL_PATTERN_END && f->operation >= ACL_OPERATION_ANY &&
           f->operation < ACL_OPERATION_END && f->permission >= ACL_PERMISSION_ANY &&
           f->permission < ACL_PERMISSION_END;
}

/* ---- calls ---- */

static enum err create(struct engine *e, const struct acl *acl)
{
    enum err   err = check(acl);
    struct buf head;

    if (err)
        return err;
    buf_init(&head);
    put_acl(&head, acl);
    if (map_get(&e->acls, buf_view(&head))) {
        buf_fini(&head);
        return ERR_OK;
    }
    if (e->acls.count >= ACL_COUNT_MAX) {
        buf_fini(&head);
        return ERR_LIMIT;
    }
    queue_commit(e, CHANGE_ACL_ADDED, &head, acl_apply_added);
    return ERR_OK;
}

void acl_on_create(struct engine *e, struct call *c)
{
    struct acls_create_call *a = (struct acls_create_call *)c;

    for (size_t i = 0; i < a->count; i++)
        a->items[i].err = create(e, &a->items[i].acl);
    engine_answer(e, c, ERR_OK);
}

static int by_key(const void *a, const void *b)
{
    const struct acl *x = a, *y = b;
    int               order = x->resource - y->resource;

    if (order == 0)
        order = bytes_cmp(x->name, y->name);
    if (order == 0)
        order = x->pattern - y->pattern;
    if (order == 0)
        order = bytes_cmp(x->principal, y->principal);
    if (order == 0)
        order = bytes_cmp(x->host, y->host);
    if (order == 0)
        order = x->operation - y->operation;
    return order != 0 ? order : x->permission - y->permission;
}

/* The i-th ACL of *all, in an array that grows with it. */
static void keep(struct acl **all, size_t count, const struct acl *acl)
{
    if ((count & (count - 1)) == 0) /* 0, 1, 2, 4...: it is full */
        *all = mem_resize(*all, (count ? 2 * count : 1) * sizeof **all);
    (*all)[count] = *acl;
}

static void find(struct engine *e, struct call *c, struct acl_filter *f)
{
    struct acl     *all = NULL;
    struct acl_row *a;
    size_t          at = 0;

    while ((a = map_next(&e->acls, &at)) != NULL) {
        struct acl acl = acl_of(a->key);

        if (matches(&f->acl, &acl))
            keep(&all, f->count++, &acl);
    }
    if (f->count > 0)
        qsort(all, f->count, sizeof *all, by_key);
    f->found = arena_array(&c->arena, f->count, sizeof *f->found);
    for (size_t i = 0; i < f->count; i++) {
        f->found[i] = all[i];
        f->found[i].name = call_bytes(c, all[i].name);
        f->found[i].principal = call_bytes(c, all[i].principal);
        f->found[i].host = call_bytes(c, all[i].host);
    }
    free(all);
}

static void delete_found(struct engine *e, const struct acl_filter *f)
{
    for (size_t i = 0; i < f->count; i++) {
        struct buf head;

        buf_init(&head);
        put_acl(&head, &f->found[i]);
        if (map_get(&e->acls, buf_view(&head)))
            queue_commit(e, CHANGE_ACL_REMOVED, &head, acl_apply_removed);
        else
            buf_fini(&head);
    }
}

/* All filters see the ACLs as they were before. */
void acl_on_filter(struct engine *e, struct call *c)
{
    struct acls_call *a = (struct acls_call *)c;

    for (size_t i = 0; i < a->count; i++) {
        struct acl_filter *f = &a->filters[i];

        f->count = 0;
        f->err = is_filter(&f->acl) ? ERR_OK : ERR_BAD_ARGUMENT;
        if (!f->err)
            find(e, c, f);
    }
    for (size_t i = 0; a->deletes && i < a->count; i++)
        delete_found(e, &a->filters[i]);
    engine_answer(e, c, ERR_OK);
}
