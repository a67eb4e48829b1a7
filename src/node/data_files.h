/*
 * data_files.h - the files of a data directory, found and read without owning it: for the tools
 * that look at one (dump.h, verify.h), also while a broker runs on it.
 *
 * Thread: the main one.
 */
#ifndef NODE_DATA_FILES_H
#define NODE_DATA_FILES_H

#include "base/bytes.h"
#include "base/err.h"

/* A file mapped for reading. */
struct mapped {
    struct bytes bytes;
};
/* ERR_ACCESS, ERR_IO; errno says why. */
MUST_CHECK enum err mapped_open(struct mapped *m, const char *path);
void mapped_close(struct mapped *m);

typedef void data_file_fn(void *ctx, const char *path);

/*
 * Calls fn for every file of the kind ("journal", "segment": the numbered files of that folder in
 * each shard, in order of epoch and number; "catalogue.db": that file) below path; or for path
 * itself when it is a file. ERR_ACCESS, ERR_IO (errno says why); ERR_FOREIGN: a directory that is no
 * data directory.
 */
MUST_CHECK enum err data_files_each(const char *path, const char *kind, data_file_fn *fn,
                                    void *ctx);

#endif
