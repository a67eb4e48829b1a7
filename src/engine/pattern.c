/* pattern.c - see pattern.h. The translation keeps what it does not know of, for PCRE2 to judge. */
#include "engine/pattern.h"

#include "base/buf.h"
#include "base/mem.h"

#include <stdlib.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

enum {
    WORKSPACE = 16 * 1024, /* ints: some 2,700 states at a time */
    HEAP_KIB_MAX = 64,
    DEPTH_MAX = 64,
};

struct pattern {
    pcre2_code          *code;
    pcre2_match_data    *match;
    pcre2_match_context *limits;
};

/* ---- from RE2's syntax ---- */

struct translation {
    struct rd  in;
    struct buf out;
    bool       is_bad;
    bool       was_repeat; /* what came last was *, +, ?, {n} or a lazy one */
};

static uint8_t peek(const struct translation *t, size_t ahead)
{
    return rd_left(&t->in) > ahead ? t->in.at[ahead] : 0;
}

static void copy(struct translation *t, size_t count)
{
    buf_bytes(&t->out, rd_bytes(&t->in, count));
}

static bool is_octal(uint8_t c)
{
    return c >= '0' && c <= '7';
}

static bool is_letter_or_digit(uint8_t c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* \0, \12, \123; a single digit but 0 would be a back reference. */
static void take_octal(struct translation *t)
{
    unsigned value = 0;

    if (peek(t, 1) != '0' && !is_octal(peek(t, 2))) {
        t->is_bad = true;
        return;
    }
    rd_u8(&t->in);
    for (int i = 0; i < 3 && is_octal(peek(t, 0)); i++)
        value = value * 8 + (rd_u8(&t->in) - (unsigned)'0');
    buf_printf(&t->out, "\\x{%x}", value);
}

/* \Q...\E: the text itself, to the end when \E is missing. */
static void take_quoted(struct translation *t)
{
    copy(t, 2);
    while (rd_left(&t->in) > 0 && !(peek(t, 0) == '\\' && peek(t, 1) == 'E'))
        copy(t, 1);
    if (rd_left(&t->in) > 0)
        copy(t, 2);
}

static void take_escape(struct translation *t, bool is_in_class)
{
    uint8_t c = peek(t, 1);

    if (is_octal(c)) {
        take_octal(t);
    } else if (c == 'v') { /* PCRE2: any vertical space */
        rd_bytes(&t->in, 2);
        buf_str(&t->out, "\\x{b}");
    } else if (c == 'Q' && !is_in_class) {
        take_quoted(t);
    } else if (c == 0 || (is_letter_or_digit(c) &&
                          !strchr(is_in_class ? "aftnrxdDsSwWpP" : "aftnrxdDsSwWpPAbBz", c))) {
        t->is_bad = true;
    } else {
        copy(t, 2);
    }
}

static void take_class(struct translation *t)
{
    copy(t, peek(t, 1) == '^' ? 2 : 1);
    if (peek(t, 0) == ']')
        copy(t, 1);
    while (!t->is_bad && rd_left(&t->in) > 0 && peek(t, 0) != ']') {
        if (peek(t, 0) == '\\') {
            take_escape(t, true);
        } else if (peek(t, 0) == '[' && peek(t, 1) == ':') {
            do
                copy(t, 1);
            while (rd_left(&t->in) > 0 && peek(t, 0) != ']');
            copy(t, 1);
        } else {
            copy(t, 1);
        }
    }
    copy(t, 1);
}

/* What may come after "(?": P<name>, <name>, flags. Lookbehind begins like a name. */
static void take_group(struct translation *t)
{
    size_t i = 2;

    if (peek(t, 1) == '*') {
        t->is_bad = true;
    } else if (peek(t, 1) != '?') {
        copy(t, 1);
    } else if ((peek(t, 2) == 'P' && peek(t, 3) == '<') ||
               (peek(t, 2) == '<' && is_letter_or_digit(peek(t, 3)))) {
        copy(t, 4);
    } else {
        while (peek(t, i) != 0 && strchr("imsU-", peek(t, i)))
            i++;
        if (peek(t, i) == ':' || (peek(t, i) == ')' && i > 2))
            copy(t, i + 1);
        else
            t->is_bad = true;
    }
}

/* The length of {n}, {n,} or {n,m}; 0: the brace means itself. */
static size_t repeat_length(struct translation *t)
{
    size_t   i = 1;
    size_t   digits = 0;
    unsigned value = 0;

    for (; peek(t, i) != 0; i++) {
        uint8_t c = peek(t, i);

        if (c >= '0' && c <= '9') {
            digits++;
            value = value > PATTERN_REPEAT_MAX ? value : value * 10 + (c - (unsigned)'0');
        } else if ((c == ',' && digits > 0) || (c == '}' && digits > 0)) {
            value = c == ',' ? 0 : value;
        } else {
            return 0;
        }
        if (value > PATTERN_REPEAT_MAX)
            t->is_bad = true;
        if (c == '}')
            return i + 1;
    }
    return 0;
}

static void take_repeat(struct translation *t, size_t length)
{
    if (t->was_repeat)
        t->is_bad = true;
    copy(t, length);
    if (peek(t, 0) == '?')
        copy(t, 1);
    t->was_repeat = true;
}

static void take_one(struct translation *t)
{
    uint8_t c = peek(t, 0);
    size_t  length = c == '*' || c == '+' || c == '?' ? 1 : c == '{' ? repeat_length(t) : 0;

    if (length > 0) {
        take_repeat(t, length);
        return;
    }
    t->was_repeat = false;
    if (c == '\\')
        take_escape(t, false);
    else if (c == '[')
        take_class(t);
    else if (c == '(')
        take_group(t);
    else
        copy(t, 1);
}

/* False: RE2 would not take it. */
static bool translate(struct bytes text, struct buf *out)
{
    struct translation t = { .in = rd_of(text) };

    buf_init(&t.out);
    while (rd_left(&t.in) > 0 && !t.is_bad)
        take_one(&t);
    *out = t.out;
    return !t.is_bad && !t.in.failed;
}

/* ---- the pattern ---- */

static bool is_small(const pcre2_code *code)
{
    size_t bytes = 0;

    return pcre2_pattern_info(code, PCRE2_INFO_SIZE, &bytes) == 0 &&
           bytes <= PATTERN_COMPILED_BYTES_MAX;
}

static struct pattern *compile(struct bytes text)
{
    const uint32_t  options = PCRE2_UTF | PCRE2_DOLLAR_ENDONLY | PCRE2_NEVER_BACKSLASH_C;
    struct pattern *p = mem_new(sizeof *p);
    int             error;
    size_t          where;

    p->code = pcre2_compile(text.len > 0 ? text.at : (const uint8_t *)"", text.len, options, &error, &where, NULL);
    if (!p->code || !is_small(p->code)) {
        pattern_free(p);
        return NULL;
    }
    p->match = pcre2_match_data_create(1, NULL);
    p->limits = pcre2_match_context_create(NULL);
    if (!p->match || !p->limits)
        mem_exhausted("pattern");
    pcre2_set_heap_limit(p->limits, HEAP_KIB_MAX);
    pcre2_set_depth_limit(p->limits, DEPTH_MAX);
    return p;
}

enum err pattern_new(struct pattern **out, struct bytes text)
{
    struct buf      translated;
    struct pattern *p = NULL;

    if (text.len > PATTERN_BYTES_MAX || memchr(text.at, 0, text.len))
        return ERR_BAD_PATTERN;
    if (translate(text, &translated))
        p = compile(buf_view(&translated));
    buf_fini(&translated);
    *out = p;
    return p ? ERR_OK : ERR_BAD_PATTERN;
}

void pattern_free(struct pattern *p)
{
    if (!p)
        return;
    pcre2_match_context_free(p->limits);
    pcre2_match_data_free(p->match);
    pcre2_code_free(p->code);
    free(p);
}

bool pattern_fits(const struct pattern *p, struct bytes text)
{
    const uint8_t *at = text.len > 0 ? text.at : (const uint8_t *)"";
    int            workspace[WORKSPACE];

    return pcre2_dfa_match(p->code, at, text.len, 0, PCRE2_ANCHORED | PCRE2_ENDANCHORED,
                           p->match, p->limits, workspace, WORKSPACE) >= 0;
}
