/* What is loaded does not depend on the threads, on where blocks end, and on the memory: random files, read
 * whole by one thread and in small blocks by several that spill, give the same rows or the same error. */
#include "common/buf.h"
#include "coordinator/memory.h"
#include "files.h"
#include "opened.h"

TestSuite(dataset_blocks, .init = make_folder, .fini = remove_folder);

enum { FILES = 60 };

static unsigned long seed;

static unsigned below(unsigned limit)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(seed >> 33) % limit;
}

static bool one_in(unsigned count)
{
    return count && below(count) == 0;
}

/* How often a random file has what makes blocks hard; 0: never. */
struct oddities {
    unsigned quotes, bad, texts, long_cells, empty_lines;
    bool crlf, mark, no_final_newline;
};

static void write_name(struct ff_buf *out, const struct oddities *odd)
{
    static const char *const quoted[] = {"\"T1\"",     "\"T,2\"",         "\"T\n3\"",
                                         "\"T\"\"4\"", "\"\r\n\"\",\n\"", "T\"5"};
    if (one_in(odd->quotes))
        ff_buf_printf(out, "%s", quoted[below(6)]);
    else
        ff_buf_printf(out, "T%u", below(9));
    for (unsigned i = one_in(odd->long_cells) ? 300 : 0; i > 0; i--)
        ff_buf_printf(out, "x");
}

static void write_value(struct ff_buf *out, const struct oddities *odd)
{
    static const char *const bad[] = {"a,b", "1,2", "\"1\"x", ""};
    static const char *const values[] = {"", "NaN", "-1.5", "1e3", "0.1"};
    if (one_in(odd->bad))
        ff_buf_printf(out, "%s", bad[below(4)]);
    else if (one_in(odd->texts))
        ff_buf_printf(out, "text");
    else if (one_in(3))
        ff_buf_printf(out, "%s", values[below(5)]);
    else
        ff_buf_printf(out, "%u.%u", below(1000), below(1000));
}

static void write_random(const char *name, const struct oddities *odd, unsigned rows)
{
    struct ff_buf out = {0};
    const char *newline = odd->crlf ? "\r\n" : "\n";
    ff_buf_printf(&out, "%stime,target,a,b,c%s", odd->mark ? "\xef\xbb\xbf" : "", newline);
    for (unsigned row = 0; row < rows; row++) {
        ff_buf_printf(&out, "%s%u,", one_in(odd->bad) ? "soon" : "", 1700000000 + 60 * (row / 5 + below(2)));
        write_name(&out, odd);
        for (int i = 0; i < 3; i++) {
            ff_buf_printf(&out, ",");
            write_value(&out, odd);
        }
        ff_buf_printf(&out, "%s%s", newline, one_in(odd->empty_lines) ? newline : "");
    }
    if (odd->no_final_newline)
        out.size -= strlen(newline);
    write_bytes(name, out.data, out.size);
    ff_buf_fini(&out);
}

static void describe(const struct ff_dataset *set, struct ff_buf *out)
{
    ff_buf_printf(out, "%llu rows, %llu skipped, newest %lld\n", (unsigned long long)set->rows,
                  (unsigned long long)set->rows_skipped, (long long)set->newest_ms);
    for (size_t i = 0; i < set->metrics.count; i++)
        ff_buf_printf(out, "%s ", set->metrics.items[i]);
    struct ff_opened opened = {0};
    for (size_t i = 0; i < set->count; i++) {
        struct ff_rows rows = rows_of(set, i, &opened);
        ff_buf_printf(out, "\n%s", set->series[i].name);
        for (size_t cell = 0; cell < rows.count * (rows.metrics + 1); cell++)
            ff_buf_printf(out, " %llx", (unsigned long long)rows.cells[cell].time_ms);
    }
    ff_opened_fini(&opened);
}

static enum ff_status load_set(const char *job, const struct ff_load_options *options,
                               struct ff_dataset **set, struct ff_error *err)
{
    struct ff_jobspec_source source = {
        .text = job, .size = strlen(job), .file = "job.yaml", .base_dir = test_folder, .override_dir = "/"};
    struct ff_jobspec *spec;
    struct ff_data_file *files;
    size_t count;
    cr_assert_eq(ff_jobspec_parse(&source, &spec, err), FF_OK, "%s", err->text);
    cr_assert_eq(ff_files_find(spec, &files, &count, err), FF_OK, "%s", err->text);
    enum ff_status status = ff_dataset_load(spec, files, count, options, NULL, set, err);
    ff_files_free(files, count);
    ff_jobspec_destroy(spec);
    return status;
}

/* All that loading gives, as a text to be freed by the caller. */
static char *load(const char *job, size_t threads, size_t block_bytes, uint64_t memory_bytes)
{
    const struct ff_load_options options = {
        .threads = threads, .block_bytes = block_bytes, .memory_bytes = memory_bytes, .folder = test_folder};
    struct ff_buf out = {0};
    struct ff_error err = {0};
    struct ff_dataset *set;
    if (load_set(job, &options, &set, &err) == FF_OK) {
        describe(set, &out);
        ff_dataset_destroy(set);
    } else {
        ff_buf_printf(&out, "error: %s", err.text);
    }
    return (char *)(uintptr_t)ff_buf_text(&out);
}

static void assert_same(const char *job)
{
    static const size_t blocks[] = {16, 100, 1000, 5000};
    char *whole = load(job, 1, 1 << 20, 0);
    for (size_t i = 0; i < sizeof blocks / sizeof *blocks; i++) {
        size_t threads = 1 + below(4);
        uint64_t memory = below(2) ? 256 << 10 : 0; /* of which a chunk or two may be taken by rows */
        char *parts = load(job, threads, blocks[i], memory);
        cr_assert_str_eq(parts, whole, "%zu threads, blocks of %zu, memory %llu, %s", threads, blocks[i],
                         (unsigned long long)memory, job);
        free(parts);
    }
    free(whole);
}

static struct oddities random_oddities(void)
{
    return (struct oddities){.quotes = below(2) * (1 + below(20)),
                             .long_cells = below(2) * 20,
                             .empty_lines = below(2) * 5,
                             .crlf = below(2),
                             .mark = below(2),
                             .no_final_newline = below(2)};
}

Test(dataset_blocks, good_files_in_every_layout)
{
    seed = 1;
    for (unsigned i = 0; i < FILES; i++) {
        struct oddities odd = random_oddities();
        write_random("a.csv", &odd, below(200) + 1);
        assert_same("data: {files: [a.csv], target: target}\n");
        assert_same("data: {files: [a.csv], layout: file, ignore: [target]}\n");
        assert_same("data: {files: [a.csv], layout: wide, ignore: [target]}\n");
    }
}

Test(dataset_blocks, bad_rows_are_skipped_wherever_they_are)
{
    seed = 2;
    for (unsigned i = 0; i < FILES; i++) {
        struct oddities odd = random_oddities();
        odd.bad = 1 + below(30);
        write_random("a.csv", &odd, below(200) + 1);
        assert_same("data: {files: [a.csv], target: target, on_bad_row: skip}\n");
        assert_same("data: {files: [a.csv], target: target, values: [b, a], on_bad_row: skip}\n");
    }
}

Test(dataset_blocks, the_first_bad_row_is_the_one_reported)
{
    seed = 3;
    for (unsigned i = 0; i < FILES; i++) {
        struct oddities odd = random_oddities();
        odd.bad = 10 + below(500);
        write_random("a.csv", &odd, below(200) + 1);
        assert_same("data: {files: [a.csv], target: target, values: [a, c]}\n");
    }
}

Test(dataset_blocks, a_text_ends_an_automatic_column_in_any_block)
{
    seed = 4;
    for (unsigned i = 0; i < FILES; i++) {
        struct oddities odd = random_oddities();
        odd.texts = 50 + below(500);
        write_random("a.csv", &odd, below(200) + 1);
        write_random("b.csv", &odd, below(200) + 1);
        assert_same("data: {files: [a.csv, b.csv], target: target}\n");
        assert_same("data: {files: [a.csv], layout: wide, ignore: [target]}\n");
    }
}

Test(dataset_blocks, a_column_of_texts_in_a_later_file_only)
{
    seed = 5;
    struct oddities none = {0};
    write_random("a.csv", &none, 100);
    struct ff_buf out = {0};
    ff_buf_printf(&out, "time,target,a,b,c,note\n");
    for (int i = 0; i < 200; i++)
        ff_buf_printf(&out, "%d,T1,1,2,3,%s\n", 1800000000 + i, i < 100 ? "" : "x");
    write_bytes("b.csv", out.data, out.size);
    ff_buf_fini(&out);
    assert_same("data: {files: [a.csv, b.csv], target: target}\n");
}

Test(dataset_blocks, a_quote_that_is_never_closed)
{
    write_text("a.csv", "time,target,a\n1,T,1\n2,T,2\n3,\"T,3\n4,T,4\n5,T,5\n");
    assert_same("data: {files: [a.csv], target: target}\n");
}

/* Of so many targets with 2.4 MB of cells between them, within 11 MiB for rows. */
static struct ff_dataset *load_targets(unsigned targets, size_t threads)
{
    const struct ff_load_options options = {.threads = threads,
                                            .block_bytes = 1 << 20,
                                            .memory_bytes = ff_memory_limit_for(11 << 20, threads),
                                            .folder = test_folder};
    struct ff_buf text = {0};
    struct ff_error err = {0};
    struct ff_dataset *set;
    ff_buf_printf(&text, "time,t,v\n");
    for (unsigned i = 0; i < 150000; i++)
        ff_buf_printf(&text, "%u,T%u,1\n", i, i % targets);
    write_text("a.csv", ff_buf_text(&text));
    ff_buf_fini(&text);
    cr_assert_eq(load_set("data: {files: [a.csv], target: t, time_format: index}\nprepare: {step: 1m}\n"
                          "models: {top: {kind: ewma}}\n",
                          &options, &set, &err),
                 FF_OK, "%s", err.text);
    return set;
}

Test(dataset_blocks, rows_are_put_together_beside_themselves_within_the_memory)
{
    struct ff_dataset *set = load_targets(6, 5);
    cr_assert_not(set->is_spilled);
    cr_assert(set->threads > 1 && set->threads < 5, "%zu", set->threads);
    cr_assert_leq(set->memory_bytes + set->open_bytes, 11 << 20);
    ff_dataset_destroy(set);
    set = load_targets(1, 1);
    cr_assert(set->is_spilled, "one partition has all rows: four times 2.4 MB beside 4 MiB");
    cr_assert_eq(set->memory_bytes, 0);
    ff_dataset_destroy(set);
}
