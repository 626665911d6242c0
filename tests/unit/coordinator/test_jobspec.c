#include "common/text.h"
#include "coordinator/jobspec.h"

#include <criterion/criterion.h>
#include <string.h>

static struct ff_jobspec *spec;

static void drop(void)
{
    ff_jobspec_destroy(spec);
    spec = NULL;
}

TestSuite(jobspec, .fini = drop);

#define LONG "data: {files: [a.csv], target: xcode}\n"

static enum ff_status parse_with(const char *text, const char *const *overrides, size_t count,
                                 struct ff_error *err)
{
    struct ff_jobspec_source source = {.text = text,
                                       .size = strlen(text),
                                       .file = "jobs/nightly.yaml",
                                       .base_dir = "/srv/jobs",
                                       .overrides = overrides,
                                       .override_count = count,
                                       .override_dir = "/home/me"};
    return ff_jobspec_parse(&source, &spec, err);
}

static void parse(const char *text)
{
    struct ff_error err = {0};
    cr_assert_eq(parse_with(text, NULL, 0, &err), FF_OK, "%s", err.text);
}

static void assert_refused(const char *text, const char *message)
{
    struct ff_error err = {0};
    cr_assert_eq(parse_with(text, NULL, 0, &err), FF_INVALID_ARGUMENT, "%s", text);
    cr_assert_str_eq(err.text, message);
}

Test(jobspec, a_minimal_job_has_every_default)
{
    parse(LONG);
    cr_assert_str_eq(spec->name, "nightly");
    cr_assert_eq(spec->priority, FF_PRIORITY_NORMAL);
    cr_assert_str_eq(spec->output.set, "nightly");
    cr_assert(spec->output.keep == 10 && !spec->output.partial);
    cr_assert_eq(spec->data.files.count, 1);
    cr_assert_str_eq(spec->data.files.items[0], "/srv/jobs/a.csv");
    cr_assert_eq(spec->data.layout, FF_LAYOUT_LONG);
    cr_assert_null(spec->data.time);
    cr_assert_str_eq(spec->data.time_format, "auto");
    cr_assert_str_eq(spec->data.timezone, "UTC");
    cr_assert_not(spec->data.skip_bad_rows);
    cr_assert_eq(spec->targets.rank, FF_RANK_ROWS);
    cr_assert_eq(spec->targets.top, 0);
    cr_assert_eq(spec->targets.min_rows, 10);
    cr_assert_eq(spec->prepare.window_ms, 0);
    cr_assert_eq(spec->prepare.step_ms, 0);
    cr_assert_eq(spec->prepare.aggregate, FF_AGG_MEAN);
    cr_assert_eq(spec->prepare.interpolate, FF_INTERPOLATE_LINEAR);
    cr_assert_eq(spec->prepare.max_gap, 10);
    cr_assert_null(spec->all.kind);
    cr_assert_null(spec->fallback.kind);
    cr_assert_eq(spec->top_count, 1);
    cr_assert_str_eq(spec->top[0].model.kind, "seasonal");
    cr_assert_eq(spec->limits.target_timeout_ms, 60000);
    cr_assert_eq(spec->limits.target_memory, 1ULL << 30);
    cr_assert_eq(spec->limits.all_timeout_ms, 1800000);
    cr_assert_eq(spec->limits.all_memory, 0);
    cr_assert_eq(spec->limits.attempts, 3);
    cr_assert_eq(spec->limits.max_failed, 1.0);
    cr_assert_eq(spec->chunk_mode, FF_CHUNK_AUTO);
}

Test(jobspec, every_key_of_the_contract_is_read)
{
    parse(
        "name: n\n"
        "data:\n"
        "  files: [\"cpu/*.csv\", /abs/more.csv.gz]\n"
        "  layout: long\n  time: when\n  target: xcode\n  values: [count, elapsed_ms]\n"
        "  ignore: [label, \"part*\"]\n  time_format: index\n  timezone: Europe/Berlin\n  on_bad_row: skip\n"
        "targets: {include: [\"TX*\"], exclude: [b], rank_by: sum(count), top: 3000, min_rows: 5}\n"
        "prepare: {window: 30d, step: 1m, aggregate: last, interpolate: previous, max_gap: 2}\n"
        "models:\n  all: {kind: pca, variance: 0.95}\n"
        "  top: [{match: \"A*\", metrics: [count], kind: seasonal, season: 1d}, {kind: ewma}]\n"
        "  fallback: {kind: ewma, alpha: 0.3}\n"
        "limits: {target_timeout: 5s, target_memory: 64MiB, all_timeout: 1h, all_memory: 2GiB, attempts: 1,"
        " max_failed: 5%}\n"
        "plan: {chunk: 7}\noutput: {set: s, keep: 3, publish: partial}\n");
    cr_assert_str_eq(spec->data.files.items[1], "/abs/more.csv.gz");
    cr_assert_str_eq(spec->data.roots.items[0], "/srv/jobs");
    cr_assert_str_eq(spec->data.roots.items[1], "");
    cr_assert_str_eq(spec->data.values.items[1], "elapsed_ms");
    cr_assert_eq(spec->data.ignore.count, 2);
    cr_assert(spec->data.skip_bad_rows);
    cr_assert_eq(spec->targets.rank, FF_RANK_SUM);
    cr_assert_str_eq(spec->targets.rank_metric, "count");
    cr_assert_eq(spec->targets.top, 3000);
    cr_assert_eq(spec->prepare.window_ms, 30LL * 86400000);
    cr_assert_eq(spec->prepare.step_ms, 60000);
    cr_assert_eq(spec->prepare.aggregate, FF_AGG_LAST);
    cr_assert_eq(spec->prepare.interpolate, FF_INTERPOLATE_PREVIOUS);
    cr_assert_str_eq(spec->all.params[0].text, "0.95");
    cr_assert_eq(spec->top_count, 2);
    cr_assert_str_eq(spec->top[0].metrics.items[0], "count");
    cr_assert_str_eq(spec->top[0].model.params[0].name, "season");
    cr_assert_eq(spec->top[1].model.param_count, 0);
    cr_assert_str_eq(spec->fallback.params[0].text, "0.3");
    cr_assert_eq(spec->limits.attempts, 1);
    cr_assert_eq(spec->limits.max_failed, 0.05);
    cr_assert_eq(spec->chunk_mode, FF_CHUNK_FIXED);
    cr_assert_eq(spec->chunk, 7);
    cr_assert_str_eq(spec->output.set, "s");
    cr_assert(spec->output.keep == 3 && spec->output.partial);
}

Test(jobspec, an_unknown_key_is_refused_with_its_place_and_a_suggestion)
{
    assert_refused("data:\n    files: [a]\n    taget: x\n",
                   "jobs/nightly.yaml:3:5: unknown key 'taget' in data, did you mean 'target'?");
    assert_refused("dta: {}\n", "jobs/nightly.yaml:1:1: unknown key 'dta', did you mean 'data'?");
    assert_refused(LONG "models: {top: {kind: seasonal, seson: 1d}}\n",
                   "jobs/nightly.yaml:2:32: unknown key 'seson' in models.top, did you mean 'season'?");
}

Test(jobspec, an_unknown_kind_is_refused_with_a_suggestion)
{
    assert_refused(LONG "models:\n  top: {kind: sesonal}\n",
                   "jobs/nightly.yaml:3:15: unknown model kind 'sesonal', did you mean 'seasonal'?");
}

Test(jobspec, a_wrong_type_says_what_was_found_and_expected)
{
    assert_refused("data: {files: a.csv, target: x}\n",
                   "jobs/nightly.yaml:1:15: data.files: expected a list of texts, found 'a.csv'");
    assert_refused(LONG "targets: {top: many}\n",
                   "jobs/nightly.yaml:2:16: targets.top: expected a whole number from 1 "
                   "to 1000000000, found 'many'");
    assert_refused(LONG "models: {top: {kind: ewma, alpha: 2}}\n",
                   "jobs/nightly.yaml:2:35: models.top.alpha: expected a number from 1e-06 to 1, found '2'");
    assert_refused(LONG "prepare: {window: 30}\n",
                   "jobs/nightly.yaml:2:19: prepare.window: expected a duration such "
                   "as 30s, 5m, 1h or 7d, found '30'");
    assert_refused("data: 5\n", "jobs/nightly.yaml:1:7: data: expected a map, found '5'");
}

Test(jobspec, what_is_published_is_complete_or_partial_and_at_least_one_generation_stays)
{
    assert_refused(LONG "output: {publish: manual}\n",
                   "jobs/nightly.yaml:2:19: output.publish: expected one of complete, partial, found "
                   "'manual'");
    assert_refused(LONG "output: {keep: 0}\n",
                   "jobs/nightly.yaml:2:16: output.keep: expected a whole number from 1 to 1000000, found "
                   "'0'");
}

Test(jobspec, what_a_layout_needs_must_be_there)
{
    assert_refused("name: x\n", "jobs/nightly.yaml: data.files is missing: a list of CSV files");
    assert_refused("data: {files: [a]}\n",
                   "jobs/nightly.yaml:1:7: data.target is missing: the column that names the "
                   "target (layout long)");
    parse("data: {files: [a], layout: wide}\n");
}

Test(jobspec, planned_keys_are_refused_as_not_supported_yet)
{
    assert_refused(LONG "output: {promote: no}\n",
                   "jobs/nightly.yaml:2:19: output.promote: expected a map, found 'no'");
    assert_refused(LONG "output: {promote: {}}\n",
                   "jobs/nightly.yaml:2:19: output.promote needs last, and max_alerts or max_worse");
}

Test(jobspec, memory_for_rows_is_a_size)
{
    parse("data: {files: [a], target: x, memory: 64MiB}\n");
    cr_assert_eq(spec->data.memory, 64 << 20);
    ff_jobspec_destroy(spec);
    spec = NULL;
    parse(LONG);
    cr_assert_eq(spec->data.memory, 0);
    assert_refused("data: {files: [a], target: x, memory: 1GB}\n",
                   "jobs/nightly.yaml:1:39: data.memory: expected a size such as 64KiB or 1GiB, found '1GB'");
}

Test(jobspec, a_priority_is_low_normal_or_high)
{
    parse(LONG "priority: high\n");
    cr_assert_eq(spec->priority, FF_PRIORITY_HIGH);
    drop();
    assert_refused(LONG "priority: hihg\n",
                   "jobs/nightly.yaml:2:11: priority: expected one of low, normal, high, found "
                   "'hihg', did you mean 'high'?");
    assert_refused(LONG "priority: 9\n",
                   "jobs/nightly.yaml:2:11: priority: expected one of low, normal, high, found '9'");
}

Test(jobspec, a_kind_of_one_metric_cannot_be_the_model_of_all)
{
    assert_refused(
        LONG "models: {all: {kind: seasonal}}\n",
        "jobs/nightly.yaml:2:22: models.all: kind 'seasonal' takes one metric at a time and can't model "
        "all targets together; pca, ecod, mahalanobis, iforest_rows can");
    parse(LONG "models: {top: {kind: pca}}\n");
    cr_assert_str_eq(spec->top[0].model.kind, "pca");
}

Test(jobspec, the_first_matching_rule_counts_and_a_null_kind_means_no_model)
{
    parse(LONG "models: {top: [{match: \"no*\", kind: null}, {match: \"n*\", kind: ewma}, {match: \"[xy]\", "
               "kind: pca}]}");
    cr_assert_eq(ff_jobspec_rule(spec, "normal"), -1);
    cr_assert_eq(ff_jobspec_rule(spec, "new"), 1);
    cr_assert_eq(ff_jobspec_rule(spec, "y"), 2);
    cr_assert_eq(ff_jobspec_rule(spec, "z"), -1);
}

Test(jobspec, a_model_needs_a_kind)
{
    assert_refused(LONG "models: {top: [{match: a}]}\n",
                   "jobs/nightly.yaml:2:16: models.top[0]: 'kind' is missing");
    assert_refused(LONG "models: {top: null}\n",
                   "jobs/nightly.yaml:2:15: models.top: expected a map such as {kind: "
                   "seasonal} or a list of {match, metrics, kind}, found nothing");
}

Test(jobspec, null_sections_are_defaults)
{
    parse(LONG "targets:\nmodels:\n  all:\n  fallback: null\nlimits:\n");
    cr_assert_null(spec->all.kind);
    cr_assert_eq(spec->limits.attempts, 3);
}

Test(jobspec, overrides_win_and_their_paths_start_in_the_current_folder)
{
    const char *overrides[] = {"data.files=[x/*.csv]", "targets.top=5", "models.top.kind=ewma",
                               "models.top.alpha=0.2"};
    struct ff_error err = {0};
    cr_assert_eq(parse_with(LONG "models: {top: {kind: ewma}}\n", overrides, 4, &err), FF_OK, "%s", err.text);
    cr_assert_str_eq(spec->data.files.items[0], "/home/me/x/*.csv");
    cr_assert_str_eq(spec->data.roots.items[0], "/home/me");
    cr_assert_eq(spec->targets.top, 5);
    cr_assert_str_eq(spec->top[0].model.params[0].text, "0.2");
}

Test(jobspec, a_bad_override_is_named_in_the_message)
{
    const char *overrides[] = {"targets.top=x"};
    struct ff_error err = {0};
    cr_assert_eq(parse_with(LONG, overrides, 1, &err), FF_INVALID_ARGUMENT);
    cr_assert_str_eq(err.text,
                     "--set targets.top=x: targets.top: expected a whole number from 1 to 1000000000, "
                     "found 'x'");
}

Test(jobspec, index_times_need_a_step)
{
    assert_refused(
        "data: {files: [a], layout: wide, time_format: index}\n",
        "jobs/nightly.yaml:1:47: data.time_format: index needs prepare.step, the length of one step");
}

Test(jobspec, wildcards_in_the_folder_of_the_job_are_no_pattern)
{
    const char *text = LONG;
    struct ff_jobspec_source source = {
        .text = text, .size = strlen(text), .file = "j.yml", .base_dir = "/a[1]*", .override_dir = "/"};
    struct ff_error err = {0};
    cr_assert_eq(ff_jobspec_parse(&source, &spec, &err), FF_OK);
    cr_assert_str_eq(spec->data.files.items[0], "/a\\[1]\\*/a.csv");
    cr_assert_str_eq(spec->name, "j");
}

Test(jobspec, names_have_64_plain_characters_at_most)
{
    assert_refused(
        "name: \"a b\"\n" LONG,
        "jobs/nightly.yaml:1:7: name: expected 1 to 64 of the characters A-Z a-z 0-9 . _ -, found 'a b'");
}

Test(jobspec, rank_by_names_a_function_and_a_metric)
{
    assert_refused(LONG "targets: {rank_by: sum}\n",
                   "jobs/nightly.yaml:2:20: targets.rank_by: expected rows, "
                   "sum(METRIC), mean(METRIC) or max(METRIC), found 'sum'");
    parse(LONG "targets: {rank_by: max(a b)}\n");
    cr_assert_eq(spec->targets.rank, FF_RANK_MAX);
    cr_assert_str_eq(spec->targets.rank_metric, "a b");
}

Test(jobspec, narrowed_to_a_target_it_asks_for_that_name_and_nothing_else)
{
    parse(LONG "targets: {include: [\"x*\"], exclude: [\"a*\"], top: 5}\nmodels: {all: {kind: pca}}\n");
    ff_jobspec_narrow(spec, "a*[b]?\\c");
    cr_assert_eq(spec->targets.include.count, 1);
    cr_assert(ff_glob_match(spec->targets.include.items[0], "a*[b]?\\c"));
    cr_assert_not(ff_glob_match(spec->targets.include.items[0], "axb?\\c"));
    cr_assert_eq(spec->targets.exclude.count, 0);
    cr_assert_eq(spec->targets.top, 0);
    cr_assert_null(spec->all.kind);
}

Test(jobspec, an_errand_says_what_is_done_with_whose_models)
{
    parse(LONG);
    cr_assert_eq(spec->errand.work.type, FF_WORK_FIT);
    drop();
    parse(LONG "errand: {do: forecast, set: nightly, generation: 7, target: \"T*\", horizon: 48}\n");
    cr_assert_eq(spec->errand.work.type, FF_WORK_FORECAST);
    cr_assert_str_eq(spec->errand.set, "nightly");
    cr_assert_str_eq(spec->errand.target, "T*");
    cr_assert(spec->errand.generation == 7 && spec->errand.work.horizon == 48 && !spec->errand.with_all);
    cr_assert_float_eq(spec->errand.work.coverage, 0.95, 0);
    drop();
    parse(LONG "errand: {do: backtest, folds: 5, season: 24}\n");
    cr_assert(spec->errand.work.folds == 5 && spec->errand.work.season == 24 && !*spec->errand.set);
    drop();
    assert_refused(LONG "errand: {set: nightly}\n",
                   "jobs/nightly.yaml:2:9: errand.do: expected score, forecast or backtest");
    assert_refused(LONG "errand: {do: score}\n",
                   "jobs/nightly.yaml:2:9: errand.set is missing: the set whose models are applied");
    assert_refused(LONG "errand: {do: backtest, folds: 0}\n",
                   "jobs/nightly.yaml:2:31: errand.folds: expected a whole number from 1 to 1000, found '0'");
}
