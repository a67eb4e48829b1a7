/*
 * replay.c - runs a fuzz target over its stored corpus, without libFuzzer: replay FOLDER...
 *
 * Linked with one x_fuzz.c in place of libFuzzer's main, so that every compiler and sanitizer can run the inputs
 * that once mattered. A missing folder is an error: a parser without a seed is not tested here. Output is TAP.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

enum { INPUT_BYTES_MAX = 16 << 20 };

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t len);

static int replay_file(const char *folder, const char *name)
{
    static uint8_t buffer[INPUT_BYTES_MAX];
    char           path[4096];
    uint8_t       *exact;
    size_t         len;
    FILE          *file;

    snprintf(path, sizeof path, "%s/%s", folder, name);
    file = fopen(path, "rb");
    if (!file)
        return -1;
    len = fread(buffer, 1, sizeof buffer, file);
    fclose(file);
    exact = malloc(len ? len : 1); /* its own allocation, so that a sanitizer sees a read past the end */
    if (!exact)
        return -1;
    for (size_t i = 0; i < len; i++)
        exact[i] = buffer[i];
    (void)LLVMFuzzerTestOneInput(exact, len);
    free(exact);
    return 0;
}

static int replay_folder(const char *folder, int *count)
{
    DIR                 *dir = opendir(folder);
    const struct dirent *entry;
    int                  failed = 0;

    if (!dir)
        return -1;
    while ((entry = readdir(dir)) != NULL) {
        if (entry->d_name[0] == '.')
            continue;
        if (replay_file(folder, entry->d_name) == 0) {
            printf("ok %d - %s\n", ++*count, entry->d_name);
        } else {
            printf("not ok %d - %s\n", ++*count, entry->d_name);
            failed = 1;
        }
    }
    closedir(dir);
    return failed ? -1 : 0;
}

int main(int argc, char **argv)
{
    int count = 0;
    int failed = 0;

    for (int i = 1; i < argc; i++)
        if (replay_folder(argv[i], &count) != 0)
            failed = 1;
    if (count == 0)
        failed = 1;
    printf("1..%d\n", count);
    return failed;
}
