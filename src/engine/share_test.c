/* share_test.c - share groups: locks, what becomes of records, sessions, and all of it after a crash. */
#include "engine/share_rig.h"

/* A member with a session over partition 0 of t; its next request is of epoch 1. */
static void begin(struct rig *r, const char *member, size_t expected)
{
    share_join(r, member, "t");
    share_free(share_get(r, share_request(r, CALL_SHARE_FETCH, member, 0, "t", 0), expected));
}

static void set_up(struct rig *r, int records)
{
    struct group_policy p = share_earliest();

    rig_open(r);
    share_create(r, "t", 1);
    share_tell(r, &p);
    if (records > 0)
        share_append(r, "t", 0, records);
}

/* Another fetch of the session; the first record's delivery count. */
static uint32_t again(struct rig *r, const char *member, int32_t epoch, size_t expected)
{
    struct share_fetch_call *c = share_get(r, share_request(r, CALL_SHARE_FETCH, member, epoch, NULL, 0), expected);
    uint32_t                 attempts = expected > 0 ? c->refs[0].counted_attempts : 0;

    share_free(c);
    return attempts;
}

static void a_record_is_locked_for_one_member(void **state)
{
    struct rig r;

    (void)state;
    set_up(&r, 3);
    begin(&r, "a", 3);
    begin(&r, "b", 0);
    assert_int_equal(share_settle_now(&r, "b", 1, "t", 0, 2, SHARE_ACCEPT), ERR_NO_LEASE);
    assert_int_equal(share_settle_now(&r, "a", 1, "t", 0, 1, SHARE_ACCEPT), ERR_OK);
    assert_int_equal(share_start(&r, "t", 0), 2);
    assert_int_equal(share_settle_now(&r, "a", 2, "t", 0, 2, SHARE_ACCEPT), ERR_OK); /* below the start: no error */
    assert_int_equal(share_start(&r, "t", 0), 3);
    assert_int_equal(share_settle_now(&r, "a", 3, "t", 0, 3, SHARE_ACCEPT), ERR_BAD_ARGUMENT);
    rig_close(&r);
}

/* SA1 */
static void one_wrong_acknowledgement_spoils_all(void **state)
{
    struct rig r;

    (void)state;
    set_up(&r, 4);
    begin(&r, "a", 4);
    assert_int_equal(share_settle_now(&r, "a", 1, "t", 1, 1, SHARE_ACCEPT), ERR_OK);
    assert_int_equal(share_settle_now(&r, "a", 2, "t", 0, 3, SHARE_ACCEPT), ERR_NO_LEASE); /* 1 is settled */
    assert_int_equal(share_start(&r, "t", 0), 0);
    assert_int_equal(share_queue(&r, "t")->ledger.leased_count, 3);
    assert_int_equal(share_settle_now(&r, "a", 3, "t", 2, 1, SHARE_ACCEPT), ERR_BAD_ARGUMENT);
    assert_int_equal(share_settle_now(&r, "a", 4, "t", 0, 0, 9), ERR_BAD_ARGUMENT);
    assert_int_equal(share_settle_now(&r, "a", 5, "t", -1, 0, SHARE_ACCEPT), ERR_BAD_ARGUMENT);
    rig_close(&r);
}

static void each_offset_may_have_its_own_word(void **state)
{
    static const int8_t      types[] = { SHARE_ACCEPT, SHARE_RELEASE, SHARE_REJECT, SHARE_ACCEPT };
    struct share_ack         ack = { 0, 3, COUNT(types), types };
    struct share_fetch_call *c;
    struct rig               r;

    (void)state;
    set_up(&r, 4);
    begin(&r, "a", 4);
    c = share_request(&r, CALL_SHARE_FETCH, "a", 1, "t", 0);
    c->items[0].acks = &ack;
    c->items[0].ack_count = 1;
    share_get(&r, c, 1); /* acknowledged first, so the released one comes at once */
    assert_int_equal(c->refs[0].offset, 1);
    assert_int_equal(c->refs[0].counted_attempts, 2);
    assert_int_equal(c->answer_count, 1);
    assert_true(c->answers[0].is_acked);
    assert_int_equal(c->answers[0].ack_err, ERR_OK);
    share_free(c);
    assert_int_equal(share_queue(&r, "t")->ledger.fates[FATE_ACKED], 2);
    assert_int_equal(share_queue(&r, "t")->ledger.fates[FATE_REJECTED], 1);
    ack.type_count = 3;
    c = share_request(&r, CALL_SHARE_ACKNOWLEDGE, "a", 2, "t", 0);
    c->items[0].acks = &ack;
    c->items[0].ack_count = 1;
    assert_true(rig_call(&r, c));
    assert_int_equal(c->answers[0].ack_err, ERR_BAD_ARGUMENT);
    call_free(c);
    rig_close(&r);
}

static void a_lock_runs_out(void **state)
{
    struct rig r;

    (void)state;
    set_up(&r, 1);
    begin(&r, "a", 1);
    rig_advance(&r, group_policy_default.lock_ms - 1);
    assert_int_equal(share_queue(&r, "t")->ledger.leased_count, 1);
    rig_advance(&r, 1);
    assert_int_equal(share_queue(&r, "t")->ledger.leased_count, 0);
    assert_int_equal(share_settle_now(&r, "a", 1, "t", 0, 0, SHARE_ACCEPT), ERR_NO_LEASE);
    assert_int_equal(again(&r, "a", 2, 1), 2);
    rig_close(&r);
}

static void a_renewed_lock_lasts_longer(void **state)
{
    struct rig r;

    (void)state;
    set_up(&r, 1);
    begin(&r, "a", 1);
    rig_advance(&r, group_policy_default.lock_ms - 1);
    assert_int_equal(share_settle_now(&r, "a", 1, "t", 0, 0, SHARE_RENEW), ERR_OK);
    assert_int_equal(share_say(&r, "a", 1), ERR_OK); /* else it would go as silent */
    rig_advance(&r, group_policy_default.lock_ms - 1);
    assert_int_equal(share_settle_now(&r, "a", 2, "t", 0, 0, SHARE_ACCEPT), ERR_OK);
    assert_int_equal(share_start(&r, "t", 0), 1);
    rig_close(&r);
}

/* The limit counts deliveries, however they ended. */
static void what_came_too_often_is_given_up(void **state)
{
    struct rig r;
    int32_t    epoch = 1;

    (void)state;
    set_up(&r, 2);
    begin(&r, "a", 2);
    assert_int_equal(share_settle_now(&r, "a", epoch++, "t", 1, 1, SHARE_ACCEPT), ERR_OK);
    for (uint32_t n = 2; n <= 5; n++) {
        if (n % 2)
            rig_advance(&r, group_policy_default.lock_ms);
        else
            assert_int_equal(share_settle_now(&r, "a", epoch++, "t", 0, 0, SHARE_RELEASE), ERR_OK);
        assert_int_equal(again(&r, "a", epoch++, 1), n);
        share_say(&r, "a", 0);
    }
    assert_int_equal(share_settle_now(&r, "a", epoch++, "t", 0, 0, SHARE_RELEASE), ERR_OK);
    again(&r, "a", epoch, 0);
    assert_int_equal(share_start(&r, "t", 0), 2);
    assert_int_equal(share_queue(&r, "t")->ledger.fates[FATE_REJECTED], 1);
    rig_close(&r);
}

/* What a dead letter says of itself, by header name; NULL: there is none. */
static const char *note_of(struct rig *r, uint64_t offset, const char *name, char space[64])
{
    struct log_at       at;
    struct slice        batch;
    struct batch_reader reader;
    struct record       record;

    space[0] = 0;
    assert_int_equal(log_find(share_topic(r, "dlq.g")->logs[0], offset, &at, NULL), LOG_FOUND);
    assert_int_equal(log_view(r->engine, &at, &batch), ERR_OK);
    assert_int_equal(batch_open(&reader, batch.bytes), ERR_OK);
    assert_true(batch_find(&reader, (int32_t)(offset - at.entry->base_offset), &record));
    assert_true(bytes_eq_str(record.key, "k"));
    for (size_t i = 0; i < record.header_count; i++)
        if (bytes_eq_str(record.headers[i].name, name))
            snprintf(space, 64, "%.*s", (int)record.headers[i].value.len, (const char *)record.headers[i].value.at);
    batch_close(&reader);
    slice_drop(&batch);
    return space[0] ? space : NULL;
}

static void dead_letters_tell_why(void **state)
{
    struct group_policy p = share_earliest();
    struct rig          r;
    char                s[64];

    (void)state;
    set_up(&r, 2);
    p.dead_letter_topic = bytes_str("dlq.g");
    p.delivery_limit = 1;
    share_tell(&r, &p);
    begin(&r, "a", 2);
    assert_int_equal(share_settle_now(&r, "a", 1, "t", 0, 0, SHARE_REJECT), ERR_OK);
    assert_int_equal(share_settle_now(&r, "a", 2, "t", 1, 1, SHARE_RELEASE), ERR_OK);
    assert_int_equal(share_queue(&r, "t")->ledger.fates[FATE_DEAD_LETTERED], 2);
    assert_string_equal(note_of(&r, 0, "__dlq.errors.topic", s), "t");
    assert_string_equal(note_of(&r, 0, "__dlq.errors.partition", s), "0");
    assert_string_equal(note_of(&r, 0, "__dlq.errors.offset", s), "0");
    assert_string_equal(note_of(&r, 0, "__dlq.errors.group", s), "g");
    assert_string_equal(note_of(&r, 0, "__dlq.errors.message", s), "Offset rejected by client.");
    assert_string_equal(note_of(&r, 1, "__dlq.errors.delivery.count", s), "1");
    assert_string_equal(note_of(&r, 1, "__dlq.errors.message", s), "Offset delivery count exceeded the threshold.");
    rig_restart(&r);
    assert_int_equal(share_topic(&r, "dlq.g")->logs[0]->end, 2);
    assert_int_equal(share_start(&r, "t", 0), 2);
    rig_close(&r);
}

/* SA2: what is rejected must be read, and is not in memory. */
static void a_rejection_waits_for_the_disk(void **state)
{
    struct group_policy p = share_earliest();
    struct rig          r;

    (void)state;
    set_up(&r, 2);
    share_create(&r, "dlq.g", 1);
    p.dead_letter_topic = bytes_str("dlq.g");
    share_tell(&r, &p);
    share_join(&r, "a", "t");
    rig_restart(&r);
    begin(&r, "a", 2);
    r.engine->loads.bytes_max = 0;
    rig_turn(&r);
    assert_int_equal(r.engine->loads.bytes, 0);
    assert_int_equal(share_settle_now(&r, "a", 1, "t", 0, 1, SHARE_REJECT), ERR_OK);
    assert_int_equal(share_queue(&r, "t")->ledger.fates[FATE_DEAD_LETTERED], 2);
    assert_int_equal(share_topic(&r, "dlq.g")->logs[0]->end, 2);
    rig_close(&r);
}

static void what_is_released_waits_if_it_is_told_to(void **state)
{
    struct group_policy p = share_earliest();
    struct rig          r;

    (void)state;
    set_up(&r, 1);
    p.release_delay_ms = 1000;
    p.release_delay_max_ms = 3000;
    share_tell(&r, &p);
    begin(&r, "a", 1);
    assert_int_equal(share_settle_now(&r, "a", 1, "t", 0, 0, SHARE_RELEASE), ERR_OK);
    rig_advance(&r, 999);
    again(&r, "a", 2, 0);
    rig_advance(&r, 1);
    assert_int_equal(again(&r, "a", 3, 1), 2);
    assert_int_equal(share_settle_now(&r, "a", 4, "t", 0, 0, SHARE_RELEASE), ERR_OK); /* doubled */
    rig_advance(&r, 1999);
    again(&r, "a", 5, 0);
    rig_advance(&r, 1);
    assert_int_equal(again(&r, "a", 6, 1), 3);
    assert_int_equal(share_settle_now(&r, "a", 7, "t", 0, 0, SHARE_RELEASE), ERR_OK); /* but no longer than that */
    rig_advance(&r, 2999);
    again(&r, "a", 8, 0);
    rig_advance(&r, 1);
    assert_int_equal(again(&r, "a", 9, 1), 4);
    rig_close(&r);
}

/* SG3: nothing accepted comes again, nothing is lost, attempts count. */
static void a_crash_gives_back_what_was_locked(void **state)
{
    struct rig r;

    (void)state;
    set_up(&r, 10);
    begin(&r, "a", 10);
    assert_int_equal(share_settle_now(&r, "a", 1, "t", 3, 5, SHARE_ACCEPT), ERR_OK);
    rig_restart(&r);
    assert_int_equal(share_say(&r, "a", 1), ERR_UNKNOWN_MEMBER);
    assert_int_equal(share_settle_now(&r, "a", 2, "t", 0, 0, SHARE_ACCEPT), ERR_UNKNOWN_MEMBER);
    share_join(&r, "b", "t");
    assert_int_equal(again(&r, "b", 0, 0), 0); /* a session without partitions */
    {
        struct share_fetch_call *c = share_get(&r, share_request(&r, CALL_SHARE_FETCH, "b", 0, "t", 0), 7);

        for (size_t i = 0; i < 7; i++) {
            assert_false(c->refs[i].offset >= 3 && c->refs[i].offset <= 5);
            assert_int_equal(c->refs[i].counted_attempts, 2);
        }
        share_free(c);
    }
    rig_close(&r);
}

static void the_end_of_a_session_gives_back_locks(void **state)
{
    struct share_fetch_call *c;
    struct call             *close;
    struct rig               r;

    (void)state;
    set_up(&r, 2);
    share_join(&r, "a", "t");
    c = share_request(&r, CALL_SHARE_FETCH, "a", 0, "t", 0);
    c->call.session = 7;
    share_free(share_get(&r, c, 2));
    c = share_request(&r, CALL_SHARE_ACKNOWLEDGE, "a", -1, "t", 0);
    share_ack(c, 0, 0, SHARE_ACCEPT);
    assert_int_equal(share_end(&r, c), ERR_OK);
    assert_int_equal(share_queue(&r, "t")->ledger.leased_count, 0);
    assert_int_equal(share_start(&r, "t", 0), 1);
    c = share_request(&r, CALL_SHARE_FETCH, "a", 0, "t", 0);
    c->call.session = 7;
    share_free(share_get(&r, c, 1));
    close = rig_new(&r, sizeof *close, CALL_SESSION_CLOSE); /* the connection goes */
    close->session = 7;
    assert_int_equal(share_end(&r, close), ERR_OK);
    assert_int_equal(share_queue(&r, "t")->ledger.leased_count, 0);
    begin(&r, "b", 1);
    rig_close(&r);
}

static void requests_of_a_session_come_in_order(void **state)
{
    struct share_fetch_call *c;
    struct rig               r;

    (void)state;
    set_up(&r, 0);
    share_join(&r, "a", "t");
    assert_int_equal(share_end(&r, share_request(&r, CALL_SHARE_FETCH, "a", 1, NULL, 0)), ERR_UNKNOWN_MEMBER);
    assert_int_equal(share_end(&r, share_request(&r, CALL_SHARE_FETCH, "a", -1, NULL, 0)), ERR_UNKNOWN_MEMBER);
    assert_int_equal(share_end(&r, share_request(&r, CALL_SHARE_ACKNOWLEDGE, "a", 0, NULL, 0)),
                     ERR_ILLEGAL_GENERATION);
    c = share_request(&r, CALL_SHARE_FETCH, "a", 0, "t", 0);
    share_ack(c, 0, 0, SHARE_ACCEPT); /* of what? */
    assert_int_equal(share_end(&r, c), ERR_BAD_ARGUMENT);
    again(&r, "a", 0, 0);
    again(&r, "a", 1, 0);
    assert_int_equal(share_end(&r, share_request(&r, CALL_SHARE_FETCH, "a", 1, NULL, 0)), ERR_ILLEGAL_GENERATION);
    assert_int_equal(share_end(&r, share_request(&r, CALL_SHARE_FETCH, "a", 3, NULL, 0)), ERR_ILLEGAL_GENERATION);
    again(&r, "a", 2, 0);
    again(&r, "a", -1, 0);
    assert_int_equal(share_end(&r, share_request(&r, CALL_SHARE_FETCH, "a", 3, NULL, 0)), ERR_UNKNOWN_MEMBER);
    rig_close(&r);
}

/* As many as there are brokers on paper. */
static void a_member_has_a_session_at_each_place(void **state)
{
    struct share_fetch_call *c;
    struct rig               r;

    (void)state;
    set_up(&r, 2);
    share_join(&r, "a", "t");
    c = share_request(&r, CALL_SHARE_FETCH, "a", 0, "t", 0);
    c->place = 1;
    share_free(share_get(&r, c, 2));
    c = share_request(&r, CALL_SHARE_FETCH, "a", 0, NULL, 0);
    c->place = 2;
    share_free(share_get(&r, c, 0));
    c = share_request(&r, CALL_SHARE_FETCH, "a", 1, NULL, 0);
    c->place = 1;
    share_free(share_get(&r, c, 0));
    c = share_request(&r, CALL_SHARE_FETCH, "a", -1, NULL, 0);
    c->place = 2;
    share_free(share_get(&r, c, 0));
    assert_int_equal(share_queue(&r, "t")->ledger.leased_count, 2);
    assert_int_equal(share_say(&r, "a", -1), ERR_OK);
    assert_int_equal(share_queue(&r, "t")->ledger.leased_count, 0);
    rig_close(&r);
}

static void a_fetch_waits_for_records_and_for_its_time(void **state)
{
    struct share_fetch_call *c;
    struct share_fetch_call *d;
    struct rig               r;
    int                      before;

    (void)state;
    set_up(&r, 0);
    begin(&r, "a", 0);
    begin(&r, "b", 0);
    c = share_request(&r, CALL_SHARE_FETCH, "a", 1, NULL, 0);
    c->wait_ms = 1000;
    assert_false(rig_call(&r, c));
    d = share_request(&r, CALL_SHARE_FETCH, "b", 1, NULL, 0);
    d->wait_ms = 500;
    assert_false(rig_call(&r, d));
    share_append(&r, "t", 0, 3); /* goes to who waits longest */
    assert_int_equal(c->ref_count, 3);
    share_free(c);
    before = r.answered;
    rig_advance(&r, 499);
    assert_int_equal(r.answered, before);
    rig_advance(&r, 1);
    assert_int_equal(r.answered, before + 1);
    assert_int_equal(d->ref_count, 0);
    share_free(d);
    rig_close(&r);
}

/* SF2, and whole batches or not (KIP-1206). */
static void limits_of_a_fetch(void **state)
{
    struct group_policy      p = share_earliest();
    struct share_fetch_call *c;
    struct rig               r;

    (void)state;
    set_up(&r, 10);
    share_append(&r, "t", 0, 10);
    share_join(&r, "a", "t");
    c = share_request(&r, CALL_SHARE_FETCH, "a", 0, "t", 0);
    c->messages_max = 3;
    share_free(share_get(&r, c, 3));
    c = share_request(&r, CALL_SHARE_FETCH, "a", 1, NULL, 0);
    c->messages_max = 3;
    c->whole_batches = true;
    share_free(share_get(&r, c, 7)); /* the rest of the batch */
    p.locks_max = 12;
    share_tell(&r, &p);
    assert_int_equal(again(&r, "a", 2, 2), 1);
    again(&r, "a", 3, 0);
    assert_int_equal(share_settle_now(&r, "a", 4, "t", 0, 4, SHARE_ACCEPT), ERR_OK);
    again(&r, "a", 5, 5);
    c = share_request(&r, CALL_SHARE_FETCH, "a", 6, NULL, 0);
    c->messages_max = 0;
    share_free(share_get(&r, c, 0));
    rig_close(&r);
}

static void a_group_begins_where_it_is_told_to(void **state)
{
    struct group_policy p = group_policy_default;
    struct rig          r;

    (void)state;
    set_up(&r, 3);
    share_tell(&r, &p);
    begin(&r, "a", 0); /* latest */
    share_append(&r, "t", 0, 2);
    again(&r, "a", 1, 2);
    share_create(&r, "old", 1);
    share_append(&r, "old", 0, 4);
    rig_advance(&r, 60000);
    share_append(&r, "old", 0, 4);
    p.start = 30000;
    share_tell(&r, &p);
    share_join(&r, "a", "old");
    assert_int_equal(share_start(&r, "old", 0), 4);
    rig_close(&r);
}

static enum err set_offset(struct rig *r, const char *topic, uint32_t partition, int64_t start)
{
    struct share_offsets_call *c = RIG_NEW(r, share_offsets_call, CALL_SHARE_OFFSETS_SET);
    struct share_offset        o = { .topic = bytes_str(topic), .partition = partition, .start = start };
    enum err                   err;

    c->ns = bytes_str(NAMESPACE_DEFAULT);
    c->group = bytes_str(GROUP);
    c->item_count = 1;
    c->items = &o;
    err = share_end(r, c);
    return err ? err : o.err;
}

static struct share_offset get_offset(struct rig *r, const char *topic, uint32_t partition)
{
    struct share_offsets_call *c = RIG_NEW(r, share_offsets_call, CALL_SHARE_OFFSETS_GET);
    struct share_offset        o = { .topic = bytes_str(topic), .partition = partition };

    c->ns = bytes_str(NAMESPACE_DEFAULT);
    c->group = bytes_str(GROUP);
    c->item_count = 1;
    c->items = &o;
    assert_int_equal(share_end(r, c), ERR_OK);
    return o;
}

static void offsets_are_set_and_forgotten(void **state)
{
    struct share_forget_call *f;
    struct share_forget_item  item = { .topic = bytes_str("t") };
    struct rig                r;

    (void)state;
    set_up(&r, 10);
    begin(&r, "a", 10);
    assert_int_equal(share_settle_now(&r, "a", 1, "t", 2, 8, SHARE_ACCEPT), ERR_OK);
    assert_int_equal(get_offset(&r, "t", 0).start, 0);
    assert_int_equal(get_offset(&r, "t", 0).lag, 3);
    assert_int_equal(set_offset(&r, "t", 0, 5), ERR_NOT_EMPTY);
    assert_int_equal(share_say(&r, "a", -1), ERR_OK);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(set_offset(&r, "t", 0, 5 - i), ERR_OK); /* back and forth */
        assert_int_equal(set_offset(&r, "t", 0, 7 - i), ERR_OK);
        rig_restart(&r);
        assert_int_equal(get_offset(&r, "t", 0).start, 7 - i);
        assert_int_equal(get_offset(&r, "t", 0).lag, 3 + i);
    }
    assert_int_equal(set_offset(&r, "t", 0, 1000), ERR_OK);
    assert_int_equal(get_offset(&r, "t", 0).start, 10);
    assert_int_equal(set_offset(&r, "t", 1, 0), ERR_NO_PARTITION);
    assert_int_equal(set_offset(&r, "no", 0, 0), ERR_NO_TOPIC);
    f = RIG_NEW(&r, share_forget_call, CALL_SHARE_FORGET);
    f->ns = bytes_str(NAMESPACE_DEFAULT);
    f->group = bytes_str(GROUP);
    f->item_count = 1;
    f->items = &item;
    assert_int_equal(share_end(&r, f), ERR_OK);
    assert_int_equal(get_offset(&r, "t", 0).start, -1);
    rig_close(&r);
}

/* The log's own start moves the group's. */
static void what_the_log_forgets_is_no_longer_there(void **state)
{
    struct log_trim_call *c;
    struct rig            r;

    (void)state;
    set_up(&r, 3);
    share_append(&r, "t", 0, 3);
    share_join(&r, "a", "t");
    c = RIG_NEW(&r, log_trim_call, CALL_LOG_TRIM);
    c->ns = bytes_str(NAMESPACE_DEFAULT);
    c->name = bytes_str("t");
    c->offset = 3;
    assert_int_equal(share_end(&r, c), ERR_OK);
    assert_int_equal(share_start(&r, "t", 0), 3);
    begin(&r, "a", 3);
    rig_close(&r);
}

static void a_group_goes_with_its_topics_and_by_request(void **state)
{
    struct topic_delete_call *d;
    struct group_delete_call *g;
    struct group_delete_item  item = { .group = bytes_str(GROUP) };
    struct rig                r;

    (void)state;
    set_up(&r, 3);
    begin(&r, "a", 3);
    d = RIG_NEW(&r, topic_delete_call, CALL_TOPIC_DELETE);
    d->ns = bytes_str(NAMESPACE_DEFAULT);
    d->name = bytes_str("t");
    assert_int_equal(share_end(&r, d), ERR_OK);
    assert_true(list_empty(&share_group_find(r.engine, bytes_str(NAMESPACE_DEFAULT), bytes_str(GROUP))->queues));
    g = RIG_NEW(&r, group_delete_call, CALL_GROUP_DELETE);
    g->ns = bytes_str(NAMESPACE_DEFAULT);
    g->item_count = 1;
    g->items = &item;
    assert_int_equal(share_end(&r, g), ERR_OK);
    assert_int_equal(item.err, ERR_NOT_EMPTY);
    assert_int_equal(share_say(&r, "a", -1), ERR_OK);
    g = RIG_NEW(&r, group_delete_call, CALL_GROUP_DELETE);
    g->ns = bytes_str(NAMESPACE_DEFAULT);
    g->item_count = 1;
    g->items = &item;
    assert_int_equal(share_end(&r, g), ERR_OK);
    assert_int_equal(item.err, ERR_OK);
    rig_restart(&r);
    assert_null(share_group_find(r.engine, bytes_str(NAMESPACE_DEFAULT), bytes_str(GROUP)));
    rig_close(&r);
}

/* Doors cannot get at the queue that a group has. */
static void its_queues_are_its_own(void **state)
{
    struct queue_delete_call *c;
    struct queue             *q;
    struct rig                r;

    (void)state;
    set_up(&r, 1);
    begin(&r, "a", 1);
    q = share_queue(&r, "t");
    c = RIG_NEW(&r, queue_delete_call, CALL_QUEUE_DELETE);
    c->ns = call_bytes(c, q->key.ns);
    c->name = call_bytes(c, q->key.name);
    assert_int_equal(share_end(&r, c), ERR_LOCKED);
    rig_close(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_record_is_locked_for_one_member),
        cmocka_unit_test(one_wrong_acknowledgement_spoils_all),
        cmocka_unit_test(each_offset_may_have_its_own_word),
        cmocka_unit_test(a_lock_runs_out),
        cmocka_unit_test(a_renewed_lock_lasts_longer),
        cmocka_unit_test(what_came_too_often_is_given_up),
        cmocka_unit_test(dead_letters_tell_why),
        cmocka_unit_test(a_rejection_waits_for_the_disk),
        cmocka_unit_test(what_is_released_waits_if_it_is_told_to),
        cmocka_unit_test(a_crash_gives_back_what_was_locked),
        cmocka_unit_test(the_end_of_a_session_gives_back_locks),
        cmocka_unit_test(requests_of_a_session_come_in_order),
        cmocka_unit_test(a_member_has_a_session_at_each_place),
        cmocka_unit_test(a_fetch_waits_for_records_and_for_its_time),
        cmocka_unit_test(limits_of_a_fetch),
        cmocka_unit_test(a_group_begins_where_it_is_told_to),
        cmocka_unit_test(offsets_are_set_and_forgotten),
        cmocka_unit_test(what_the_log_forgets_is_no_longer_there),
        cmocka_unit_test(a_group_goes_with_its_topics_and_by_request),
        cmocka_unit_test(its_queues_are_its_own),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
