/* One kind fitted to one frame through the public way (worker/fit.h), and its parameters by name. */
#ifndef FF_TESTS_SUPPORT_KIND_CASE_H
#define FF_TESTS_SUPPORT_KIND_CASE_H

#include "common/model.h"
#include "worker/fit.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

struct kind_case {
    struct ff_fitter *fitter;
    struct ff_arena arena;
    struct ff_outcome outcome;
    struct ff_model model;
};

static inline void kind_case_open(struct kind_case *fitted)
{
    *fitted = (struct kind_case){.fitter = ff_fitter_create()};
}

static inline void kind_case_close(struct kind_case *fitted)
{
    ff_fitter_destroy(fitted->fitter);
    ff_arena_fini(&fitted->arena);
}

static inline void kind_case_run(struct kind_case *fitted, const struct ff_task *task)
{
    memset(&fitted->outcome, 0, sizeof fitted->outcome);
    ff_arena_reset(&fitted->arena);
    ff_fit_task(fitted->fitter, task, &fitted->outcome);
    if (fitted->outcome.model.size > 0)
        cr_assert_eq(ff_model_decode(fitted->outcome.model, &fitted->arena, &fitted->model, NULL), FF_OK);
}

/* Fits one metric "value"; param NULL: defaults. */
static inline void kind_case_series(struct kind_case *fitted, const char *kind, const struct ff_param *param,
                                    struct ff_frame frame)
{
    const char *metric = "value";
    struct ff_fit_spec spec = {.kind = kind, .params = param, .param_count = param ? 1 : 0};
    kind_case_run(fitted, &(struct ff_task){.name = "t", .model = &spec, .metrics = &metric, .frame = frame});
}

/* Applies the model that was fitted; the result takes its place. */
static inline void kind_case_apply(struct kind_case *fitted, struct ff_work work, struct ff_frame frame)
{
    const char *metric = "value";
    struct ff_fit_spec spec = {.kind = fitted->model.kind, .work = work};
    uint8_t *copy = malloc(fitted->outcome.model.size);
    memcpy(copy, fitted->outcome.model.data, fitted->outcome.model.size);
    struct ff_bytes input = {copy, fitted->outcome.model.size};
    kind_case_run(
        fitted,
        &(struct ff_task){.name = "t", .model = &spec, .metrics = &metric, .frame = frame, .input = input});
    free(copy);
}

/* Of one metric "value": arrays "expected", "lower", "upper" by kind_case_param. */
static inline void kind_case_score(struct kind_case *fitted, struct ff_frame frame)
{
    kind_case_apply(fitted, (struct ff_work){.type = FF_WORK_SCORE}, frame);
}

static inline void kind_case_forecast(struct kind_case *fitted, uint32_t horizon, double coverage)
{
    static const double nothing = NAN;
    kind_case_apply(fitted,
                    (struct ff_work){.type = FF_WORK_FORECAST, .horizon = horizon, .coverage = coverage},
                    (struct ff_frame){0, 60000, 1, 1, &nothing});
}

static inline const struct ff_model_param *kind_case_param(const struct kind_case *fitted, const char *name)
{
    const struct ff_model_part *part = &fitted->model.parts[0];
    for (size_t i = 0; i < part->param_count; i++)
        if (strcmp(part->params[i].name, name) == 0)
            return &part->params[i];
    cr_assert_fail("no parameter '%s'", name);
    abort();
}

static inline void expect_near(double found, double wanted, double relative, const char *what)
{
    double most = relative * fmax(fabs(wanted), 1e-300);
    cr_expect(fabs(found - wanted) <= most, "%s: %.17g instead of %.17g", what, found, wanted);
}

#endif
