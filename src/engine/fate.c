/* fate.c - see fate.h. */
#include "engine/fate.h"

static const char *const texts[FATE_COUNT] = {
#define X(number, name, text, meaning) [number] = text,
    FATE_LIST(X)
#undef X
};

const char *fate_text(enum fate fate)
{
    return texts[fate];
}
