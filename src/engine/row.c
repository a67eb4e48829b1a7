/*
 * row.c - see row.h.
 *
 * A row's state lies in its stamp: 0 is unborn, rows.clean_stamp clean, rows.dirty_stamp dirty, and
 * any other pending. rows_begin gives new stamps out, so that whole lists change their state at
 * once: dirty rows become pending, and when the checkpoint is full, so do all clean ones.
 */
#include "engine/row.h"
#include "engine/engine_int.h"
#include "store/catalogue.h"

#include <assert.h>

static const struct row_type {
    enum change   change;
    row_write_fn *key;
    row_write_fn *head;
} types[ROW_CLASS_END] = {
#define X(octet, name, change, prefix)                                                             \
    [octet] = { CHANGE_##change, prefix##_key, prefix##_head },
    ROW_LIST(X)
#undef X
};

static const struct {
    const char    *what;
    row_define_fn *define;
} definitions[ROW_CLASS_END] = {
#define X(name, what, prefix) [ROW_##name] = { what, prefix##_define },
    ROW_DEFINE_LIST(X)
#undef X
};

void rows_init(struct rows *r)
{
    list_init(&r->clean);
    list_init(&r->dirty);
    list_init(&r->pending);
    r->clean_stamp = ++r->last_stamp;
    r->dirty_stamp = ++r->last_stamp;
}

void rows_load(struct rows *r, struct catalogue *c)
{
    r->catalogue = c;
    r->is_loading = true;
}

void rows_loaded(struct rows *r)
{
    r->is_loading = false;
}

void rows_close(struct rows *r)
{
    r->is_closed = true;
}

void rows_fini(struct rows *r)
{
    buf_fini(&r->key);
    buf_fini(&r->head);
}

void row_init(struct row *row, enum row_class class)
{
    *row = (struct row){ .class = (uint8_t)class };
    list_init(&row->in_rows);
}

static struct bytes key_of(struct engine *e, const struct row *row)
{
    struct buf *key = &e->rows.key;

    buf_clear(key);
    buf_u8(key, row->class);
    types[row->class].key(e, row, key);
    return buf_view(key);
}

static void move(struct row *row, struct list *to, uint32_t stamp)
{
    list_remove(&row->in_rows);
    list_push(to, &row->in_rows);
    row->stamp = stamp;
}

static bool is_pending(const struct rows *r, const struct row *row)
{
    return row->stamp != 0 && row->stamp != r->clean_stamp && row->stamp != r->dirty_stamp;
}

static void define(struct engine *e, const struct row *row)
{
    struct row_definition d = { .text = "" };

    if (!definitions[row->class].define)
        return;
    definitions[row->class].define(e, row, &d);
    catalogue_define(e->rows.catalogue, buf_view(&e->rows.key), definitions[row->class].what, d.ns,
                     d.name, d.text);
}

/* Into the checkpoint that is gathered. */
static void put(struct engine *e, struct row *row)
{
    struct rows           *r = &e->rows;
    const struct row_type *type = &types[row->class];

    buf_clear(&r->head);
    type->head(e, row, &r->head);
    if (r->head.len > 0) {
        catalogue_put(r->catalogue, key_of(e, row), (uint8_t)type->change, buf_view(&r->head));
        define(e, row);
    } else if (row->is_saved) {
        catalogue_remove(r->catalogue, key_of(e, row)); /* R4 */
    }
    row->is_saved = r->head.len > 0;
    move(row, &r->clean, r->clean_stamp);
}

void row_touch(struct engine *e, struct row *row)
{
    struct rows *r = &e->rows;

    if (row->stamp == r->dirty_stamp || r->is_closed)
        return;
    if (r->is_loading) {
        row->is_saved = true;
        move(row, &r->clean, r->clean_stamp);
        return;
    }
    if (is_pending(r, row))
        put(e, row); /* R1 */
    move(row, &r->dirty, r->dirty_stamp);
    r->dirty_count++;
}

void row_remove(struct engine *e, struct row *row)
{
    struct rows *r = &e->rows;

    if (row->stamp == 0 || r->is_closed)
        return;
    if (is_pending(r, row))
        put(e, row);
    if (row->stamp == r->dirty_stamp)
        r->dirty_count--;
    if (row->is_saved) {
        catalogue_remove_next(r->catalogue, key_of(e, row));
        r->dirty_count++;
    }
    list_remove(&row->in_rows);
    row->stamp = 0;
    row->is_saved = false;
}

/* All of from to the end of to. */
static void splice(struct list *to, struct list *from)
{
    if (list_empty(from))
        return;
    from->next->prev = to->prev;
    to->prev->next = from->next;
    from->prev->next = to;
    to->prev = from->prev;
    list_init(from);
}

void rows_begin(struct engine *e, bool is_full)
{
    struct rows *r = &e->rows;

    assert(list_empty(&r->pending));
    catalogue_begin(r->catalogue, is_full);
    if (is_full) {
        splice(&r->pending, &r->clean);
        r->clean_stamp = ++r->last_stamp;
    }
    splice(&r->pending, &r->dirty);
    r->dirty_stamp = ++r->last_stamp;
    r->dirty_count = 0;
}

bool rows_step(struct engine *e, size_t count)
{
    struct rows *r = &e->rows;

    while (count-- > 0 && !list_empty(&r->pending))
        put(e, CONTAINER(r->pending.next, struct row, in_rows));
    return list_empty(&r->pending);
}
