#include "coordinator/blocks.h"
#include "files.h"
#include "opened.h"

#include <math.h>

static struct ff_jobspec *spec;
static struct ff_dataset *dataset;
static struct ff_error failure;

static void drop(void)
{
    ff_dataset_destroy(dataset);
    ff_jobspec_destroy(spec);
    dataset = NULL;
    spec = NULL;
    remove_folder();
}

TestSuite(dataset, .init = make_folder, .fini = drop);

static enum ff_status load(const char *job)
{
    struct ff_jobspec_source source = {
        .text = job, .size = strlen(job), .file = "job.yaml", .base_dir = test_folder, .override_dir = "/"};
    struct ff_data_file *files;
    size_t count;
    cr_assert_eq(ff_jobspec_parse(&source, &spec, &failure), FF_OK, "%s", failure.text);
    enum ff_status status = ff_files_find(spec, &files, &count, &failure);
    if (status)
        return status;
    static const struct ff_load_options options = {.block_bytes = FF_BLOCK_BYTES};
    status = ff_dataset_load(spec, files, count, &options, NULL, &dataset, &failure);
    ff_files_free(files, count);
    return status;
}

static void assert_loads(const char *job)
{
    cr_assert_eq(load(job), FF_OK, "%s", failure.text);
}

/* message without the folder that every path begins with */
static void assert_refused(const char *job, const char *message)
{
    cr_assert_eq(load(job), FF_INVALID_ARGUMENT);
    size_t prefix = strlen(test_folder) + 1;
    const char *text =
        strncmp(failure.text, test_folder, prefix - 1) == 0 ? failure.text + prefix : failure.text;
    cr_assert_str_eq(text, message);
}

/* "name: time=value,value …" with "-" for a missing value. */
static void assert_series(size_t index, const char *expected)
{
    char text[1024];
    struct ff_opened opened = {0};
    struct ff_rows rows = rows_of(dataset, index, &opened);
    int used = snprintf(text, sizeof text, "%s:", dataset->series[index].name);
    for (size_t row = 0; row < rows.count; row++) {
        used += sprintf(text + used, " %lld=", (long long)ff_rows_time(&rows, row));
        for (size_t m = 0; m < rows.metrics; m++) {
            double value = ff_rows_value(&rows, row, m);
            used += isnan(value) ? sprintf(text + used, "%s-", m ? "," : "")
                                 : sprintf(text + used, "%s%g", m ? "," : "", value);
        }
    }
    cr_assert_str_eq(text, expected);
    ff_opened_fini(&opened);
}

#define LONG "data: {files: [\"*.csv\"], target: t}\n"
#define WIDE "data: {files: [\"*.csv\"], layout: wide}\n"

Test(dataset, long_rows_go_to_the_target_that_they_name)
{
    write_text("a.csv", "time,t,v,w\n1,x,1,2\n1,y,3,\n2,x,,5\n2,y,,\n3,x,inf,NaN\n");
    assert_loads(LONG);
    cr_assert_eq(dataset->count, 2);
    cr_assert_eq(dataset->metrics.count, 2);
    cr_assert_str_eq(dataset->metrics.items[1], "w");
    cr_assert_eq(dataset->rows, 5);
    cr_assert_eq(dataset->newest_ms, 3000);
    assert_series(0, "x: 1000=1,2 2000=-,5");
    assert_series(1, "y: 1000=3,-");
}

Test(dataset, wide_columns_are_targets_with_the_metric_value)
{
    write_text("a.csv", "time,x,name,y\n1,1,foo,3\n2,,bar,4\n3,NA,baz,null\n");
    assert_loads(WIDE);
    cr_assert_eq(dataset->metrics.count, 1);
    cr_assert_str_eq(dataset->metrics.items[0], "value");
    cr_assert_eq(dataset->count, 2);
    assert_series(0, "x: 1000=1");
    assert_series(1, "y: 1000=3 2000=4");
    cr_assert_eq(dataset->newest_ms, 3000);
}

Test(dataset, long_and_wide_of_the_same_data_agree)
{
    mkdir(path_in_folder("l"), 0700);
    mkdir(path_in_folder("w"), 0700);
    write_text("l/a.csv", "time,t,value\n3,x,7\n3,y,\n1,x,1\n1,y,2\n2,x,nan\n2,y,5\n");
    write_text("w/a.csv", "time,x,y\n3,7,\n1,1,2\n2,nan,5\n");
    assert_loads("data: {files: [l/a.csv], target: t}\n");
    assert_series(0, "x: 1000=1 3000=7");
    assert_series(1, "y: 1000=2 2000=5");
    ff_dataset_destroy(dataset);
    ff_jobspec_destroy(spec);
    assert_loads("data: {files: [w/a.csv], layout: wide}\n");
    assert_series(0, "x: 1000=1 3000=7");
    assert_series(1, "y: 1000=2 2000=5");
    cr_assert_eq(dataset->newest_ms, 3000);
}

Test(dataset, each_file_is_a_target_named_by_its_path_without_suffix)
{
    mkdir(path_in_folder("cpu"), 0700);
    write_text("cpu/h1.csv", "ts,v\n1,1\n");
    write_text("cpu/h0.csv", "v,ts\n2,1\n");
    assert_loads("data: {files: [cpu/h1.csv, \"cpu/*\"], layout: file}\n");
    cr_assert_eq(dataset->count, 2);
    assert_series(0, "cpu/h0: 1000=2");
    assert_series(1, "cpu/h1: 1000=1");
}

Test(dataset, an_absolute_pattern_names_files_from_its_first_wildcard)
{
    char job[256];
    mkdir(path_in_folder("cpu"), 0700);
    write_text("cpu/h1.csv", "ts,v\n1,1\n");
    snprintf(job, sizeof job, "data: {files: [\"%s/c*/*.csv\"], layout: file}\n", test_folder);
    assert_loads(job);
    assert_series(0, "cpu/h1: 1000=1");
}

Test(dataset, rows_of_one_time_keep_the_order_of_files_and_lines)
{
    write_text("b.csv", "time,t,v\n2,x,4\n1,x,3\n");
    write_text("a.csv", "time,t,v\n2,x,1\n2,x,2\n");
    assert_loads(LONG);
    assert_series(0, "x: 1000=3 2000=1 2000=2 2000=4");
}

Test(dataset, columns_are_found_by_name_in_every_file)
{
    write_text("a.csv", "time,t,v,w\n1,x,1,2\n");
    write_text("b.csv", "w,v,t,time\n4,3,x,2\n");
    assert_loads(LONG);
    assert_series(0, "x: 1000=1,2 2000=3,4");
}

Test(dataset, a_column_that_a_file_lacks_is_refused)
{
    write_text("a.csv", "time,t,value\n1,x,1\n");
    write_text("b.csv", "time,t,valu\n1,x,1\n");
    assert_refused(LONG, "b.csv:1: no column 'value', did you mean 'valu'?");
}

Test(dataset, a_column_that_only_a_later_file_has_is_refused)
{
    write_text("a.csv", "time,t,v\n1,x,1\n");
    write_text("b.csv", "time,t,v,w,note\n1,x,1,2,text\n");
    cr_assert_eq(load(LONG), FF_INVALID_ARGUMENT);
    cr_assert(strstr(failure.text, "/a.csv: column 'w' is missing in "), "%s", failure.text);
}

Test(dataset, a_text_column_of_a_later_file_is_no_value)
{
    write_text("a.csv", "time,t,v,label\n1,x,1,\n1,x,2,no\n");
    write_text("b.csv", "time,t,v,note,label\n2,x,3,text,0\n");
    assert_loads(LONG);
    assert_series(0, "x: 1000=1 1000=2 2000=3");
}

Test(dataset, a_column_with_a_text_late_in_the_data_is_no_value)
{
    write_text("a.csv", "time,t,u,v,w\n1,x,1,2,3\n1,y,4,5,6\n2,x,7,oops,9\n");
    assert_loads(LONG);
    cr_assert_eq(dataset->metrics.count, 2);
    assert_series(0, "x: 1000=1,3 2000=7,9");
    assert_series(1, "y: 1000=4,6");
    drop();
    make_folder();
    write_text("a.csv", "time,u,v,w\n1,1,2,3\n2,7,oops,9\n");
    assert_loads(WIDE);
    cr_assert_eq(dataset->count, 2);
    assert_series(1, "w: 1000=3 2000=9");
}

Test(dataset, ignored_named_and_unnamed_columns)
{
    write_text("a.csv", ",time,t,part1,v,w\n0,1,x,5,1,2\n");
    assert_loads("data: {files: [a.csv], target: t, ignore: [\"part*\"]}\n");
    assert_series(0, "x: 1000=1,2");
    drop();
    make_folder();
    write_text("a.csv", "time,t,v,w\n1,x,1,2\n");
    assert_loads("data: {files: [a.csv], target: t, values: [w]}\n");
    assert_series(0, "x: 1000=2");
}

Test(dataset, a_bad_row_stops_with_its_place_and_reason)
{
    static const struct {
        const char *text, *message;
    } bad[] = {
        {"time,t,v\n1,x,1\n2,x\n", "a.csv:3: expected 3 cells, found 2"},
        {"time,t,v\n1,x,1\nsoon,x,1\n", "a.csv:3: expected a time (auto) in column 'time', found 'soon'"},
        {"time,t,v\n1,x,1\n,x,1\n", "a.csv:3: expected a time (auto) in column 'time', found ''"},
        {"time,t,v\n1,x,1\n2,,1\n", "a.csv:3: no target in column 't'"},
        {"time,t,v\n1,x,1\n\n2,x,abc\n", "a.csv:4: expected a number in column 'v', found 'abc'"},
        {"time,t,v\n1,\"x\"y,1\n", "a.csv:2: text behind a closing quote"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        write_text("a.csv", bad[i].text);
        assert_refused("data: {files: [a.csv], target: t, values: [v]}\n", bad[i].message);
        ff_jobspec_destroy(spec);
        spec = NULL;
    }
}

Test(dataset, bad_rows_are_skipped_and_counted)
{
    write_text("a.csv", "time,t,v\n1,x,1\n2,x\nsoon,x,1\n9,,1\n9,x,abc\n3,x,4\n");
    assert_loads("data: {files: [a.csv], target: t, values: [v], on_bad_row: skip}\n");
    cr_assert_eq(dataset->rows_skipped, 4);
    cr_assert_eq(dataset->newest_ms, 3000);
    assert_series(0, "x: 1000=1 3000=4");
}

Test(dataset, files_without_rows_are_refused)
{
    write_text("a.csv", "");
    assert_refused(LONG, "a.csv: the file is empty: expected a line with the columns' names");
    ff_jobspec_destroy(spec);
    write_text("a.csv", "time,t,v\n");
    assert_refused(LONG, "a.csv: no rows below the columns' names");
}

Test(dataset, a_file_with_a_header_only_beside_others_is_no_error)
{
    write_text("a.csv", "time,t,v\n");
    write_text("b.csv", "time,t,v\n1,x,1\n");
    assert_loads(LONG);
    assert_series(0, "x: 1000=1");
}

Test(dataset, missing_files_and_columns_are_refused)
{
    assert_refused("data: {files: [\"/nowhere/*.csv\"], target: t}\n",
                   "job.yaml:1:16: data.files: no file matches '/nowhere/*.csv'");
    ff_jobspec_destroy(spec);
    write_text("a.csv", "time,target,value\n1,x,1\n");
    assert_refused("data: {files: [a.csv], target: tagret}\n",
                   "a.csv:1: no column 'tagret', did you mean 'target'?");
    ff_jobspec_destroy(spec);
    assert_refused("data: {files: [a.csv], target: target, time: when}\n",
                   "a.csv:1: no column 'when' (there are: time, target, value)");
    ff_jobspec_destroy(spec);
    write_text("a.csv", "clock,target,value\n1,x,1\n");
    assert_refused("data: {files: [a.csv], target: target}\n",
                   "a.csv:1: no column 'time', 'timestamp', 'ts' or 'date': name it with data.time");
    ff_jobspec_destroy(spec);
    write_text("a.csv", "time,v,v\n1,1,1\n");
    assert_refused(WIDE, "a.csv:1: two columns are named 'v'");
    ff_jobspec_destroy(spec);
    write_text("a.csv", "time,t,v\n1,x,abc\n");
    assert_refused(LONG, "a.csv: no column holds numbers only");
}

Test(dataset, a_file_matched_twice_is_read_once)
{
    write_text("a.csv", "time,t,v\n1,x,1\n");
    cr_assert_eq(symlink("a.csv", path_in_folder("link.csv")), 0);
    assert_loads("data: {files: [\"*.csv\", a.csv, ./a.csv], target: t}\n");
    assert_series(0, "x: 1000=1");
}

Test(dataset, many_targets_are_kept_apart)
{
    FILE *file = fopen(path_in_folder("a.csv"), "w");
    fprintf(file, "time,t,v\n");
    for (int row = 0; row < 3; row++)
        for (int i = 0; i < 20000; i++)
            fprintf(file, "%d,name %d,%d\n", row, i, i + row);
    fclose(file);
    assert_loads(LONG);
    cr_assert_eq(dataset->count, 20000);
    assert_series(19999, "name 19999: 0=19999 1000=20000 2000=20001");
}

Test(dataset, a_load_can_be_cancelled)
{
    struct ff_load_progress progress = {.cancel = true};
    struct ff_data_file file = {
        .path = (char *)write_text("a.csv", "time,t,v\n1,x,1\n"), .name = "a", .size = 15};
    const char *job = LONG;
    struct ff_jobspec_source source = {
        .text = job, .size = strlen(job), .file = "job.yaml", .base_dir = test_folder, .override_dir = "/"};
    cr_assert_eq(ff_jobspec_parse(&source, &spec, &failure), FF_OK);
    static const struct ff_load_options options = {.block_bytes = FF_BLOCK_BYTES};
    cr_assert_eq(ff_dataset_load(spec, &file, 1, &options, &progress, &dataset, &failure), FF_CANCELLED);
    cr_assert_eq(atomic_load(&progress.bytes_total), 15);
}
