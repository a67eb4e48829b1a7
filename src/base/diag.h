/*
 * diag.h - diagnostics: one line per event on stderr, `level event key=value ...`. Never payloads, never secrets.
 * Thread: any.
 */
#ifndef BASE_DIAG_H
#define BASE_DIAG_H

enum diag_level { DIAG_NONE = -1, DIAG_ERROR, DIAG_WARN, DIAG_INFO, DIAG_DEBUG };

void diag_set_level(enum diag_level max);
/* Lines go to fn instead of stderr, until fn is NULL; from any thread, one at a time. fn says
 * nothing itself. */
typedef void diag_sink_fn(void *ctx, enum diag_level level, const char *line);
void diag_set_sink(diag_sink_fn *fn, void *ctx);
__attribute__((format(printf, 2, 3))) void diag(enum diag_level level, const char *format, ...);

#endif
