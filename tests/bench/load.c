/* How fast rows are loaded, beside a program that only looks at each byte, in the same minute.
 *
 *     load write FILE ROWS TARGETS      a CSV of ROWS rows, targets interleaved by time, two metrics
 *     load FILE [ROUNDS]                five rounds by default: MB/s of each, medians
 *
 * scan: one thread reads the file and counts commas and newlines one byte at a time. parse: the same, and
 * strtod turns both values of each row into numbers, nothing is stored. load: ff_dataset_load, to sorted rows
 * by target, by as many threads as there are CPUs (and by one). Ratios are taken within a round. A packed
 * FILE is loaded only. */
#include "common/buf.h"
#include "common/clock.h"
#include "coordinator/blocks.h"
#include "coordinator/pass.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

enum { BUFFER = 1 << 20, MOST_ROUNDS = 100 };

static int fail(const char *what)
{
    perror(what);
    exit(1);
}

static int write_file(const char *path, unsigned long rows, unsigned long targets)
{
    FILE *file = fopen(path, "w");
    if (!file || targets == 0)
        fail(path);
    fprintf(file, "time,xcode,count,elapsed_ms\n");
    unsigned long random = 1;
    for (unsigned long i = 0; i < rows; i++) {
        unsigned long minute = i / targets;
        random = random * 6364136223846793005u + 1442695040888963407u;
        fprintf(file, "2026-01-%02luT%02lu:%02lu:00Z,TX%05lu,%lu,%lu.%03lu\n", minute / 1440 % 28 + 1,
                minute / 60 % 24, minute % 60, i % targets, (random >> 33) % 400, (random >> 43) % 90 + 10,
                (random >> 53) % 1000);
    }
    return fclose(file) ? fail(path) : 0;
}

static bool is_packed(const char *path)
{
    size_t size = strlen(path);
    return size < 4 || strcmp(path + size - 4, ".csv") != 0;
}

static int open_file(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    return fd < 0 ? fail(path) : fd;
}

static uint64_t scan(const char *path)
{
    int fd = open_file(path);
    char *buffer = ff_xalloc(BUFFER);
    uint64_t commas = 0, newlines = 0;
    for (ssize_t got; (got = read(fd, buffer, BUFFER)) > 0;)
        for (ssize_t i = 0; i < got; i++) {
            commas += buffer[i] == ',';
            newlines += buffer[i] == '\n';
        }
    free(buffer);
    close(fd);
    return commas + newlines;
}

/* The sum of what is behind the second comma of the whole rows in text; *rest: what is behind the last one.
 */
static double sum_rows(char *text, char **rest)
{
    double sum = 0;
    for (char *end; (end = strchr(text, '\n')); text = end + 1) {
        char *at = strchr(text, ',');
        at = at && at < end ? strchr(at + 1, ',') : NULL;
        while (at && at < end && *at == ',')
            sum += strtod(at + 1, &at);
    }
    *rest = text;
    return sum;
}

static double parse(const char *path)
{
    int fd = open_file(path);
    char *buffer = ff_xalloc(BUFFER + 1), *rest;
    size_t kept = 0;
    double sum = 0;
    for (ssize_t got; (got = read(fd, buffer + kept, BUFFER - kept)) > 0;) {
        buffer[kept + (size_t)got] = '\0';
        sum += sum_rows(buffer, &rest);
        kept = strlen(rest);
        memmove(buffer, rest, kept);
    }
    free(buffer);
    close(fd);
    return sum;
}

/* Keeps the compiler from leaving the work out. */
static volatile double sink;

/* The rows of a batch are there, by target and in order of time. */
static enum ff_status look(void *context, size_t worker, const struct ff_batch *batch,
                           const struct ff_opened *opened, struct ff_error *err)
{
    (void)context;
    (void)worker;
    (void)err;
    for (size_t i = 0; i < batch->count; i++)
        if (opened->rows[i].count)
            sink = ff_rows_value(&opened->rows[i], 0, 0);
    return FF_OK;
}

static uint64_t load(const char *path, size_t threads)
{
    struct ff_jobspec spec = {.data = {.target = "xcode", .time_format = "auto", .timezone = "UTC"}};
    struct ff_data_file file = {.path = (char *)(uintptr_t)path};
    struct ff_load_options options = {.threads = threads, .block_bytes = FF_BLOCK_BYTES};
    struct ff_dataset *dataset;
    struct ff_error err = {0};
    int64_t cpu_us = 0;
    file.size = SIZE_MAX; /* worth threads */
    if (ff_dataset_load(&spec, &file, 1, &options, NULL, &dataset, &err) ||
        ff_pass_run(&(struct ff_pass){.dataset = dataset, .visit = look}, &cpu_us, &err)) {
        fprintf(stderr, "%s\n", err.text);
        exit(1);
    }
    uint64_t rows = dataset->rows;
    ff_dataset_destroy(dataset);
    return rows;
}

/* ---- rounds ---- */

enum way { SCAN, PARSE, LOAD, LOAD_ONE, WAYS };

static const char *const titles[WAYS] = {"scan", "parse", "load", "load, one thread"};

static void run(enum way way, const char *path)
{
    switch (way) {
    case SCAN:
        sink = (double)scan(path);
        break;
    case PARSE:
        sink = parse(path);
        break;
    case LOAD:
    case LOAD_ONE:
    case WAYS:
        sink = (double)load(path, way == LOAD_ONE);
    }
}

static double cpu_s(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static double median(const double *values, size_t count)
{
    double sorted[MOST_ROUNDS];
    memcpy(sorted, values, count * sizeof *sorted);
    qsort(sorted, count, sizeof *sorted, by_value);
    return sorted[count / 2];
}

static int compare(const char *path, size_t rounds)
{
    double seconds[WAYS][MOST_ROUNDS], cpu[WAYS][MOST_ROUNDS], ratios[MOST_ROUNDS];
    int fd = open_file(path);
    double megabytes = (double)lseek(fd, 0, SEEK_END) / 1e6;
    close(fd);
    enum way first = is_packed(path) ? LOAD : SCAN;
    run(LOAD, path); /* into the page cache */
    for (size_t round = 0; round < rounds; round++)
        for (enum way way = first; way < WAYS; way++) {
            int64_t start_us = ff_clock_us();
            double start_cpu = cpu_s();
            run(way, path);
            seconds[way][round] = (double)(ff_clock_us() - start_us) / 1e6;
            cpu[way][round] = cpu_s() - start_cpu;
        }
    printf("%-18s%10s%10s%10s%16s\n", "", "MB/s", "s", "cpu_s", "speed of scan");
    for (enum way way = first; way < WAYS; way++) {
        for (size_t round = 0; round < rounds; round++)
            ratios[round] = seconds[first][round] / seconds[way][round];
        double s = median(seconds[way], rounds);
        printf("%-18s%10.0f%10.3f%10.3f%16.2f\n", titles[way], megabytes / s, s, median(cpu[way], rounds),
               median(ratios, rounds));
    }
    return 0;
}

int main(int count, char **arguments)
{
    if (count == 5 && strcmp(arguments[1], "write") == 0)
        return write_file(arguments[2], strtoul(arguments[3], NULL, 10), strtoul(arguments[4], NULL, 10));
    size_t rounds = count == 3 ? strtoul(arguments[2], NULL, 10) : 5;
    if (count < 2 || count > 3 || rounds == 0 || rounds > MOST_ROUNDS) {
        fprintf(stderr, "load write FILE ROWS TARGETS | load FILE [ROUNDS]\n");
        return 2;
    }
    return compare(arguments[1], rounds);
}
