/* names.c - see names.h. */
#include "doors/pubsub/names.h"

#include "engine/call.h"

#define PROJECTS "projects/"

static const char *const collections[] = {
    [PS_TOPICS] = "topics",
    [PS_SUBSCRIPTIONS] = "subscriptions",
};

bool ps_project_parse(const char *full, const char *default_project, struct ps_name *out)
{
    struct bytes b = bytes_str(full);
    size_t       skip = sizeof PROJECTS - 1;

    if (!bytes_starts(b, PROJECTS))
        return false;
    *out = (struct ps_name){ .full = b, .project = bytes_of(b.at + skip, b.len - skip) };
    out->ns = bytes_eq_str(out->project, default_project) ? bytes_str(NAMESPACE_DEFAULT) : out->project;
    return out->project.len > 0 && out->project.len <= PS_PROJECT_BYTES_MAX &&
           !memchr(out->project.at, '/', out->project.len);
}

/* Cuts "word/" off the front of b; word is up to the first slash. False: no slash. */
static bool cut_word(struct bytes *b, struct bytes *word)
{
    const uint8_t *slash = b->len > 0 ? memchr(b->at, '/', b->len) : NULL;

    if (!slash)
        return false;
    *word = bytes_of(b->at, (size_t)(slash - b->at));
    *b = bytes_of(slash + 1, b->len - word->len - 1);
    return true;
}

bool ps_name_parse(const char *full, enum ps_collection collection, const char *default_project,
                   struct ps_name *out)
{
    struct bytes rest = bytes_str(full);
    struct bytes projects, project, kind;

    if (!cut_word(&rest, &projects) || !cut_word(&rest, &project) || !cut_word(&rest, &kind))
        return false;
    *out = (struct ps_name){ .full = bytes_str(full), .project = project, .id = rest };
    out->ns = bytes_eq_str(project, default_project) ? bytes_str(NAMESPACE_DEFAULT) : project;
    return bytes_eq_str(projects, "projects") && bytes_eq_str(kind, collections[collection]) &&
           project.len > 0 && project.len <= PS_PROJECT_BYTES_MAX && rest.len > 0 &&
           rest.len <= PS_ID_BYTES_MAX;
}

static bool is_letter(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

bool ps_id_is_valid(struct bytes id)
{
    size_t i;

    if (id.len < 3 || id.len > PS_ID_BYTES_MAX || !is_letter(id.at[0]) || bytes_starts(id, "goog"))
        return false;
    for (i = 1; i < id.len; i++) {
        uint8_t c = id.at[i];

        if (!is_letter(c) && !(c >= '0' && c <= '9') && !memchr("-_.~+%", c, 6))
            return false;
    }
    return true;
}

void ps_name_format(struct buf *out, struct bytes project, enum ps_collection collection, struct bytes id)
{
    buf_str(out, PROJECTS);
    buf_bytes(out, project);
    buf_printf(out, "/%s/", collections[collection]);
    buf_bytes(out, id);
}

void ps_name_fault(struct buf *out, const char *full)
{
    buf_printf(out,
               "Invalid resource name given (name=%s). Refer to "
               "https://cloud.google.com/pubsub/docs/pubsub-basics#resource_names for more information.",
               full);
}
