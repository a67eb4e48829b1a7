/*
 * disk_bench.c - what the disk below a folder does without a broker: disk_bench FOLDER SECONDS
 *
 * Appends to one file in blocks, each made durable by fdatasync before the next: 1 MiB and 64 KiB for bandwidth, 4 KiB
 * for latency. The file grows as a journal does. Prints one JSON object.
 */
#include "quantile.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { BLOCK_BYTES_MAX = 1 << 20, FILE_BYTES_MAX = 1 << 30 };

struct result {
    double          mb_per_s;
    struct quantile latency;
};

static bool append_block(int fd, const uint8_t *block, size_t block_bytes)
{
    size_t done = 0;

    while (done < block_bytes) {
        ssize_t n = write(fd, block + done, block_bytes - done);

        if (n <= 0)
            return false;
        done += (size_t)n;
    }
    return fdatasync(fd) == 0;
}

static bool measure(const char *folder, size_t block_bytes, double seconds, struct result *out)
{
    static uint8_t block[BLOCK_BYTES_MAX];
    char           path[4096];
    double         start, before;
    size_t         bytes = 0;
    bool           ok = true;
    int            fd;

    snprintf(path, sizeof path, "%s/disk_bench.tmp", folder);
    fd = open(path, O_CREAT | O_TRUNC | O_WRONLY, 0600);
    if (fd < 0)
        return false;
    memset(block, 0xa5, sizeof block);
    memset(out, 0, sizeof *out);
    start = bench_seconds();
    while (ok && bytes < FILE_BYTES_MAX && (before = bench_seconds()) - start < seconds) {
        ok = append_block(fd, block, block_bytes);
        bytes += block_bytes;
        quantile_add(&out->latency, (bench_seconds() - before) * 1e3);
    }
    out->mb_per_s = (double)bytes / 1e6 / (bench_seconds() - start);
    quantile_sort(&out->latency);
    close(fd);
    unlink(path);
    return ok;
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        size_t      bytes;
    } blocks[] = { { "block_1m", 1 << 20 }, { "block_64k", 64 << 10 }, { "block_4k", 4 << 10 } };
    double seconds = argc > 2 ? strtod(argv[2], NULL) : 3;

    if (argc < 2) {
        fprintf(stderr, "usage: disk_bench FOLDER [SECONDS]\n");
        return 2;
    }
    printf("{");
    for (size_t i = 0; i < sizeof blocks / sizeof blocks[0]; i++) {
        struct result r;

        if (!measure(argv[1], blocks[i].bytes, seconds, &r)) {
            perror("disk_bench");
            return 1;
        }
        printf("%s\"%s\": {\"mb_per_s\": %.2f, \"p50_ms\": %.3f, \"p99_ms\": %.3f}", i ? ", " : "", blocks[i].name,
               r.mb_per_s, quantile_get(&r.latency, 0.5), quantile_get(&r.latency, 0.99));
        free(r.latency.ms);
    }
    printf("}\n");
    return 0;
}
