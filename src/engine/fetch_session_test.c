/* fetch_session_test.c - sessions of reads (KIP-227) through the real engine: what is told, and what is not. */
#include <stdio.h>

#include "engine/engine_rig.h"
#include "engine/fetch_calls.h"

enum { PARTS = 4, ALL_BYTES = 1 << 20 };

static void make_topic(struct rig *r, const char *name, uint32_t partitions)
{
    struct topic_create_call *c = RIG_NEW(r, topic_create_call, CALL_TOPIC_CREATE);

    c->ns = bytes_str(NAMESPACE_DEFAULT);
    c->name = bytes_str(name);
    c->partition_count = partitions;
    c->policy = topic_policy_default;
    assert_true(rig_call(r, c));
    assert_int_equal(c->call.err, ERR_OK);
    call_free(c);
}

static void delete_topic(struct rig *r, const char *name)
{
    struct topic_delete_call *c = RIG_NEW(r, topic_delete_call, CALL_TOPIC_DELETE);

    c->ns = bytes_str(NAMESPACE_DEFAULT);
    c->name = bytes_str(name);
    rig_call(r, c);
    assert_int_equal(c->call.err, ERR_OK);
    call_free(c);
}

static void append(struct rig *r, const char *topic, uint32_t partition)
{
    struct append_call *a = RIG_NEW(r, append_call, CALL_APPEND);
    struct append_item  item = { .name = bytes_str(topic), .partition = (int32_t)partition, .delay_ms = -1 };

    item.batch = rig_batch(2, r->now_ms, "k");
    a->ns = bytes_str(NAMESPACE_DEFAULT);
    a->items = &item;
    a->item_count = 1;
    rig_call(r, a);
    assert_int_equal(item.err, ERR_OK);
    call_free(a);
}

static struct fetch_call *new_fetch(struct rig *r, int32_t id, int32_t epoch)
{
    struct fetch_call *f = RIG_NEW(r, fetch_call, CALL_FETCH);

    f->ns = bytes_str(NAMESPACE_DEFAULT);
    f->session_id = id;
    f->epoch = epoch;
    f->bytes_max = ALL_BYTES;
    f->bytes_min = 1;
    f->items = arena_array(&f->call.arena, PARTS, sizeof *f->items);
    f->forget = arena_array(&f->call.arena, PARTS, sizeof *f->forget);
    return f;
}

static void ask(struct fetch_call *f, const char *topic, uint32_t partition, uint64_t offset)
{
    f->items[f->item_count++] = (struct read_item){
        .name = bytes_str(topic), .partition = partition, .offset = offset, .bytes_max = ALL_BYTES
    };
}

static void end(struct fetch_call *f)
{
    for (size_t i = 0; i < f->told_count; i++) {
        for (size_t k = 0; k < f->told[i].batch_count; k++)
            slice_drop(&f->told[i].batches[k].bytes);
    }
    call_free(f);
}

/* Answered at once: whether it told of so many, and had batches for so many of them. */
static void check(struct rig *r, struct fetch_call *f, enum err err, size_t told, size_t with_batches)
{
    size_t count = 0;

    assert_true(rig_call(r, f));
    assert_int_equal(f->call.err, err);
    assert_int_equal(f->told_count, told);
    for (size_t i = 0; i < told; i++)
        count += f->told[i].batch_count > 0;
    assert_int_equal(count, with_batches);
}

/* A session over the whole of a topic without records. */
static int32_t begin(struct rig *r, const char *topic)
{
    struct fetch_call *f = new_fetch(r, 0, FETCH_EPOCH_NEW);
    int32_t            id;

    for (uint32_t i = 0; i < PARTS; i++)
        ask(f, topic, i, 0);
    check(r, f, ERR_OK, PARTS, 0);
    id = f->session_id;
    assert_true(id > 0);
    end(f);
    return id;
}

static void open_with_topic(struct rig *r)
{
    rig_open(r);
    make_topic(r, "t", PARTS);
}

static void only_what_changed_is_told(void **state)
{
    struct rig         r;
    struct fetch_call *f;
    int32_t            id;

    (void)state;
    open_with_topic(&r);
    id = begin(&r, "t");
    f = new_fetch(&r, id, 1);
    check(&r, f, ERR_OK, 0, 0);
    end(f);
    append(&r, "t", 2);
    f = new_fetch(&r, id, 2);
    check(&r, f, ERR_OK, 1, 1);
    assert_int_equal(f->told[0].partition, 2);
    assert_int_equal(f->told[0].high_watermark, 2);
    assert_int_equal(f->session_id, id);
    end(f);
    f = new_fetch(&r, id, 3); /* it was not asked for another offset: it comes again */
    check(&r, f, ERR_OK, 1, 1);
    end(f);
    f = new_fetch(&r, id, 4);
    ask(f, "t", 2, 2);
    check(&r, f, ERR_OK, 0, 0);
    end(f);
    rig_close(&r);
}

/* Clients throw a first answer away that leaves one of their partitions out. */
static void a_first_answer_has_all_partitions(void **state)
{
    static const int32_t epochs[] = { FETCH_EPOCH_NEW, FETCH_EPOCH_FINAL };
    struct rig           r;

    (void)state;
    open_with_topic(&r);
    for (uint32_t i = 0; i < PARTS; i++)
        append(&r, "t", i);
    for (size_t k = 0; k < COUNT(epochs); k++) {
        struct fetch_call *f = new_fetch(&r, 0, epochs[k]);
        int32_t            id;

        f->bytes_max = 1; /* the first batch comes all the same */
        for (uint32_t i = 0; i < PARTS; i++)
            ask(f, "t", i, 0);
        check(&r, f, ERR_OK, PARTS, 1);
        for (size_t i = 0; i < f->told_count; i++)
            assert_int_equal(f->told[i].high_watermark, 2);
        id = f->session_id;
        end(f);
        if (!id)
            continue;
        f = new_fetch(&r, id, 1);
        check(&r, f, ERR_OK, PARTS, PARTS); /* those were not forgotten */
        end(f);
    }
    rig_close(&r);
}

static void epochs_and_ids_are_checked(void **state)
{
    struct rig         r;
    struct fetch_call *f;
    int32_t            id;

    (void)state;
    open_with_topic(&r);
    id = begin(&r, "t");
    check(&r, f = new_fetch(&r, id, 2), ERR_SESSION_EPOCH, 0, 0);
    end(f);
    check(&r, f = new_fetch(&r, id ^ 1, 1), ERR_NO_SESSION, 0, 0);
    end(f);
    f = new_fetch(&r, id, 1);
    f->by_uuid = true;
    check(&r, f, ERR_SESSION_TOPICS, 0, 0);
    end(f);
    check(&r, f = new_fetch(&r, id, 1), ERR_OK, 0, 0); /* none of these counted */
    end(f);
    f = new_fetch(&r, id, FETCH_EPOCH_FINAL);
    ask(f, "t", 1, 0);
    check(&r, f, ERR_OK, 1, 0);
    assert_int_equal(f->session_id, 0);
    end(f);
    check(&r, f = new_fetch(&r, id, 2), ERR_NO_SESSION, 0, 0);
    end(f);
    rig_close(&r);
}

static void a_wait_ends_with_what_comes(void **state)
{
    struct rig         r;
    struct fetch_call *f;
    int32_t            id;

    (void)state;
    open_with_topic(&r);
    id = begin(&r, "t");
    f = new_fetch(&r, id, 1);
    f->wait_ms = 500;
    assert_false(rig_call(&r, f));
    append(&r, "t", 3);
    assert_int_equal(f->told[0].partition, 3);
    assert_int_equal(f->told[0].batch_count, 1);
    end(f);
    f = new_fetch(&r, id, 2);
    ask(f, "t", 3, 2);
    f->wait_ms = 500;
    assert_false(rig_call(&r, f));
    rig_advance(&r, 499);
    assert_int_equal(r.last == &f->call, 0);
    rig_advance(&r, 1);
    assert_ptr_equal(r.last, &f->call);
    assert_int_equal(f->told_count, 0);
    end(f);
    rig_close(&r);
}

/* What the first answer says of the other log's end is asked of the log before its own readers are woken. */
static void two_logs_reach_the_disk_together(void **state)
{
    struct rig          r;
    struct fetch_call  *f, *next;
    struct append_call *a;
    struct append_item  items[2];
    uint32_t            told;

    (void)state;
    open_with_topic(&r);
    f = new_fetch(&r, 0, FETCH_EPOCH_NEW);
    f->wait_ms = 500;
    ask(f, "t", 0, 0);
    ask(f, "t", 1, 0);
    assert_false(rig_call(&r, f));
    a = RIG_NEW(&r, append_call, CALL_APPEND);
    a->ns = bytes_str(NAMESPACE_DEFAULT);
    a->items = items;
    a->item_count = COUNT(items);
    for (size_t i = 0; i < COUNT(items); i++)
        items[i] = (struct append_item){
            .name = bytes_str("t"), .partition = (int32_t)i, .batch = rig_batch(2, r.now_ms, "k"), .delay_ms = -1
        };
    rig_call(&r, a);
    call_free(a);
    assert_int_equal(f->told_count, 2);
    told = f->told[0].partition;
    assert_int_equal(f->told[0].batch_count, 1);
    assert_int_equal(f->told[1].batch_count, 0);
    next = new_fetch(&r, f->session_id, 1);
    ask(next, "t", told, 2);
    end(f);
    check(&r, next, ERR_OK, 1, 1);
    assert_int_not_equal(next->told[0].partition, told);
    end(next);
    rig_close(&r);
}

/* FS2: what is there already is kept while the rest is waited for. */
static void enough_is_gathered(void **state)
{
    struct rig         r;
    struct fetch_call *f;
    int32_t            id;

    (void)state;
    open_with_topic(&r);
    id = begin(&r, "t");
    f = new_fetch(&r, id, 1);
    f->wait_ms = 500;
    f->bytes_min = 200; /* three batches */
    assert_false(rig_call(&r, f));
    append(&r, "t", 0);
    append(&r, "t", 1);
    assert_ptr_not_equal(r.last, &f->call);
    append(&r, "t", 2);
    assert_int_equal(f->told_count, 3);
    end(f);
    rig_close(&r);
}

static void forgotten_and_failed_partitions(void **state)
{
    struct rig         r;
    struct fetch_call *f;
    int32_t            id;

    (void)state;
    open_with_topic(&r);
    id = begin(&r, "t");
    append(&r, "t", 0);
    append(&r, "t", 1);
    f = new_fetch(&r, id, 1);
    f->forget[f->forget_count++] = (struct fetch_forget){ .name = bytes_str("t"), .partition = 0 };
    ask(f, "t", 3, 77); /* beyond the end */
    check(&r, f, ERR_OK, 2, 1);
    end(f);
    f = new_fetch(&r, id, 2); /* the error comes again until it is asked from elsewhere */
    ask(f, "t", 1, 2);
    check(&r, f, ERR_OK, 1, 0);
    assert_int_equal(f->told[0].err, ERR_OUT_OF_RANGE);
    end(f);
    f = new_fetch(&r, id, 3);
    for (uint32_t i = 1; i < PARTS; i++)
        f->forget[f->forget_count++] = (struct fetch_forget){ .name = bytes_str("t"), .partition = i };
    check(&r, f, ERR_OK, 0, 0);
    assert_int_equal(f->session_id, 0); /* nothing was left */
    end(f);
    rig_close(&r);
}

static void a_topic_that_goes_ends_the_wait(void **state)
{
    struct rig         r;
    struct fetch_call *f;
    int32_t            id;

    (void)state;
    open_with_topic(&r);
    make_topic(&r, "u", PARTS);
    id = begin(&r, "t");
    f = new_fetch(&r, id, 1);
    ask(f, "u", 0, 0);
    f->bytes_min = 0;
    check(&r, f, ERR_OK, 1, 0);
    end(f);
    f = new_fetch(&r, id, 2);
    f->wait_ms = 1000;
    assert_false(rig_call(&r, f));
    delete_topic(&r, "u");
    assert_int_equal(f->told_count, 1);
    assert_int_equal(f->told[0].err, ERR_NO_TOPIC);
    end(f);
    make_topic(&r, "u", 1); /* by its name it is found again */
    append(&r, "u", 0);
    f = new_fetch(&r, id, 3);
    check(&r, f, ERR_OK, 1, 1);
    end(f);
    rig_close(&r);
}

/* Nobody is told, but what was taken is there for the next. */
static void a_wait_that_is_cancelled_loses_nothing(void **state)
{
    struct rig         r;
    struct fetch_call *f;
    struct call       *c;
    int32_t            id;

    (void)state;
    open_with_topic(&r);
    id = begin(&r, "t");
    append(&r, "t", 0);
    f = new_fetch(&r, id, 1);
    f->call.session = 7;
    f->wait_ms = 1000;
    f->bytes_min = 1000;
    assert_false(rig_call(&r, f));
    c = rig_new(&r, sizeof *c, CALL_SESSION_CLOSE);
    c->session = 7;
    rig_call(&r, c);
    call_free(c);
    assert_int_equal(f->call.err, ERR_CANCELLED);
    assert_int_equal(f->told_count, 0);
    end(f);
    f = new_fetch(&r, id, 2);
    check(&r, f, ERR_OK, 1, 1);
    end(f);
    rig_close(&r);
}

/* FS4 */
static void the_oldest_make_room(void **state)
{
    struct rig         r;
    struct fetch_call *f;
    int32_t            first;

    (void)state;
    open_with_topic(&r);
    first = begin(&r, "t");
    for (int i = 1; i < FETCH_SESSIONS_MAX; i++)
        begin(&r, "t");
    f = new_fetch(&r, 0, FETCH_EPOCH_NEW);
    ask(f, "t", 0, 0);
    check(&r, f, ERR_OK, 1, 0);
    assert_int_equal(f->session_id, 0); /* no room: all are young */
    end(f);
    check(&r, f = new_fetch(&r, first, 1), ERR_OK, 0, 0);
    end(f);
    rig_advance(&r, FETCH_SESSION_EVICT_MS + 1);
    check(&r, f = new_fetch(&r, first, 2), ERR_OK, 0, 0);
    end(f);
    f = new_fetch(&r, 0, FETCH_EPOCH_NEW);
    ask(f, "t", 0, 0);
    check(&r, f, ERR_OK, 1, 0);
    assert_true(f->session_id > 0);
    end(f);
    check(&r, f = new_fetch(&r, first, 3), ERR_OK, 0, 0); /* it was used since */
    end(f);
    rig_close(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_what_changed_is_told),
        cmocka_unit_test(a_first_answer_has_all_partitions),
        cmocka_unit_test(epochs_and_ids_are_checked),
        cmocka_unit_test(a_wait_ends_with_what_comes),
        cmocka_unit_test(two_logs_reach_the_disk_together),
        cmocka_unit_test(enough_is_gathered),
        cmocka_unit_test(forgotten_and_failed_partitions),
        cmocka_unit_test(a_topic_that_goes_ends_the_wait),
        cmocka_unit_test(a_wait_that_is_cancelled_loses_nothing),
        cmocka_unit_test(the_oldest_make_room),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
