/* model_group.c - see model_group.h. */
#include "model_group.h"
#include "base/mem.h"
#include "model_txn.h"
#include "world.h"

#include <stdio.h>
#include <stdlib.h>

const char *group_name(unsigned group)
{
    static const char *const names[GROUPS] = { "g0", "g1", "g2" };

    return names[group];
}

void model_begin_groups(struct model *m)
{
    m->groups = mem_new(sizeof *m->groups);
    for (unsigned i = 0; i < GROUPS; i++)
        m->groups->at[i] = (struct m_group){ .touch_ms = m->world->now_ms, .incarnation = 1 };
}

static void free_slots(struct m_slot *s)
{
    while (s) {
        struct m_slot *next = s->next;

        free(s->at);
        free(s);
        s = next;
    }
}

static void free_members(struct m_groups *g)
{
    while (g->members) {
        struct m_member *x = g->members;

        g->members = x->next;
        free(x);
    }
    while (g->generations) {
        struct m_generation *x = g->generations;

        g->generations = x->next;
        free(x);
    }
}

void model_free_groups(struct model *m)
{
    free_slots(m->groups->slots);
    free_members(m->groups);
    free(m->groups);
}

/* ---- being forgotten ---- */

static void renew(struct m_group *g)
{
    g->incarnation++;
    g->generation = 0;
}

void model_group_look(struct model *m, unsigned group)
{
    struct m_group *g = &m->groups->at[group];
    int64_t         now_ms = m->world->now_ms;

    if (now_ms - g->touch_ms < GROUP_FORGET_MS)
        return;
    g->forgotten = m->world->last_number;
    if (now_ms - g->renewed_ms < GROUP_FORGET_MS)
        return;
    g->renewed_ms = now_ms;
    renew(g);
}

void model_group_touch(struct model *m, unsigned group, int64_t ms)
{
    struct m_group *g = &m->groups->at[group];

    if (ms > g->touch_ms)
        g->touch_ms = ms;
}

static void end(struct m_member *x, uint64_t number)
{
    x->out = number;
    x->sure_until_ms = 0;
}

/* GM2, GM3. A restart begins the week anew. */
void model_groups_on_crash(struct model *m)
{
    struct m_groups *all = m->groups;

    for (struct m_slot *s = all->slots; s; s = s->next)
        for (size_t i = 0; i < s->count; i++)
            if (s->at[i].outcome == PENDING)
                s->at[i].outcome = UNKNOWN;
    for (unsigned i = 0; i < GROUPS; i++) {
        model_group_look(m, i);
        renew(&all->at[i]);
        model_group_touch(m, i, m->world->now_ms);
    }
    for (struct m_member *x = all->members; x; x = x->next)
        if (!x->out)
            end(x, m->world->last_number);
}

/* ---- offsets ---- */

struct m_slot *model_slot(struct model *m, unsigned group, struct m_topic *topic, uint32_t partition)
{
    struct m_slot *s = m->groups->slots;

    while (s && (s->group != group || s->topic != topic || s->partition != partition))
        s = s->next;
    if (s)
        return s;
    s = mem_new(sizeof *s);
    *s = (struct m_slot){ .next = m->groups->slots, .group = group, .topic = topic,
                          .partition = partition };
    m->groups->slots = s;
    return s;
}

static void add_commit(struct m_slot *s, struct m_commit c)
{
    size_t i = s->count;

    if (s->count == s->cap) {
        s->cap = s->cap ? s->cap * 2 : 8;
        s->at = mem_resize(s->at, s->cap * sizeof *s->at);
    }
    for (; i > 0 && s->at[i - 1].number > c.number; i--)
        s->at[i] = s->at[i - 1];
    s->at[i] = c;
    s->count++;
}

struct m_topic *model_topic_named(struct model *m, struct bytes name)
{
    char copy[NAME_BYTES];

    snprintf(copy, sizeof copy, "%.*s", (int)name.len, (const char *)name.at);
    return model_topic(m, copy);
}

struct m_slot *model_commit(struct model *m, unsigned group, const struct offset_item *item,
                            uint64_t number, enum err *want)
{
    struct m_topic *t = model_topic_named(m, item->name);
    struct m_slot  *s;

    *want = !t ? ERR_NO_TOPIC : item->partition >= t->partition_count ? ERR_NO_PARTITION : ERR_OK;
    if (*want)
        return NULL;
    s = model_slot(m, group, t, item->partition);
    add_commit(s, (struct m_commit){ number, item->offset, PENDING, NULL });
    return s;
}

static void forget_slot(struct m_slot *s, uint64_t number)
{
    add_commit(s, (struct m_commit){ number, -1, PENDING, NULL });
}

/* GM3: without its anchor the group may be forgotten, and begin again with generation 1. */
void model_forget_slot(struct model *m, struct m_slot *s, uint64_t number)
{
    if (strcmp(s->topic->name, ANCHOR_TOPIC) == 0)
        renew(&m->groups->at[s->group]);
    forget_slot(s, number);
}

void model_commit_of_txn(struct m_slot *s, uint64_t number, int64_t offset, struct m_txn *t)
{
    add_commit(s, (struct m_commit){ number, offset, PENDING, t });
}

void model_decide_commits(struct m_slot *s, const struct m_txn *t, enum outcome outcome)
{
    for (size_t i = 0; i < s->count; i++)
        if (s->at[i].txn == t && (s->at[i].outcome == PENDING || s->at[i].outcome == UNKNOWN))
            s->at[i].outcome = outcome;
}

/* Later ones may have hidden it, or taken it away. */
bool model_commits_contradict(struct model *m, const struct m_slot *s, const struct m_txn *t)
{
    bool is_away = false;
    bool is_covered = false;

    for (size_t i = 0; i < s->count; i++) {
        const struct m_commit *c = &s->at[i];

        if (c->txn == t && c->outcome == DONE)
            return t->end == TXN_IS_ABORTED;
        if (c->txn == t)
            is_away |= c->outcome == NEVER && c->number > m->groups->at[s->group].forgotten;
        else
            is_covered |= is_away && c->outcome != NEVER;
    }
    return is_away && !is_covered && t->end == TXN_IS_COMMITTED;
}

void model_forget_group(struct model *m, unsigned group, uint64_t number)
{
    renew(&m->groups->at[group]);
    for (struct m_slot *s = m->groups->slots; s; s = s->next)
        if (s->group == group)
            forget_slot(s, number);
}

void model_group_forgotten(struct model *m, unsigned group, uint64_t number, enum outcome outcome)
{
    for (struct m_slot *s = m->groups->slots; s; s = s->next)
        if (s->group == group)
            model_committed(s, number, outcome);
}

void model_committed(struct m_slot *s, uint64_t number, enum outcome outcome)
{
    for (size_t i = 0; i < s->count; i++)
        if (s->at[i].number == number)
            s->at[i].outcome = outcome;
}

bool model_commit_is_there(const struct m_slot *s, uint64_t number)
{
    for (size_t i = 0; i < s->count; i++)
        if (s->at[i].number == number)
            return s->at[i].outcome == DONE;
    return false;
}

bool model_commit_is_away(struct model *m, const struct m_slot *s, uint64_t number)
{
    bool is_away = false;

    for (size_t i = 0; i < s->count; i++)
        if (s->at[i].number == number)
            is_away = s->at[i].outcome == NEVER && number > m->groups->at[s->group].forgotten;
        else if (s->at[i].number > number && s->at[i].outcome != NEVER)
            return false;
    return is_away;
}

void model_commit_decide(struct m_slot *s, uint64_t number, bool is_there)
{
    for (size_t i = 0; i < s->count; i++)
        if (s->at[i].number == number && s->at[i].outcome == UNKNOWN)
            s->at[i].outcome = is_there ? DONE : NEVER;
}

/* The last commit before that number of which it is known that it happened; NULL: none. */
static struct m_commit *last_known(struct m_slot *s, uint64_t number)
{
    struct m_commit *found = NULL;

    for (size_t i = 0; i < s->count && s->at[i].number < number; i++)
        if (s->at[i].outcome == DONE)
            found = &s->at[i];
    return found;
}

/* One before that number that may have taken away what is known; NULL: none. */
static struct m_commit *find_forgetting(struct m_slot *s, uint64_t number)
{
    struct m_commit *found = NULL;

    for (size_t i = 0; i < s->count && s->at[i].number < number; i++)
        if (s->at[i].outcome == DONE)
            found = NULL;
        else if (s->at[i].offset < 0 && s->at[i].outcome != NEVER)
            found = &s->at[i];
    return found;
}

/* Of several calls that tried to commit it the last is taken: had it been an earlier one, nothing that
 * is known to lie in between could have happened. */
static struct m_commit *find_commit(struct m_slot *s, int64_t offset, uint64_t number)
{
    struct m_commit *found = NULL;

    for (size_t i = 0; i < s->count && s->at[i].number <= number; i++)
        if (s->at[i].offset == offset && (!found || s->at[i].outcome != NEVER))
            found = &s->at[i];
    return found;
}

/* What was in doubt and would hide what was seen did not happen. */
static void decide(struct m_slot *s, uint64_t after, uint64_t before)
{
    for (size_t i = 0; i < s->count; i++) {
        struct m_commit *c = &s->at[i];

        if (c->outcome == UNKNOWN && c->number > after && c->number < before)
            c->outcome = NEVER;
    }
    if (before > s->seen)
        s->seen = before;
}

static void see_nothing(struct model *m, struct m_slot *s, uint64_t number)
{
    const struct m_commit *known = last_known(s, number);
    struct m_commit       *forgetting = find_forgetting(s, number);
    uint64_t               forgotten = m->groups->at[s->group].forgotten;

    if (forgetting && forgetting->outcome == UNKNOWN)
        forgetting->outcome = DONE;
    decide(s, 0, number);
    if (!known || known->offset < 0 || forgetting)
        return;
    if (known->number >= forgotten || s->seen > number)
        violation(m->world, "committed offsets stay", "group %s, %s/%u: nothing; %lld was committed "
                  "by call %llu", group_name(s->group), s->topic->name, s->partition,
                  (long long)known->offset, (unsigned long long)known->number);
    add_commit(s, (struct m_commit){ number, -1, DONE, NULL }); /* it was forgotten before */
}

static void see_commit(struct model *m, struct m_slot *s, uint64_t number, struct m_commit *seen)
{
    const struct m_commit *known = last_known(s, number);

    if (known && seen->number < known->number)
        violation(m->world, "committed offsets stay",
                  "group %s, %s/%u: %lld of call %llu; %lld was committed by call %llu",
                  group_name(s->group), s->topic->name, s->partition, (long long)seen->offset,
                  (unsigned long long)seen->number, (long long)known->offset,
                  (unsigned long long)known->number);
    seen->outcome = DONE;
    if (seen->txn)
        model_txn_ended(m, seen->txn, TXN_IS_COMMITTED, "an offset of it is committed");
    decide(s, seen->number, number);
}

void model_see_offset(struct model *m, struct m_slot *s, uint64_t number, int64_t offset)
{
    struct m_commit *seen = find_commit(s, offset, number);

    if (offset < 0) {
        see_nothing(m, s, number);
        return;
    }
    if (!seen || seen->outcome == NEVER)
        violation(m->world, "nothing is there that was never committed",
                  "group %s, %s/%u: %lld", group_name(s->group), s->topic->name, s->partition,
                  (long long)offset);
    see_commit(m, s, number, seen);
}

/* Something of it is there that does not go with a topic: it was there at the last look, or was
 * committed since, and has not been forgotten. */
static bool is_anchored(struct model *m, unsigned group)
{
    uint64_t forgotten = m->groups->at[group].forgotten;

    for (struct m_slot *s = m->groups->slots; s; s = s->next) {
        const struct m_commit *known;

        if (s->group != group || strcmp(s->topic->name, ANCHOR_TOPIC) != 0)
            continue;
        known = last_known(s, UINT64_MAX);
        if (known && known->offset >= 0 && known->number > forgotten &&
            !find_forgetting(s, UINT64_MAX))
            return true;
    }
    return false;
}

uint64_t model_incarnation(struct model *m, unsigned group)
{
    return is_anchored(m, group) ? m->groups->at[group].incarnation : 0;
}

/* ---- members ---- */

struct m_member *model_member(struct model *m, const char *id)
{
    for (struct m_member *x = m->groups->members; x; x = x->next)
        if (strcmp(x->id, id) == 0)
            return x;
    return NULL;
}

bool model_may_act(struct model *m, const char *id, int32_t generation)
{
    const struct m_member *x = model_member(m, id);

    return x && !x->out && generation >= x->generation &&
           generation >= m->groups->at[x->group].generation;
}

const struct m_member *model_sure_member(struct model *m, unsigned group)
{
    for (const struct m_member *x = m->groups->members; x; x = x->next)
        if (x->group == group && x->sure_until_ms > m->world->now_ms)
            return x;
    return NULL;
}

/* Of an id, or of any that begins with an instance id. */
static bool is_called(const struct m_member *x, unsigned group, const char *id)
{
    size_t len = strlen(id);

    return x->group == group && strncmp(x->id, id, len) == 0 &&
           (x->id[len] == 0 || (id[0] == STATIC_PREFIX && x->id[len] == '-'));
}

void model_threaten(struct model *m, unsigned group, const char *id, uint64_t number)
{
    for (struct m_member *x = m->groups->members; x; x = x->next)
        if (is_called(x, group, id)) {
            x->threat = number;
            x->sure_until_ms = 0;
        }
}

void model_end_member(struct model *m, unsigned group, const char *id, uint64_t number)
{
    for (struct m_member *x = m->groups->members; x; x = x->next)
        if (is_called(x, group, id) && x->joined < number && !x->out)
            end(x, number);
}

/* Answers may come in another order than they were made. */
static void replace_holders(struct model *m, struct m_member *x)
{
    size_t len = strcspn(x->id, "-");

    if (x->id[0] != STATIC_PREFIX)
        return;
    for (struct m_member *o = m->groups->members; o; o = o->next)
        if (o != x && o->group == x->group && strncmp(o->id, x->id, len + 1) == 0) {
            if (o->joined < x->joined && !o->out)
                end(o, x->joined);
            else if (o->joined > x->joined)
                end(x, o->joined);
        }
}

struct m_member *model_meet_member(struct model *m, unsigned group, struct bytes id,
                                   uint64_t number)
{
    struct m_member *x = mem_new(sizeof *x);

    if (id.len == 0 || id.len >= MEMBER_ID_BYTES)
        violation(m->world, "a member's id is given once", "group %s: %zu bytes",
                  group_name(group), id.len);
    memcpy(x->id, id.at, id.len);
    if (model_member(m, x->id))
        violation(m->world, "a member's id is given once", "group %s: %s", group_name(group),
                  x->id);
    x->group = group;
    x->joined = number;
    x->patience_ms = INT64_MAX;
    x->next = m->groups->members;
    m->groups->members = x;
    replace_holders(m, x);
    return x;
}

void m_member_is_well(struct m_member *x, uint64_t number, int64_t ms)
{
    if (!x->out && number > x->threat && ms + x->patience_ms > x->sure_until_ms)
        x->sure_until_ms = ms + x->patience_ms;
}

/* ---- generations ---- */

static struct m_generation *generation_of(struct model *m, unsigned group, uint64_t incarnation,
                                          int32_t generation)
{
    struct m_generation *x = m->groups->generations;

    while (x && (x->group != group || x->incarnation != incarnation || x->generation != generation))
        x = x->next;
    if (x)
        return x;
    x = mem_new(sizeof *x);
    *x = (struct m_generation){ .next = m->groups->generations, .group = group,
                                .incarnation = incarnation, .generation = generation };
    m->groups->generations = x;
    return x;
}

static bool is_same(const char *known, struct bytes shown)
{
    return known[0] == 0 || bytes_eq_str(shown, known);
}

static void keep(char *known, size_t cap, struct bytes shown)
{
    snprintf(known, cap, "%.*s", (int)shown.len, (const char *)shown.at);
}

void model_see_generation(struct model *m, unsigned group, const struct group_join_call *j,
                          uint64_t incarnation)
{
    struct m_group      *newest = &m->groups->at[group];
    struct m_generation *g;

    if (incarnation == 0)
        return;
    g = generation_of(m, group, incarnation, j->generation);
    /* A static leader may have come back under another id. */
    if (!is_same(g->leader, j->leader) && g->leader[0] != STATIC_PREFIX)
        violation(m->world, "a generation has one leader", "group %s, generation %d: %s and %.*s",
                  group_name(group), j->generation, g->leader, (int)j->leader.len,
                  (const char *)j->leader.at);
    if (!is_same(g->protocol, j->protocol))
        violation(m->world, "a generation has one protocol", "group %s, generation %d: %s and %.*s",
                  group_name(group), j->generation, g->protocol, (int)j->protocol.len,
                  (const char *)j->protocol.at);
    if (newest->incarnation == incarnation && newest->generation < j->generation)
        newest->generation = j->generation;
    keep(g->leader, sizeof g->leader, j->leader);
    keep(g->protocol, sizeof g->protocol, j->protocol);
}

void model_see_assignment(struct model *m, unsigned group, int32_t generation,
                          uint64_t incarnation, uint64_t assignment)
{
    struct m_generation *g;

    if (incarnation == 0)
        return;
    g = generation_of(m, group, incarnation, generation);
    if (g->assigned != 0 && g->assigned != assignment)
        violation(m->world, "a generation has one assignment",
                  "group %s, generation %d: %llu and %llu", group_name(group), generation,
                  (unsigned long long)g->assigned, (unsigned long long)assignment);
    g->assigned = assignment;
}
