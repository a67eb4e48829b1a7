/*
 * pattern.h - regular expressions that clients send: subscriptions (KIP-848), transactional ids (KIP-1152).
 *
 * Kafka takes RE2's syntax. It is translated to PCRE2's where the two write the same thing in different ways, and
 * refused where RE2 has no such thing (back references, lookaround, atomic groups, verbs). Then PCRE2's DFA
 * matcher does the work: it follows all alternatives at once and never goes back, so time is bounded by pattern
 * times text, as it is with RE2. *Refused*: RE2 itself, a C++ library, which would bring a second language and its
 * runtime into the program for one function; PCRE2's usual matcher, which needs a limit on its steps, and a
 * pattern that reaches it has no answer.
 *
 *   PT1  A pattern fits the whole of a text or not at all.
 *   PT2  Text, compiled size and states at a time are bounded; a pattern beyond that is not valid, one that needs
 *        more states in a match does not fit.
 *
 * Thread: a pattern is its owner's.
 */
#ifndef ENGINE_PATTERN_H
#define ENGINE_PATTERN_H

#include "base/bytes.h"
#include "base/err.h"

enum {
    PATTERN_BYTES_MAX = 16 * 1024,
    PATTERN_COMPILED_BYTES_MAX = 64 * 1024,
    PATTERN_REPEAT_MAX = 1000, /* RE2's */
};

struct pattern;

/* ERR_BAD_PATTERN. */
MUST_CHECK enum err pattern_new(struct pattern **out, struct bytes text);
void pattern_free(struct pattern *p);
bool pattern_fits(const struct pattern *p, struct bytes text);

#endif
