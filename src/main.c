/* main.c - the program: a command (node/command.h), or options in, a node, an exit status out. */
#include "node/command.h"
#include "node/node.h"

int main(int argc, char **argv)
{
    struct options options;

    if (command_is_meant(argc, argv))
        return command_run(argc, argv);
    switch (options_parse(&options, argc, argv, MYNA_VERSION)) {
    case OPTIONS_DONE:
        return 0;
    case OPTIONS_WRONG:
        return 2;
    case OPTIONS_RUN:
        break;
    }
    return node_run(&options, MYNA_VERSION);
}
