/*
 * cut.c - stops the file system that holds DIR, as if the power had gone: cut DIR default|flush|noflush.
 *
 * FS_IOC_SHUTDOWN (ext4, xfs, f2fs, btrfs) lets nothing more reach the device. "noflush" also drops what is still in
 * the file system's own log, which is what a power cut does; "flush" writes that log first; "default" writes all that
 * is dirty first, which no power cut does, but the calls that are under way fail all the same.
 *
 * Exit status: 0 done, 1 the system refused (one line says why), 2 wrong arguments.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#ifndef FS_IOC_SHUTDOWN /* Linux 6.13 named what ext4 and xfs have had since 4.10 */
#define FS_IOC_SHUTDOWN _IOR('X', 125, uint32_t)
#endif

static const char *const ways[] = { "default", "flush", "noflush" }; /* the index is the flag */

int main(int argc, char **argv)
{
    for (uint32_t way = 0; argc == 3 && way < sizeof ways / sizeof ways[0]; way++) {
        if (strcmp(argv[2], ways[way]) == 0) {
            int fd = open(argv[1], O_RDONLY | O_DIRECTORY | O_CLOEXEC);

            if (fd >= 0 && ioctl(fd, FS_IOC_SHUTDOWN, &way) == 0)
                return 0;
            fprintf(stderr, "cut: %s: %s\n", argv[1], strerror(errno));
            return 1;
        }
    }
    fputs("usage: cut DIR default|flush|noflush\n", stderr);
    return 2;
}
