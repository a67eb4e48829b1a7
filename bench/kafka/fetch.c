/* fetch.c - one consumer reads all partitions from the beginning. The clock runs from the first
 * record it gets. */
#include "driver.h"

#include <stdio.h>

enum { IDLE_S = 10, WAIT_MS = 100 };

int fetch(const struct options *o)
{
    struct reader r;
    double        records = 0, bytes = 0;
    double        begin = 0, last = bench_seconds(), cpu_s = driver_cpu_seconds();

    reader_open(&r, o);
    while (records < o->records && bench_seconds() - last < IDLE_S) {
        reader_take(&r, WAIT_MS);
        for (size_t i = 0; i < r.count; i++) {
            if (r.messages[i]->err)
                continue;
            records++;
            bytes += (double)r.messages[i]->len;
        }
        if (r.count > 0)
            last = bench_seconds();
        if (begin == 0 && records > 0)
            begin = last;
        reader_give_back(&r);
    }
    printf("{\"records\": %.0f, \"bytes\": %.0f, \"seconds\": %.3f, \"records_per_s\": %.0f, "
           "\"mb_per_s\": %.2f, "
           "\"client_cpu_s\": %.3f}\n",
           records, bytes, last - begin, records / (last - begin), bytes / 1e6 / (last - begin),
           driver_cpu_seconds() - cpu_s);
    reader_close(&r);
    return records >= o->records ? 0 : 1;
}
