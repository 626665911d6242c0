#include "common/buf.h"
#include "coordinator/rowpool.h"
#include "files.h"

#include <signal.h>
#include <sys/resource.h>

static struct ff_rowpool *pool;

static void setup(void)
{
    make_folder();
}

static void drop(void)
{
    ff_rowpool_destroy(pool);
    remove_folder();
}

TestSuite(rowpool, .init = setup, .fini = drop);

static void create(uint64_t memory_bytes)
{
    pool = ff_rowpool_create(&(struct ff_rowpool_options){memory_bytes, test_folder, NULL});
}

/* Rows whose cells are all the number given. */
static void add(unsigned partition, uint32_t series, uint32_t metrics, size_t rows, int64_t number)
{
    size_t cells = rows * (metrics + 1);
    union ff_cell *run = ff_xalloc(cells * sizeof *run);
    struct ff_error err = {0};
    for (size_t i = 0; i < cells; i++)
        run[i].time_ms = number;
    cr_assert_eq(ff_rowpool_add(pool, partition, &(struct ff_row_run){series, metrics, rows, run}, &err),
                 FF_OK, "%s", err.text);
    free(run);
}

static void finish(void)
{
    struct ff_error err = {0};
    cr_assert_eq(ff_rowpool_finish(pool, &err), FF_OK, "%s", err.text);
}

/* Of the runs visited "series*metrics:number " for each row, equal ones counted. */
struct seen {
    struct ff_buf text;
    char last[64];
    size_t count;
};

static void flush(struct seen *seen)
{
    if (seen->count)
        ff_buf_printf(&seen->text, "%zux%s ", seen->count, seen->last);
    seen->count = 0;
}

static void see(void *context, const struct ff_row_run *run)
{
    struct seen *seen = context;
    for (size_t row = 0; row < run->rows; row++) {
        char text[64];
        const union ff_cell *cells = run->cells + row * (run->metrics + 1);
        snprintf(text, sizeof text, "%u*%u:%lld", run->series, run->metrics, (long long)cells->time_ms);
        cr_assert_eq(cells[run->metrics].time_ms, cells->time_ms);
        if (strcmp(text, seen->last) != 0)
            flush(seen);
        strcpy(seen->last, text);
        seen->count++;
    }
}

static void assert_holds(unsigned partition, const char *expected)
{
    struct seen seen = {0};
    struct ff_error err = {0};
    cr_assert_eq(ff_rowpool_visit(pool, partition, see, &seen, &err), FF_OK, "%s", err.text);
    flush(&seen);
    cr_assert_str_eq(ff_buf_text(&seen.text), expected);
    ff_buf_fini(&seen.text);
}

static void add_some(void)
{
    add(3, 7, 2, 2, 1);
    add(0, 1, 2, 1, 5);
    add(3, 9, 2, 1, 2);
    add(3, 7, 2, 30000, 3); /* many chunks */
    add(3, 7, 1, 2, 4);     /* a column less */
    add(3, 8, 50000, 2, 6); /* rows longer than a chunk */
    add(3, 7, 1, 1, 8);
    finish();
}

static const char *const some = "2x7*2:1 1x9*2:2 30000x7*2:3 2x7*1:4 2x8*50000:6 1x7*1:8 ";

Test(rowpool, a_partition_gives_its_rows_back_in_the_order_of_adding)
{
    create(UINT64_MAX);
    add_some();
    cr_assert_not(ff_rowpool_is_spilled(pool));
    cr_assert_gt(ff_rowpool_memory(pool), 30000 * 24);
    assert_holds(3, some);
    assert_holds(0, "1x1*2:5 ");
    assert_holds(1, "");
}

Test(rowpool, what_exceeds_its_memory_goes_to_a_file_and_comes_back_the_same)
{
    for (uint64_t memory = 0; memory <= 600000; memory += 150000) {
        create(memory);
        add_some();
        cr_assert(ff_rowpool_is_spilled(pool));
        cr_assert_eq(ff_rowpool_memory(pool), 0);
        assert_holds(3, some);
        assert_holds(0, "1x1*2:5 ");
        ff_rowpool_destroy(pool);
    }
    pool = NULL;
}

Test(rowpool, a_released_partition_is_empty_and_others_stay)
{
    create(UINT64_MAX);
    add_some();
    ff_rowpool_release(pool, 3);
    assert_holds(3, "");
    assert_holds(0, "1x1*2:5 ");
}

Test(rowpool, a_folder_that_cannot_be_written_is_an_error)
{
    pool = ff_rowpool_create(&(struct ff_rowpool_options){0, "/nowhere", NULL});
    union ff_cell cells[2 * 5000] = {{0}};
    struct ff_error err = {0};
    cr_assert_eq(ff_rowpool_add(pool, 0, &(struct ff_row_run){1, 1, 5000, cells}, &err),
                 FF_RESOURCE_EXHAUSTED);
    cr_assert(strstr(err.text, "/nowhere"), "%s", err.text);
}

Test(rowpool, rows_that_cannot_be_written_stay_where_they_are)
{
    struct ff_error err = {0};
    create(150000);
    add(3, 7, 2, 30000, 3);
    add(0, 1, 2, 1, 5);
    cr_assert(ff_rowpool_is_spilled(pool));
    signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &(struct rlimit){4096, RLIM_INFINITY});
    enum ff_status status = ff_rowpool_finish(pool, &err);
    setrlimit(RLIMIT_FSIZE, &(struct rlimit){RLIM_INFINITY, RLIM_INFINITY});
    cr_assert_eq(status, FF_RESOURCE_EXHAUSTED);
    assert_holds(3, "30000x7*2:3 ");
    assert_holds(0, "1x1*2:5 ");
}
