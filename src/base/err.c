/* err.c - the texts of err.h's list. */
#include "base/err.h"

static const char *const texts[ERR_COUNT] = {
#define X(name, text) [ERR_##name] = text,
    ERR_LIST(X)
#undef X
};

static const char *const names[ERR_COUNT] = {
#define X(name, text) [ERR_##name] = #name,
    ERR_LIST(X)
#undef X
};

const char *err_text(enum err err)
{
    return err < ERR_COUNT ? texts[err] : "unknown error";
}

const char *err_name(enum err err)
{
    return err < ERR_COUNT ? names[err] : "UNKNOWN";
}
