/* route_test.c - each kind by hand, and the topic trie against a naive matcher with random patterns
 * and keys. */
#include "base/buf.h"
#include "engine/route.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum { FOUND_MAX = 512 };

struct found {
    const struct binding *at[FOUND_MAX];
    size_t                count;
};

static void note(void *ctx, const struct binding *b)
{
    struct found *f = ctx;

    assert_true(f->count < FOUND_MAX);
    for (size_t i = 0; i < f->count; i++)
        assert_ptr_not_equal(f->at[i], b); /* R1 */
    f->at[f->count++] = b;
}

static struct binding_key what(const char *destination, const char *key, struct bytes arguments)
{
    return (struct binding_key){ false, bytes_str(destination), bytes_str(key), arguments };
}

static void bind(struct route *r, const char *destination, const char *key)
{
    struct binding_key k = what(destination, key, bytes_of(NULL, 0));

    assert_int_equal(route_check(r->type, k.key, k.arguments), ERR_OK);
    assert_null(route_find(r, &k));
    assert_non_null(route_add(r, &k, r));
}

static void unbind(struct route *r, const char *destination, const char *key)
{
    struct binding_key k = what(destination, key, bytes_of(NULL, 0));

    route_remove(route_find(r, &k));
    assert_null(route_find(r, &k));
}

/* Destinations found, in the order found, as one string. */
static const char *match(struct route *r, const char *key)
{
    static char  text[FOUND_MAX * 4];
    struct found f = { .count = 0 };
    size_t       n = 0;

    route_match(r, &(struct route_message){ .key = bytes_str(key) }, note, &f);
    for (size_t i = 0; i < f.count; i++) {
        memcpy(text + n, binding_what(f.at[i]).destination.at, binding_what(f.at[i]).destination.len);
        n += binding_what(f.at[i]).destination.len;
    }
    text[n] = 0;
    return text;
}

static void direct_is_by_key(void **state)
{
    struct route r;

    (void)state;
    route_init(&r, ROUTE_DIRECT);
    bind(&r, "a", "k");
    bind(&r, "b", "k");
    bind(&r, "a", "");
    assert_string_equal(match(&r, "k"), "ab");
    assert_string_equal(match(&r, ""), "a");
    assert_string_equal(match(&r, "x"), "");
    unbind(&r, "a", "k");
    assert_string_equal(match(&r, "k"), "b");
    unbind(&r, "b", "k");
    assert_string_equal(match(&r, "k"), "");
    assert_int_equal(r.by_key.count, 1);
    route_fini(&r);
}

static void fanout_is_everything(void **state)
{
    struct route r;

    (void)state;
    route_init(&r, ROUTE_FANOUT);
    bind(&r, "a", "x");
    bind(&r, "b", "");
    assert_string_equal(match(&r, "whatever"), "ab");
    route_fini(&r);
}

static void topic_by_hand(void **state)
{
    struct route r;

    (void)state;
    route_init(&r, ROUTE_TOPIC);
    bind(&r, "1", "a.b");
    bind(&r, "2", "a.*");
    bind(&r, "3", "a.#");
    bind(&r, "4", "#");
    bind(&r, "5", "#.b");
    bind(&r, "6", "*");
    bind(&r, "7", "a..b");
    bind(&r, "8", "#.#");
    bind(&r, "9", "");
    assert_int_equal(strlen(match(&r, "a.b")), 6); /* 1 2 3 4 5 8 */
    assert_null(strpbrk(match(&r, "a.b"), "679"));
    assert_int_equal(strlen(match(&r, "a")), 4); /* 3 4 6 8 */
    assert_null(strpbrk(match(&r, "a"), "12579"));
    assert_int_equal(strlen(match(&r, "a..b")), 5); /* 3 4 5 7 8 */
    assert_null(strpbrk(match(&r, "a..b"), "1269"));
    assert_int_equal(strlen(match(&r, "")), 3); /* 4 8 9 */
    assert_null(strpbrk(match(&r, ""), "123567"));
    assert_int_equal(strlen(match(&r, "b")), 4); /* 4 5 6 8 */
    route_fini(&r);
}

/* Both null: no words left. */
static const char *after_word(const char *s)
{
    const char *dot = strchr(s, '.');

    return dot ? dot + 1 : NULL;
}

static bool naive_words(const char *pattern, const char *key)
{
    size_t n;

    if (!pattern)
        return !key;
    n = strcspn(pattern, ".");
    if (n == 1 && pattern[0] == '#')
        return naive_words(after_word(pattern), key) ||
               (key && naive_words(pattern, after_word(key)));
    if (!key)
        return false;
    if (!(n == 1 && pattern[0] == '*') &&
        (strcspn(key, ".") != n || strncmp(pattern, key, n) != 0))
        return false;
    return naive_words(after_word(pattern), after_word(key));
}

static bool naive(const char *pattern, const char *key)
{
    return naive_words(pattern[0] ? pattern : NULL, key[0] ? key : NULL);
}

static uint32_t next_random(uint32_t *seed)
{
    *seed = *seed * 1664525 + 1013904223;
    return *seed >> 8;
}

static void random_key(uint32_t *seed, const char *const *words, uint32_t word_count, char *out)
{
    uint32_t n = next_random(seed) % 6;
    size_t   len = 0;

    for (uint32_t i = 0; i < n; i++)
        len += (size_t)snprintf(out + len, 8, "%s%s", i ? "." : "",
                                words[next_random(seed) % word_count]);
    out[len] = 0;
}

enum { PATTERNS = 200 };

static void compare_with_naive(struct route *r, char patterns[PATTERNS][64], const bool *is_bound,
                               const char *key)
{
    struct found f = { .count = 0 };
    size_t       want = 0;

    route_match(r, &(struct route_message){ .key = bytes_str(key) }, note, &f);
    for (int i = 0; i < PATTERNS; i++)
        want += is_bound[i] && naive(patterns[i], key);
    if (f.count != want)
        fail_msg("key '%s': %zu found, %zu wanted", key, f.count, want);
    for (size_t i = 0; i < f.count; i++) {
        char pattern[64];

        snprintf(pattern, sizeof pattern, "%.*s", (int)binding_what(f.at[i]).key.len,
                 (const char *)binding_what(f.at[i]).key.at);
        assert_true(naive(pattern, key));
    }
}

static void topic_agrees_with_a_naive_matcher(void **state)
{
    static const char *const pattern_words[] = { "a", "b", "", "*", "#", "#", "*" };
    static const char *const key_words[] = { "a", "b", "" };
    static char              patterns[PATTERNS][64];
    bool                     is_bound[PATTERNS] = { false };
    uint32_t                 seed = 42;
    struct route             r;
    char                     text[64];

    (void)state;
    route_init(&r, ROUTE_TOPIC);
    for (int i = 0; i < PATTERNS; i++)
        random_key(&seed, pattern_words, COUNT(pattern_words), patterns[i]);
    for (int round = 0; round < 20000; round++) {
        uint32_t i = next_random(&seed) % PATTERNS;

        snprintf(text, sizeof text, "d%u", i);
        if (is_bound[i])
            unbind(&r, text, patterns[i]);
        else
            bind(&r, text, patterns[i]);
        is_bound[i] = !is_bound[i];
        random_key(&seed, key_words, COUNT(key_words), text);
        compare_with_naive(&r, patterns, is_bound, text);
    }
    route_fini(&r);
}

/* 60 times '#' against 120 words: a backtracking matcher would not come back. */
static void many_hashes_do_not_multiply(void **state)
{
    struct route r;
    char         pattern[256];
    char         key[256];

    (void)state;
    for (int i = 0; i < 60; i++)
        memcpy(pattern + 4 * i, "#.a.", 4);
    memcpy(pattern + 240, "x", 2);
    for (int i = 0; i < 120; i++)
        memcpy(key + 2 * i, "a.", 2);
    memcpy(key + 240, "y", 2);
    route_init(&r, ROUTE_TOPIC);
    bind(&r, "q", pattern);
    assert_string_equal(match(&r, key), "");
    key[240] = 'x';
    assert_string_equal(match(&r, key), "q");
    route_fini(&r);
}

static void put_text(struct buf *b, const char *name, const char *value)
{
    buf_u8(b, (uint8_t)strlen(name));
    buf_str(b, name);
    buf_u8(b, 'S');
    buf_u32(b, (uint32_t)strlen(value));
    buf_str(b, value);
}

static void put_raw(struct buf *b, const char *name, const char *typed, size_t n)
{
    buf_u8(b, (uint8_t)strlen(name));
    buf_str(b, name);
    buf_add(b, typed, n);
}

static bool headers_match(const struct buf *arguments, const struct buf *headers)
{
    struct binding_key k = what("q", "", buf_view(arguments));
    struct found       f = { .count = 0 };
    struct route       r;

    route_init(&r, ROUTE_HEADERS);
    assert_int_equal(route_check(ROUTE_HEADERS, k.key, k.arguments), ERR_OK);
    route_add(&r, &k, NULL);
    route_match(&r, &(struct route_message){ .headers = buf_view(headers) }, note, &f);
    route_fini(&r);
    return f.count == 1;
}

static void headers_modes(void **state)
{
    static const struct {
        const char *mode;
        const char *a, *b, *x; /* arguments a, b and x-y; NULL: not there */
        bool        matches;   /* headers are a=1, b=2, x-y=3 */
    } cases[] = {
        { NULL, NULL, NULL, NULL, true },   { "any", NULL, NULL, NULL, false },
        { NULL, "1", "2", NULL, true },     { "all", "1", "2", NULL, true },
        { "all", "1", "9", NULL, false },   { "any", "1", "9", NULL, true },
        { "any", "8", "9", NULL, false },   { "all", "1", "2", "9", true },
        { "any", "8", "9", "3", false },    { "all-with-x", "1", "2", "9", false },
        { "all-with-x", "1", "2", "3", true }, { "any-with-x", "8", "9", "3", true },
    };
    struct buf headers;

    (void)state;
    buf_init(&headers);
    put_text(&headers, "x-y", "3");
    put_text(&headers, "b", "2");
    put_text(&headers, "a", "1");
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct buf arguments;

        buf_init(&arguments);
        if (cases[i].mode)
            put_text(&arguments, "x-match", cases[i].mode);
        if (cases[i].a)
            put_text(&arguments, "a", cases[i].a);
        if (cases[i].b)
            put_text(&arguments, "b", cases[i].b);
        if (cases[i].x)
            put_text(&arguments, "x-y", cases[i].x);
        if (headers_match(&arguments, &headers) != cases[i].matches)
            fail_msg("case %zu", i);
        buf_fini(&arguments);
    }
    buf_fini(&headers);
}

static void headers_types_and_presence(void **state)
{
    struct buf arguments;
    struct buf headers;

    (void)state;
    buf_init(&arguments);
    buf_init(&headers);
    put_raw(&arguments, "n", "I\0\0\0\5", 5);
    put_raw(&arguments, "there", "V", 1);
    put_raw(&headers, "n", "b\5", 2);
    assert_false(headers_match(&arguments, &headers));
    put_text(&headers, "there", "anything");
    assert_true(headers_match(&arguments, &headers));
    buf_clear(&headers);
    put_text(&headers, "n", "5");
    put_text(&headers, "there", "");
    assert_false(headers_match(&arguments, &headers));
    buf_fini(&arguments);
    buf_fini(&headers);
}

static void bad_bindings_are_refused(void **state)
{
    static char    long_key[ROUTE_KEY_BYTES_MAX + 1];
    struct buf     b;
    enum route_type type;

    (void)state;
    buf_init(&b);
    put_text(&b, "x-match", "some");
    assert_int_equal(route_check(ROUTE_HEADERS, bytes_of("", 0), buf_view(&b)), ERR_BAD_ARGUMENT);
    assert_int_equal(route_check(ROUTE_TOPIC, bytes_of("", 0), buf_view(&b)), ERR_OK);
    assert_int_equal(route_check(ROUTE_TOPIC, bytes_of(long_key, sizeof long_key), buf_view(&b)),
                     ERR_BAD_ARGUMENT);
    buf_clear(&b);
    put_raw(&b, "x-match", "t\1", 2);
    assert_int_equal(route_check(ROUTE_HEADERS, bytes_of("", 0), buf_view(&b)), ERR_BAD_ARGUMENT);
    assert_int_equal(route_type_find(bytes_str("topic"), &type), ERR_OK);
    assert_int_equal(type, ROUTE_TOPIC);
    assert_int_equal(route_type_find(bytes_str("Topic"), &type), ERR_UNKNOWN_TYPE);
    buf_fini(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(direct_is_by_key),
        cmocka_unit_test(fanout_is_everything),
        cmocka_unit_test(topic_by_hand),
        cmocka_unit_test(topic_agrees_with_a_naive_matcher),
        cmocka_unit_test(many_hashes_do_not_multiply),
        cmocka_unit_test(headers_modes),
        cmocka_unit_test(headers_types_and_presence),
        cmocka_unit_test(bad_bindings_are_refused),
    };

    return cmocka_run_group_tests_name("route", tests, NULL, NULL);
}
