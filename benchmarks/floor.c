/* floor.c - the least any honest local sweep can cost; multirun is divided by it.
 *
 * For each of N runs: make a directory, write params.json, optionally place three inputs, start
 * COMMAND there with its output in two files, wait, append a line with its exit status to a
 * journal. At most P commands live at once. No sessions, no limits, no verdicts, no results.
 *
 *   cc -O2 -o floor floor.c
 *   ./floor N P ROOT bare|full|files COMMAND [ARG...]
 *     bare    start and wait only: no directory, output to the null device
 *     full    directory, params.json, stdout, stderr, journal line
 *     files   full, and a 10 kB copy, a symlink to an original, a symlink to a shared copy
 *
 * COMMAND must be a path (no search). ROOT must exist and be empty. Prints one JSON object.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { BARE, FULL, FILES };
#define NEW_FILE (O_WRONLY | O_CREAT | O_TRUNC)

extern char **environ;
static char root[2048], input[2100], blob[10240];
static int level, journal;
static char **command;

static void die(const char *what) {
    perror(what);
    exit(2);
}

static void put(const char *path, const void *bytes, size_t size) {
    int out = open(path, NEW_FILE | O_CLOEXEC, 0666);
    if (out < 0 || write(out, bytes, size) != (ssize_t)size) die(path);
    close(out);
}

static void copy_input(const char *target) {
    int in = open(input, O_RDONLY | O_CLOEXEC), out = open(target, NEW_FILE | O_CLOEXEC, 0666);
    if (in < 0 || out < 0) die(target);
    if (copy_file_range(in, NULL, out, NULL, sizeof blob, 0) != (ssize_t)sizeof blob) die("copy_file_range");
    close(in);
    close(out);
}

static void prepare(void) {
    char path[4096];
    snprintf(path, sizeof path, "%s/journal.jsonl", root);
    journal = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    if (journal < 0) die(path);
    memset(blob, 'x', sizeof blob);
    snprintf(input, sizeof input, "%s/input.dat", root);
    if (level < FILES) return;
    put(input, blob, sizeof blob);
    snprintf(path, sizeof path, "%s/shared", root);
    if (mkdir(path, 0777)) die(path);
    snprintf(path, sizeof path, "%s/shared/table.dat", root);
    put(path, blob, sizeof blob);
}

static void stage(const char *dir, long index) {
    char path[4200], text[128];
    if (mkdir(dir, 0777)) die(dir);
    int size = snprintf(text, sizeof text, "{\"x\": %ld, \"y\": 0.5, \"name\": \"run\"}\n", index);
    snprintf(path, sizeof path, "%s/params.json", dir);
    put(path, text, size);
    if (level < FILES) return;
    snprintf(path, sizeof path, "%s/input.dat", dir);
    copy_input(path);
    snprintf(path, sizeof path, "%s/link.dat", dir);
    if (symlink(input, path)) die(path);
    snprintf(path, sizeof path, "%s/table.dat", dir);
    if (symlink("../shared/table.dat", path)) die(path);
}

static pid_t start(long index) {
    char dir[4096];
    pid_t pid;
    int full = level >= FULL;
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    if (full) {
        snprintf(dir, sizeof dir, "%s/run_%06ld", root, index);
        stage(dir, index);
        posix_spawn_file_actions_addchdir_np(&actions, dir);
    }
    posix_spawn_file_actions_addopen(&actions, 1, full ? "stdout" : "/dev/null", NEW_FILE, 0666);
    posix_spawn_file_actions_addopen(&actions, 2, full ? "stderr" : "/dev/null", NEW_FILE, 0666);
    errno = posix_spawn(&pid, command[0], &actions, NULL, command, environ);
    if (errno) die(command[0]);
    posix_spawn_file_actions_destroy(&actions);
    return pid;
}

static int record(long index, int status) {
    char line[96];
    int code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    int size = snprintf(line, sizeof line, "{\"run\": %ld, \"exit\": %d}\n", index, code);
    if (level >= FULL && write(journal, line, size) != size) die("journal");
    return code != 0;
}

static long slot_of(const pid_t *pids, long p, pid_t pid) {
    for (long slot = 0; slot < p; slot++)
        if (pids[slot] == pid) return slot;
    return -1;
}

static long sweep(long n, long p) {
    pid_t *pids = calloc(p, sizeof *pids);
    long *indices = calloc(p, sizeof *indices);
    long started = 0, failed = 0;
    for (long done = 0; done < n; done++) {
        for (long slot; started < n && (slot = slot_of(pids, p, 0)) >= 0; started++) {
            pids[slot] = start(started);
            indices[slot] = started;
        }
        int status;
        pid_t pid = wait(&status);
        if (pid < 0) die("wait");
        long slot = slot_of(pids, p, pid);
        failed += record(indices[slot], status);
        pids[slot] = 0;
    }
    return failed;
}

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec * 1e-9;
}

static double cpu_us(int who) {
    struct rusage u;
    getrusage(who, &u);
    return (u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1e6 + u.ru_utime.tv_usec + u.ru_stime.tv_usec;
}

/* ru_maxrss would count the image of whoever started this program, before the exec. */
static double peak_mb(void) {
    char line[256];
    double kb = 0;
    FILE *status = fopen("/proc/self/status", "r");
    while (status && fgets(line, sizeof line, status))
        if (!strncmp(line, "VmHWM:", 6)) kb = atol(line + 6);
    return kb / 1024;
}

int main(int argc, char **argv) {
    if (argc < 6) {
        fprintf(stderr, "usage: %s N P ROOT bare|full|files COMMAND [ARG...]\n", argv[0]);
        return 2;
    }
    long n = atol(argv[1]), p = atol(argv[2]);
    char *absolute = realpath(argv[3], NULL);
    if (n < 1 || p < 1 || !absolute || strlen(absolute) >= sizeof root) die("arguments");
    strcpy(root, absolute);
    level = !strcmp(argv[4], "bare") ? BARE : !strcmp(argv[4], "full") ? FULL : FILES;
    command = argv + 5;
    prepare();
    double begin = now();
    long failed = sweep(n, p);
    double wall = now() - begin, own = cpu_us(RUSAGE_SELF), below = cpu_us(RUSAGE_CHILDREN);
    printf("{\"who\": \"floor\", \"n\": %ld, \"p\": %ld, \"failed\": %ld, \"wall_s\": %.4f, \"runs_per_s\": %.1f, "
           "\"cpu_us_per_run\": %.1f, \"own_us_per_run\": %.1f, \"peak_rss_mb\": %.1f}\n",
           n, p, failed, wall, n / wall, (own + below) / n, own / n, peak_mb());
    return 0;
}
