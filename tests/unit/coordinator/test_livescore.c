#include "coordinator/livescore.h"
#include "files.h"

enum { WARM = 200, START = 1700000000 };

struct row {
    int after; /* seconds behind the row before */
    const char *value;
};

TestSuite(livescore, .init = make_folder, .fini = remove_folder);

/* Values from 10 to 22 a minute apart, and then these rows. */
static void write_rows(const struct row *rows, size_t count)
{
    struct ff_buf csv = {0};
    int time = START;
    ff_buf_printf(&csv, "time,t\n");
    for (int i = 0; i < WARM; i++)
        ff_buf_printf(&csv, "%d,%d\n", time + 60 * i, 10 + i * 7 % 11 + i * i % 3);
    time += 60 * (WARM - 1);
    for (size_t i = 0; i < count; i++)
        ff_buf_printf(&csv, "%d,%s\n", time += rows[i].after, rows[i].value);
    write_text("data.csv", ff_buf_text(&csv));
    ff_buf_fini(&csv);
}

static struct ff_jobspec *parse(const char *options)
{
    char job[512];
    struct ff_jobspec *spec;
    struct ff_error err = {0};
    snprintf(job, sizeof job,
             "data: {files: [data.csv], layout: wide}\nmodels: {top: {kind: online, warmup: 60}}\n%s",
             options);
    struct ff_jobspec_source source = {
        .text = job, .size = strlen(job), .file = "job.yaml", .base_dir = test_folder, .override_dir = "/"};
    cr_assert_eq(ff_jobspec_parse(&source, &spec, &err), FF_OK, "%s", err.text);
    return spec;
}

/* The last column of the lines of rows. */
static const char *anomalies(const char *text)
{
    static char found[64];
    size_t used = 0;
    for (int i = 0; (text = strchr(text, '\n')); i++, text++)
        if (i > WARM)
            found[used++] = text[-1];
    found[used] = 0;
    return found;
}

static const char *judge(const char *options, const struct row *rows, size_t count)
{
    struct ff_jobspec *spec = parse(options);
    struct ff_data_file *files;
    struct ff_score_counts counts = {0};
    struct ff_error err = {0};
    size_t file_count, size;
    char *text = NULL;
    write_rows(rows, count);
    cr_assert_eq(ff_files_find(spec, &files, &file_count, &err), FF_OK, "%s", err.text);
    FILE *out = open_memstream(&text, &size);
    struct ff_livescore what = {spec, NULL, "", files, file_count, out};
    cr_assert_eq(ff_livescore_run(&what, &counts, &err), FF_OK, "%s", err.text);
    fclose(out);
    const char *found = anomalies(text);
    free(text);
    ff_files_free(files, file_count);
    ff_jobspec_destroy(spec);
    return found;
}

#define JUDGE(options, ...)                                                                                  \
    judge(options, (struct row[]){__VA_ARGS__}, sizeof((struct row[]){__VA_ARGS__}) / sizeof(struct row))

Test(livescore, only_above_or_below)
{
    cr_expect_str_eq(JUDGE("", {60, "500"}, {60, "12"}), "10");
    cr_expect_str_eq(JUDGE("alerts: {direction: above}", {60, "500"}), "1");
    cr_expect_str_eq(JUDGE("alerts: {direction: below}", {60, "500"}), "0");
    cr_expect_str_eq(JUDGE("alerts: {direction: above}", {60, "-500"}), "0");
    cr_expect_str_eq(JUDGE("alerts: {direction: below}", {60, "-500"}), "1");
}

Test(livescore, what_deviates_less_does_not_matter)
{
    cr_expect_str_eq(JUDGE("alerts: {min_deviation: 100}", {60, "500"}), "1");
    cr_expect_str_eq(JUDGE("alerts: {min_deviation: 500}", {60, "500"}), "0");
}

#define STEP "prepare: {step: 1m}\nalerts: {min_duration: 3m}"

Test(livescore, an_alert_waits_until_it_has_lasted)
{
    cr_expect_str_eq(JUDGE(STEP, {60, "500"}, {60, "500"}, {60, "500"}, {60, "500"}), "0010");
    cr_expect_str_eq(JUDGE(STEP, {60, "500"}, {60, "500"}, {60, "12"}, {60, "500"}), "0000");
    cr_expect_str_eq(JUDGE("prepare: {step: 1m}\nalerts: {min_duration: 1m}", {60, "500"}), "1");
}

Test(livescore, a_duration_is_a_time_and_no_count_of_rows)
{
    cr_expect_str_eq(
        JUDGE(STEP, {30, "500"}, {30, "500"}, {30, "500"}, {30, "500"}, {30, "500"}, {30, "500"}), "000001");
    cr_expect_str_eq(JUDGE(STEP, {0, "500"}, {0, "500"}, {0, "500"}, {-60, "500"}), "0000");
    cr_expect_str_eq(JUDGE(STEP, {60, "500"}, {65, "500"}, {55, "500"}), "001");
}

Test(livescore, where_rows_are_missing_nothing_lasts)
{
    cr_expect_str_eq(JUDGE(STEP, {60, "500"}, {7200, "500"}, {60, "500"}), "001");
    cr_expect_str_eq(JUDGE(STEP, {60, "500"}, {60, ""}, {60, "500"}, {60, "500"}), "0001");
    cr_expect_str_eq(JUDGE(STEP, {7200, "500"}), "0");
}

Test(livescore, without_a_step_a_stretch_begins_with_its_first_row)
{
    cr_expect_str_eq(
        JUDGE("alerts: {min_duration: 3m}", {60, "500"}, {60, "500"}, {60, "500"}, {60, "500"}, {60, "500"}),
        "00010");
    cr_expect_str_eq(JUDGE("alerts: {min_duration: 1ms}", {60, "500"}, {60, "500"}), "01");
}
