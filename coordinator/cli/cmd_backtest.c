/* backtest: how well a job's models would have forecast the end of their own rows. The job's data are loaded
 * and prepared as for training; then each target is fitted once for each fold and nothing is kept. */
#include "coordinator/cli/errand.h"
#include "coordinator/scoring.h"
#include "coordinator/tested.h"

#include "common/text.h"

#include <stdio.h>
#include <string.h>

static enum ff_status whole_number(const char *flag, const char *text, int64_t most, uint32_t *out,
                                   struct ff_error *err)
{
    int64_t value;
    if (!text)
        return FF_OK;
    if (!ff_parse_integer(text, &value) || value < 1 || value > most)
        return ff_error_set(err, FF_INVALID_ARGUMENT,
                            "%s: expected a whole number from 1 to %lld, found '%s'", flag, (long long)most,
                            text);
    *out = (uint32_t)value;
    return FF_OK;
}

enum ff_status ff_option_work(const struct ff_options *options, struct ff_work *out, struct ff_error *err)
{
    enum ff_status status = whole_number("--horizon", options->horizon, FF_MOST_HORIZON, &out->horizon, err);
    if (!status)
        status = whole_number("--folds", options->folds, FF_MOST_FOLDS, &out->folds, err);
    if (!status)
        status = whole_number("--season", options->season, FF_MOST_HORIZON, &out->season, err);
    const char *text = options->coverage;
    if (status || !text)
        return status;
    if (!ff_parse_double(text, strlen(text), &out->coverage) || !(out->coverage > 0 && out->coverage < 1))
        return ff_error_set(err, FF_INVALID_ARGUMENT,
                            "--coverage: expected a share between 0 and 1 such as 0.95, found '%s'", text);
    return FF_OK;
}

static enum ff_status collect(const struct ff_errand_result *result, struct ff_tested *tested,
                              struct ff_error *err)
{
    for (size_t i = 0; i < result->targets.target_count; i++) {
        enum ff_status status =
            ff_tested_add(tested, result->targets.targets[i].name, &result->outcomes[i], err);
        if (status)
            return status;
    }
    return FF_OK;
}

static int print(const struct ff_options *options, const struct ff_tested *tested)
{
    struct ff_buf out = {0};
    struct ff_accuracy whole;
    size_t measured = ff_tested_mean(tested, &whole);
    bool all_measured = true;
    for (size_t i = 0; i < tested->count; i++)
        all_measured &= tested->series[i].code == FF_CODE_OK;
    ff_tested_print(tested, ff_option_format(options, "table"), options->all, &out);
    int code = ff_write_output(options, &out);
    ff_buf_fini(&out);
    if (code)
        return code;
    return !measured ? FF_EXIT_JOB_FAILED : all_measured ? FF_EXIT_DONE : FF_EXIT_SOME_FAILED;
}

/* The job by its name, as `train` would call it. */
static enum ff_status make_errand(struct ff_submit_request *request, const struct ff_work *work,
                                  struct ff_arena *arena, struct ff_error *err)
{
    const struct ff_jobspec_source source = ff_submit_source(request);
    struct ff_jobspec *spec;
    const struct ff_errand_spec errand = {.work = *work};
    enum ff_status status = ff_jobspec_parse(&source, &spec, err);
    if (status)
        return status;
    ff_errand_make(&errand, spec->name, request, arena);
    ff_jobspec_destroy(spec);
    return FF_OK;
}

int ff_command_backtest(const struct ff_options *options)
{
    struct ff_work work = {.type = FF_WORK_BACKTEST, .horizon = 24, .folds = 3, .coverage = 0.95};
    struct ff_arena arena = {0};
    struct ff_submit_request request;
    struct ff_scoring testing = {0};
    struct ff_errand errand = {.options = options,
                               .request = &request,
                               .may_travel = options->coordinator != NULL,
                               .source = ff_scoring_source,
                               .source_context = &testing};
    struct ff_errand_result result = {0};
    struct ff_tested tested = {0};
    struct ff_error err = {0};
    enum ff_status status = ff_option_work(options, &work, &err);
    if (!status)
        status = ff_submit_from_file(options, options->arguments[0], &arena, &request, &err);
    if (!status)
        status = make_errand(&request, &work, &arena, &err);
    if (!status) {
        testing.work = work;
        status = ff_errand_run(&errand, &result, &err);
    }
    if (!status)
        status = collect(&result, &tested, &err);
    int code = status ? ff_errand_fail(&result, &err) : print(options, &tested);
    ff_tested_fini(&tested);
    ff_errand_fini(&result);
    ff_arena_fini(&arena);
    return code;
}
