/* dump.h - `myna dump`: the files of a data directory as text. Thread: the main one. */
#ifndef NODE_DUMP_H
#define NODE_DUMP_H

/* "journal", "segment" or "catalogue", then a data directory or one file (default ./data). */
int dump_run(int count, char **args);

#endif
