/* measure REPORT COMMAND [ARGUMENT...]: runs a command and writes what it cost to REPORT.
 *
 * A line of: wall seconds, CPU seconds, peak KiB, KiB that were dirtied for the disk, the status as a shell has it.
 *
 * It is a program of its own because a process begins with the peak memory of the one that started it: that of Python would hide the
 * memory of small programs. CPU time is the sum over the command and the processes that it waited for, and the peak is that of the largest
 * single one of them. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static double seconds(struct timeval t) {
    return (double)t.tv_sec + 1e-6 * (double)t.tv_usec;
}

int main(int argc, char **argv) {
    if (argc < 3) return 125;
    double begun = now();
    pid_t child = fork();
    if (child < 0) return 125;
    if (child == 0) {
        execvp(argv[2], argv + 2);
        fprintf(stderr, "%s: %s\n", argv[2], strerror(errno));
        _exit(127);
    }
    int status;
    struct rusage usage;
    while (wait4(child, &status, 0, &usage) < 0)
        if (errno != EINTR) return 125;
    double wall = now() - begun;
    int code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    FILE *report = fopen(argv[1], "w");
    if (!report) return 125;
    /* Blocks are of 512 bytes here, whatever those of the file system are. */
    fprintf(report, "%.6f %.6f %ld %ld %d\n", wall, seconds(usage.ru_utime) + seconds(usage.ru_stime), usage.ru_maxrss, usage.ru_oublock / 2,
            code);
    return fclose(report) ? 125 : 0;
}
