/* What one core does with the bytes of a CSV file when nobody asks for more: one loop finds the lines and the
 * fields, and the cells of every column but the second are parsed as whole numbers or decimal fractions.
 * Times, targets and values go nowhere.
 *
 *     scan FILE [ROUNDS]       default: 3 rounds; prints the best one's seconds and MB/s, and what was found
 */
#include "common/clock.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

struct found {
    size_t lines, fields;
    double sum; /* so that nothing is left out */
};

static const char *parse(const char *at, const char *end, double *out)
{
    long whole = 0, part = 0, scale = 1;
    while (at < end && *at >= '0' && *at <= '9')
        whole = whole * 10 + (*at++ - '0');
    if (at < end && *at == '.')
        for (at++; at < end && *at >= '0' && *at <= '9'; at++, scale *= 10)
            part = part * 10 + (*at - '0');
    *out = (double)whole + (double)part / (double)scale;
    return at;
}

static struct found scan(const char *at, const char *end)
{
    struct found found = {0, 0, 0};
    while (at < end) {
        for (size_t column = 0;; column++) {
            double value = 0;
            if (column != 1)
                at = parse(at, end, &value);
            while (at < end && *at != ',' && *at != '\n')
                at++;
            found.sum += value;
            found.fields++;
            if (at == end || *at++ == '\n')
                break;
        }
        found.lines++;
    }
    return found;
}

int main(int argc, char **argv)
{
    struct stat stat;
    int file = argc > 1 ? open(argv[1], O_RDONLY) : -1;
    int rounds = argc > 2 ? atoi(argv[2]) : 3;
    if (file < 0 || fstat(file, &stat) || stat.st_size == 0) {
        fprintf(stderr, "scan FILE [ROUNDS]\n");
        return 2;
    }
    struct found found = {0, 0, 0};
    double best_s = 1e9;
    for (int round = 0; round < rounds; round++) {
        int64_t start_us = ff_clock_us();
        char *data = malloc((size_t)stat.st_size);
        size_t size = 0;
        ssize_t got;
        while ((got = pread(file, data + size, (size_t)stat.st_size - size, (off_t)size)) > 0)
            size += (size_t)got;
        found = scan(data, data + size);
        free(data);
        double s = (double)(ff_clock_us() - start_us) / 1e6;
        best_s = s < best_s ? s : best_s;
    }
    printf("{\"peer\": \"naive scan in C, one core\", \"seconds\": %.3f, \"mb_per_s\": %.0f, \"rows\": %zu, "
           "\"fields\": %zu, "
           "\"sum\": %.6g}\n",
           best_s, (double)stat.st_size / 1e6 / best_s, found.lines - 1, found.fields, found.sum);
    return 0;
}
