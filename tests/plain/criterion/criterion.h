/* What the tests use of Criterion, without it: for ThreadSanitizer, under which it does not start, and for
 * tests of the network seam (tests/CMakeLists.txt, PLAIN). Each test is a child process; the first assertion
 * that fails ends it. */
#ifndef FF_TESTS_PLAIN_CRITERION_H
#define FF_TESTS_PLAIN_CRITERION_H

#include <math.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

struct plain_options {
    void (*init)(void);
    void (*fini)(void);
    double timeout; /* seconds; 0: a minute */
};

struct plain_test {
    struct plain_test *next;
    const char *suite;
    const char *name;
    void (*run)(void);
    struct plain_options options;
};

struct plain_suite {
    struct plain_suite *next;
    const char *name;
    struct plain_options options;
};

static struct plain_test *plain_tests;
static struct plain_suite *plain_suites;
static bool plain_failed;

#define Test(suite_, name_, ...)                                                                             \
    static void plain_run_##suite_##_##name_(void);                                                          \
    __attribute__((constructor)) static void plain_add_##suite_##_##name_(void)                              \
    {                                                                                                        \
        static struct plain_test test = {.suite = #suite_,                                                   \
                                         .name = #name_,                                                     \
                                         .run = plain_run_##suite_##_##name_,                                \
                                         .options = {__VA_ARGS__}};                                          \
        test.next = plain_tests;                                                                             \
        plain_tests = &test;                                                                                 \
    }                                                                                                        \
    static void plain_run_##suite_##_##name_(void)

#define TestSuite(name_, ...)                                                                                \
    __attribute__((constructor)) static void plain_add_suite_##name_(void)                                   \
    {                                                                                                        \
        static struct plain_suite suite = {.name = #name_, .options = {__VA_ARGS__}};                        \
        suite.next = plain_suites;                                                                           \
        plain_suites = &suite;                                                                               \
    }

__attribute__((format(printf, 6, 7))) static inline bool
plain_check(bool good, bool fatal, const char *file, int line, const char *what, const char *format, ...)
{
    va_list args;
    if (good)
        return true;
    fprintf(stderr, "%s:%d: not true: %s;", file, line, what);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
    plain_failed = true;
    if (fatal)
        _exit(1);
    return false;
}

static inline int plain_compare(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) : a != b;
}

/* What follows is nothing, or a literal format and its arguments. */
#define PLAIN_ASSERT(good, what, ...) plain_check((good), true, __FILE__, __LINE__, what, " " __VA_ARGS__)
#define PLAIN_EXPECT(good, what, ...) plain_check((good), false, __FILE__, __LINE__, what, " " __VA_ARGS__)

#define cr_assert(good, ...) PLAIN_ASSERT((good), #good, __VA_ARGS__)
#define cr_assert_not(good, ...) PLAIN_ASSERT(!(good), "not " #good, __VA_ARGS__)
#define cr_assert_eq(a, b, ...) PLAIN_ASSERT((a) == (b), #a " == " #b, __VA_ARGS__)
#define cr_assert_neq(a, b, ...) PLAIN_ASSERT((a) != (b), #a " != " #b, __VA_ARGS__)
#define cr_assert_lt(a, b, ...) PLAIN_ASSERT((a) < (b), #a " < " #b, __VA_ARGS__)
#define cr_assert_gt(a, b, ...) PLAIN_ASSERT((a) > (b), #a " > " #b, __VA_ARGS__)
#define cr_assert_leq(a, b, ...) PLAIN_ASSERT((a) <= (b), #a " <= " #b, __VA_ARGS__)
#define cr_assert_geq(a, b, ...) PLAIN_ASSERT((a) >= (b), #a " >= " #b, __VA_ARGS__)
#define cr_assert_null(a, ...) PLAIN_ASSERT((a) == NULL, #a " is NULL", __VA_ARGS__)
#define cr_assert_not_null(a, ...) PLAIN_ASSERT((a) != NULL, #a " is not NULL", __VA_ARGS__)
#define cr_assert_str_eq(a, b, ...)                                                                          \
    PLAIN_ASSERT(plain_compare((a), (b)) == 0, #a " is the text " #b, __VA_ARGS__)
#define cr_assert_str_neq(a, b, ...)                                                                         \
    PLAIN_ASSERT(plain_compare((a), (b)) != 0, #a " is not the text " #b, __VA_ARGS__)
#define cr_assert_float_eq(a, b, e, ...)                                                                     \
    PLAIN_ASSERT(fabs((double)(a) - (double)(b)) <= (e), #a " ~ " #b, __VA_ARGS__)
#define cr_assert_fail(...) PLAIN_ASSERT(false, "fails", __VA_ARGS__)

#define cr_expect(good, ...) PLAIN_EXPECT((good), #good, __VA_ARGS__)
#define cr_expect_not(good, ...) PLAIN_EXPECT(!(good), "not " #good, __VA_ARGS__)
#define cr_expect_eq(a, b, ...) PLAIN_EXPECT((a) == (b), #a " == " #b, __VA_ARGS__)
#define cr_expect_neq(a, b, ...) PLAIN_EXPECT((a) != (b), #a " != " #b, __VA_ARGS__)
#define cr_expect_lt(a, b, ...) PLAIN_EXPECT((a) < (b), #a " < " #b, __VA_ARGS__)
#define cr_expect_gt(a, b, ...) PLAIN_EXPECT((a) > (b), #a " > " #b, __VA_ARGS__)
#define cr_expect_leq(a, b, ...) PLAIN_EXPECT((a) <= (b), #a " <= " #b, __VA_ARGS__)
#define cr_expect_geq(a, b, ...) PLAIN_EXPECT((a) >= (b), #a " >= " #b, __VA_ARGS__)
#define cr_expect_null(a, ...) PLAIN_EXPECT((a) == NULL, #a " is NULL", __VA_ARGS__)
#define cr_expect_not_null(a, ...) PLAIN_EXPECT((a) != NULL, #a " is not NULL", __VA_ARGS__)
#define cr_expect_str_eq(a, b, ...)                                                                          \
    PLAIN_EXPECT(plain_compare((a), (b)) == 0, #a " is the text " #b, __VA_ARGS__)
#define cr_expect_str_neq(a, b, ...)                                                                         \
    PLAIN_EXPECT(plain_compare((a), (b)) != 0, #a " is not the text " #b, __VA_ARGS__)
#define cr_expect_float_eq(a, b, e, ...)                                                                     \
    PLAIN_EXPECT(fabs((double)(a) - (double)(b)) <= (e), #a " ~ " #b, __VA_ARGS__)
#define cr_expect_arr_eq(a, b, size, ...)                                                                    \
    PLAIN_EXPECT(memcmp((a), (b), (size)) == 0, #a " holds " #b, __VA_ARGS__)

#define cr_skip(...)                                                                                         \
    do {                                                                                                     \
        fprintf(stderr, "skipped\n");                                                                        \
        _exit(0);                                                                                            \
    } while (0)

static inline void plain_child(const struct plain_test *test)
{
    const struct plain_suite *suite = plain_suites;
    while (suite && strcmp(suite->name, test->suite) != 0)
        suite = suite->next;
    struct plain_options options = suite ? suite->options : (struct plain_options){0};
    if (test->options.init)
        options.init = test->options.init;
    if (test->options.fini)
        options.fini = test->options.fini;
    alarm((unsigned)(options.timeout > 0 ? options.timeout : 60));
    if (options.init)
        options.init();
    test->run();
    if (options.fini)
        options.fini();
    exit(plain_failed); /* with the sanitizer's own code, if it has something to say */
}

int main(void)
{
    unsigned count = 0, failed = 0;
    for (const struct plain_test *test = plain_tests; test; test = test->next, count++) {
        int status = 1;
        pid_t child = fork();
        if (child == 0)
            plain_child(test);
        if (child < 0 || waitpid(child, &status, 0) != child || status != 0) {
            fprintf(stderr, "failed: %s::%s (status %#x)\n", test->suite, test->name, (unsigned)status);
            failed++;
        }
    }
    printf("%u tests, %u failed\n", count, failed);
    return failed != 0;
}

#endif
