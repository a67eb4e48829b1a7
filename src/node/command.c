/* command.c - see command.h. */
#include "node/command.h"
#include "base/bytes.h"
#include "node/dump.h"
#include "node/users.h"
#include "node/verify.h"

#include <stdio.h>

struct command {
    const char *name;
    const char *arguments;
    const char *meaning;
    /* args: those behind the name. The exit status; -1: they make no sense. */
    int (*run)(int count, char **args);
};

static const struct command table[] = {
    { "dump", "journal|segment|catalogue [PATH]",
      "print the files of a data directory, or one file, readably", dump_run },
    { "verify", "[DIR]", "check every checksum and reference of a data directory; changes nothing",
      verify_run },
    { "add_user", "[--data DIR] NAME [PASSWORD]",
      "let a user log in; without PASSWORD it is read from standard input", users_run_add },
    { "change_password", "[--data DIR] NAME [PASSWORD]", "the same for one who is there already",
      users_run_change_password },
    { "set_user_tags", "[--data DIR] NAME [TAG...]",
      "administrator, impersonator, or RabbitMQ's others; none: take them away", users_run_tags },
    { "delete_user", "[--data DIR] NAME", "guest can be deleted, too", users_run_delete },
    { "list_users", "[--data DIR]", "names and tags", users_run_list },
};

static const struct command *find(const char *name)
{
    for (size_t i = 0; i < COUNT(table); i++)
        if (strcmp(table[i].name, name) == 0)
            return &table[i];
    return NULL;
}

bool command_is_meant(int argc, char **argv)
{
    return argc > 1 && argv[1][0] != '-';
}

int command_run(int argc, char **argv)
{
    const struct command *c = find(argv[1]);
    int                   status;

    if (!c) {
        fprintf(stderr, "myna: unknown command '%s'; 'myna --help' lists the commands\n", argv[1]);
        return 2;
    }
    status = c->run(argc - 2, argv + 2);
    if (status < 0) {
        fprintf(stderr, "myna: usage: myna %s %s\n", c->name, c->arguments);
        return 2;
    }
    return status;
}

void command_help(void)
{
    for (size_t i = 0; i < COUNT(table); i++)
        printf("  %s %s\n      %s\n", table[i].name, table[i].arguments, table[i].meaning);
}
