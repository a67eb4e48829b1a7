/* users.c - see users.h. */
#include "node/users.h"
#include "base/bytes.h"
#include "node/control.h"

#include <stdio.h>
#include <termios.h>
#include <unistd.h>

#define DATA_DEFAULT "./data" /* as of the broker's --data */

enum { LINE_BYTES_MAX = 4096, TAGS_MAX = 16 };

struct arguments {
    const char *data;
    const char *rest[TAGS_MAX + 1];
    int         count;
};

/* [--data DIR] and at least so many others. */
static bool read_arguments(struct arguments *a, int count, char **args, int least, int most)
{
    *a = (struct arguments){ .data = DATA_DEFAULT };
    for (int i = 0; i < count; i++) {
        if (strcmp(args[i], "--data") == 0 && i + 1 < count)
            a->data = args[++i];
        else if (strncmp(args[i], "--data=", 7) == 0)
            a->data = args[i] + 7;
        else if (a->count >= most || strncmp(args[i], "--", 2) == 0)
            return false;
        else
            a->rest[a->count++] = args[i];
    }
    return a->count >= least;
}

/* Sends it; prints what went wrong. The answer is the caller's; NULL: it went wrong. */
static json_t *ask(const char *data, json_t *command)
{
    json_t     *answer = command ? control_send(data, command) : NULL;
    const char *error = json_string_value(json_object_get(answer, "error"));

    if (!command)
        fputs("myna: names, tags and passwords are UTF-8\n", stderr);
    if (error)
        fprintf(stderr, "myna: %s\n", error);
    json_decref(command);
    if (!error)
        return answer;
    json_decref(answer);
    return NULL;
}

static int done(json_t *answer)
{
    int status = answer ? 0 : 1;

    json_decref(answer);
    return status;
}

/* A line of standard input; of a terminal it is not shown. */
static bool read_password(char *out, size_t size)
{
    struct termios before, quiet;
    bool           is_terminal = tcgetattr(STDIN_FILENO, &before) == 0;
    bool           is_there;

    if (is_terminal) {
        quiet = before;
        quiet.c_lflag &= ~(tcflag_t)ECHO;
        fputs("Password: ", stderr);
        tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet);
    }
    is_there = fgets(out, (int)size, stdin) != NULL;
    if (is_terminal) {
        tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
        fputc('\n', stderr);
    }
    if (is_there)
        out[strcspn(out, "\r\n")] = 0;
    else
        fputs("myna: no password on standard input\n", stderr);
    return is_there;
}

static int run_with_password(const char *verb, int count, char **args)
{
    struct arguments a;
    char             line[LINE_BYTES_MAX];
    const char      *password;

    if (!read_arguments(&a, count, args, 1, 2))
        return -1;
    password = a.rest[1];
    if (!password) {
        if (!read_password(line, sizeof line))
            return 1;
        password = line;
    }
    return done(ask(a.data, json_pack("{s:s, s:s, s:s}", "verb", verb, "name", a.rest[0], "password", password)));
}

int users_run_add(int count, char **args)
{
    return run_with_password("add_user", count, args);
}

int users_run_change_password(int count, char **args)
{
    return run_with_password("change_password", count, args);
}

int users_run_tags(int count, char **args)
{
    struct arguments a;
    char             tags[LINE_BYTES_MAX] = "";
    size_t           len = 0;

    if (!read_arguments(&a, count, args, 1, TAGS_MAX + 1))
        return -1;
    for (int i = 1; i < a.count; i++) {
        int n = snprintf(tags + len, sizeof tags - len, "%s%s", i > 1 ? "," : "", a.rest[i]);

        if (n < 0 || (size_t)n >= sizeof tags - len)
            return -1;
        len += (size_t)n;
    }
    return done(ask(a.data, json_pack("{s:s, s:s, s:s}", "verb", "set_user_tags", "name", a.rest[0], "tags", tags)));
}

int users_run_delete(int count, char **args)
{
    struct arguments a;

    if (!read_arguments(&a, count, args, 1, 1))
        return -1;
    return done(ask(a.data, json_pack("{s:s, s:s}", "verb", "delete_user", "name", a.rest[0])));
}

int users_run_list(int count, char **args)
{
    struct arguments a;
    json_t          *answer;
    json_t          *user;
    size_t           i;

    if (!read_arguments(&a, count, args, 0, 0))
        return -1;
    answer = ask(a.data, json_pack("{s:s}", "verb", "list_users"));
    if (answer)
        puts("user\ttags");
    json_array_foreach(json_object_get(answer, "users"), i, user)
        printf("%s\t[%s]\n", json_string_value(json_object_get(user, "name")),
               json_string_value(json_object_get(user, "tags")));
    return done(answer);
}
