/* configs_test.c - settings of topics, names of topics, and that no error is left without a
 * code. */
#include "doors/kafka/configs.h"
#include "doors/kafka/errors.h"
#include "doors/kafka/names.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static const char *check(const char *name, const char *value)
{
    const struct topic_config *c = topic_config_find(bytes_str(name));

    assert_non_null(c);
    return topic_config_check(c, bytes_str(value), 1);
}

static void every_default_is_allowed(void **state)
{
    (void)state;
    for (size_t i = 0; i < topic_config_count; i++)
        assert_null(topic_config_check(&topic_configs[i], bytes_str(topic_configs[i].value), 1));
}

static void values_must_have_the_type(void **state)
{
    (void)state;
    assert_null(check("retention.ms", "-1"));
    assert_null(check("retention.ms", "9223372036854775807"));
    assert_non_null(check("retention.ms", "a week"));
    assert_non_null(check("retention.ms", ""));
    assert_non_null(check("retention.ms", "-"));
    assert_non_null(check("retention.ms", "1-"));
    assert_non_null(check("retention.ms", NULL));
    assert_non_null(check("retention.ms", "-2"));
    assert_non_null(check("retention.ms", "9223372036854775808"));
    assert_null(check("retention.bytes", "-9223372036854775808"));
    assert_non_null(check("retention.bytes", "-9223372036854775809"));
    assert_null(check("segment.bytes", "2147483647"));
    assert_non_null(check("segment.bytes", "2147483648"));
    assert_non_null(check("segment.bytes", "13"));
    assert_null(check("min.cleanable.dirty.ratio", "0.25"));
    assert_null(check("min.cleanable.dirty.ratio", "1"));
    assert_non_null(check("min.cleanable.dirty.ratio", "0.2.5"));
    assert_non_null(check("min.cleanable.dirty.ratio", "1.000001"));
    assert_non_null(check("min.cleanable.dirty.ratio", "-0.5"));
    assert_non_null(check("min.cleanable.dirty.ratio", "."));
    assert_null(check("compression.type", "uncompressed"));
    assert_null(check("compression.type", "lz4"));
    assert_non_null(check("compression.type", "none"));
    assert_null(check("preallocate", "true"));
    assert_non_null(check("preallocate", "yes"));
    assert_null(check("cleanup.policy", "compact"));
    assert_null(check("cleanup.policy", "compact,delete"));
    assert_non_null(check("cleanup.policy", "compact,keep"));
    assert_non_null(check("cleanup.policy", "compact,"));
    assert_null(topic_config_find(bytes_str("retention")));
}

static void what_is_not_done_yet_is_refused(void **state)
{
    (void)state;
    assert_non_null(check("remote.storage.enable", "true"));
}

static void what_was_written_is_read(void **state)
{
    const struct topic_config *ms = topic_config_find(bytes_str("retention.ms"));
    const struct topic_config *list = topic_config_find(bytes_str("cleanup.policy"));
    const struct topic_config *other = topic_config_find(bytes_str("segment.ms"));
    struct buf                 b;

    (void)state;
    buf_init(&b);
    topic_config_write(&b, ms, bytes_str("5"));
    topic_config_write(&b, list, bytes_str("compact"));
    assert_true(bytes_eq_str(topic_config_read(buf_view(&b), ms), "5"));
    assert_true(bytes_eq_str(topic_config_read(buf_view(&b), list), "compact"));
    assert_true(bytes_is_null(topic_config_read(buf_view(&b), other)));
    assert_true(bytes_is_null(topic_config_read((struct bytes){ 0 }, ms)));
    buf_fini(&b);
}

struct setting {
    const char *name, *value;
};

/* NULL: they go together. */
static const char *policy_of(const struct setting *settings, size_t count, struct topic_policy *out)
{
    struct buf  b;
    const char *why;

    buf_init(&b);
    for (size_t i = 0; i < count; i++)
        topic_config_write(&b, topic_config_find(bytes_str(settings[i].name)),
                           bytes_str(settings[i].value));
    why = topic_config_policy(buf_view(&b), out);
    buf_fini(&b);
    return why;
}

static void no_settings_are_the_engines_default(void **state)
{
    const struct topic_policy *d = &topic_policy_default;
    struct topic_policy        p;

    (void)state;
    assert_null(policy_of(NULL, 0, &p));
    assert_true(topic_policy_is_valid(&p));
    assert_true(p.retention == d->retention && p.time_basis == d->time_basis);
    assert_true(p.stamps_append == d->stamps_append && p.is_compacted == d->is_compacted);
    assert_true(p.retention_ms == d->retention_ms && p.retention_bytes == d->retention_bytes);
    assert_int_equal(p.delete_retention_ms, d->delete_retention_ms);
    assert_int_equal(p.min_compaction_lag_ms, d->min_compaction_lag_ms);
    assert_int_equal(p.max_compaction_lag_ms, d->max_compaction_lag_ms);
    assert_true(p.segment_ms == d->segment_ms && p.segment_bytes == d->segment_bytes);
    assert_int_equal(p.dirty_ratio, d->dirty_ratio);
}

static void settings_become_a_policy(void **state)
{
    static const struct setting settings[] = {
        { "cleanup.policy", "compact,delete" },   { "retention.ms", "0" },
        { "retention.bytes", "1000" },            { "delete.retention.ms", "2" },
        { "min.compaction.lag.ms", "3" },         { "max.compaction.lag.ms", "4" },
        { "min.cleanable.dirty.ratio", "0.0125" }, { "message.timestamp.type", "LogAppendTime" },
        { "segment.ms", "5" },                    { "segment.bytes", "14" },
        { "compression.type", "snappy" },
    };
    struct topic_policy p;

    (void)state;
    assert_null(policy_of(settings, COUNT(settings), &p));
    assert_true(p.is_compacted && p.stamps_append && p.retention == RETAIN_TIME);
    assert_int_equal(p.retention_ms, 1); /* as soon as possible; 0 would be for ever */
    assert_int_equal(p.retention_bytes, 1000);
    assert_int_equal(p.delete_retention_ms, 2);
    assert_int_equal(p.min_compaction_lag_ms, 3);
    assert_int_equal(p.max_compaction_lag_ms, 4);
    assert_int_equal(p.dirty_ratio, 12500);
    assert_int_equal(p.segment_ms, 5);
    assert_int_equal(p.segment_bytes, 14);
    assert_true(p.recodes && p.codec == CODEC_SNAPPY);
}

static void compaction_alone_keeps_for_ever(void **state)
{
    static const struct setting settings[] = { { "cleanup.policy", "compact" },
                                               { "retention.ms", "1000" },
                                               { "retention.bytes", "1000" } };
    struct topic_policy         p;

    (void)state;
    assert_null(policy_of(settings, COUNT(settings), &p));
    assert_true(p.is_compacted && p.retention_ms == 0 && p.retention_bytes == 0);
}

static void lags_must_not_cross(void **state)
{
    static const struct setting settings[] = { { "min.compaction.lag.ms", "3" },
                                               { "max.compaction.lag.ms", "2" } };
    struct topic_policy         p;

    (void)state;
    assert_non_null(policy_of(settings, COUNT(settings), &p));
    assert_null(policy_of(settings, 1, &p));
    assert_int_equal(p.max_compaction_lag_ms, 0); /* none */
}

static void names_obey_kafkas_rule(void **state)
{
    char long_name[KAFKA_NAME_BYTES_MAX + 2];

    (void)state;
    memset(long_name, 'a', sizeof long_name);
    assert_true(kafka_is_topic_name(bytes_str("orders.new_1-A")));
    assert_false(kafka_is_topic_name(bytes_str("")));
    assert_false(kafka_is_topic_name(bytes_str(".")));
    assert_false(kafka_is_topic_name(bytes_str("..")));
    assert_true(kafka_is_topic_name(bytes_str("...")));
    assert_false(kafka_is_topic_name(bytes_str("a b")));
    assert_false(kafka_is_topic_name(bytes_str("a/b")));
    assert_true(kafka_is_topic_name(bytes_of(long_name, KAFKA_NAME_BYTES_MAX)));
    assert_false(kafka_is_topic_name(bytes_of(long_name, KAFKA_NAME_BYTES_MAX + 1)));
    assert_true(kafka_is_showable(bytes_str("any thing/\xc3\xa9")));
    assert_false(kafka_is_showable(bytes_str("\xff")));
}

static void every_error_has_a_code(void **state)
{
    (void)state;
    assert_int_equal(kafka_error(ERR_OK), KAFKA_NONE);
    for (int err = 1; err < ERR_COUNT; err++) {
        assert_int_not_equal(kafka_error((enum err)err), KAFKA_NONE);
        assert_int_not_equal(kafka_error_by_id((enum err)err), KAFKA_NONE);
        assert_int_not_equal(kafka_group_error((enum err)err), KAFKA_NONE);
    }
    assert_int_equal(kafka_error_by_id(ERR_NO_TOPIC), KAFKA_UNKNOWN_TOPIC_ID);
    assert_int_equal(kafka_group_error(ERR_BAD_NAME), KAFKA_INVALID_GROUP_ID);
    assert_int_equal(kafka_group_error(ERR_LIMIT), KAFKA_GROUP_MAX_SIZE_REACHED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_default_is_allowed),
        cmocka_unit_test(values_must_have_the_type),
        cmocka_unit_test(what_is_not_done_yet_is_refused),
        cmocka_unit_test(what_was_written_is_read),
        cmocka_unit_test(no_settings_are_the_engines_default),
        cmocka_unit_test(settings_become_a_policy),
        cmocka_unit_test(compaction_alone_keeps_for_ever),
        cmocka_unit_test(lags_must_not_cross),
        cmocka_unit_test(names_obey_kafkas_rule),
        cmocka_unit_test(every_error_has_a_code),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
