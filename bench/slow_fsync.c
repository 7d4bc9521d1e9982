/* Preloaded, makes every flush to disk take at least FSYNC_MS milliseconds, as a cloud provider's network disk does. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <time.h>

static long wanted_ns(void) {
    static long cached = -1;
    if (cached < 0) {
        const char *given = getenv("FSYNC_MS");
        cached = (long)((given ? atof(given) : 2.0) * 1e6);
    }
    return cached;
}

static int slowly(const char *name, int fd) {
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, name);
    int result = real(fd);
    until.tv_nsec += wanted_ns();
    until.tv_sec += until.tv_nsec / 1000000000L;
    until.tv_nsec %= 1000000000L;
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL) != 0) {
    }
    return result;
}

int fsync(int fd) { return slowly("fsync", fd); }

int fdatasync(int fd) { return slowly("fdatasync", fd); }
