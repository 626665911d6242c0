/* Reads the golden files: lines of words, of which the first says what the others are. */
#ifndef FF_TESTS_SUPPORT_GOLDEN_H
#define FF_TESTS_SUPPORT_GOLDEN_H

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct golden {
    FILE *file;
    char *line;
    size_t size;
    char *rest; /* of the line, behind the words taken */
};

static inline struct golden golden_open(const char *name)
{
    char path[1024];
    snprintf(path, sizeof path, FF_SOURCE_DIR "/tests/golden/%s", name);
    struct golden golden = {.file = fopen(path, "r")};
    cr_assert_not_null(golden.file, "%s", path);
    return golden;
}

static inline void golden_close(struct golden *golden)
{
    fclose(golden->file);
    free(golden->line);
}

/* The next word of the line; "" behind the last. */
static inline const char *golden_word(struct golden *golden)
{
    char *word = strtok_r(NULL, " \n", &golden->rest);
    return word ? word : "";
}

static inline long long golden_integer(struct golden *golden)
{
    return strtoll(golden_word(golden), NULL, 10);
}

static inline double golden_number(struct golden *golden)
{
    return strtod(golden_word(golden), NULL);
}

static inline void golden_numbers(struct golden *golden, double *values, size_t n)
{
    for (size_t i = 0; i < n; i++)
        values[i] = golden_number(golden);
}

/* Goes to the next line that is no comment; its first word, or NULL at the end. */
static inline const char *golden_next(struct golden *golden)
{
    while (getline(&golden->line, &golden->size, golden->file) >= 0)
        if (golden->line[0] != '#')
            return strtok_r(golden->line, " \n", &golden->rest);
    return NULL;
}

#endif
