/* A model as a damaged state or a stranger might hold it: read by its kind to score a small frame, and to
 * forecast. */
#include "worker/fit.h"

#include "common/model.h"

#include <math.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { STEPS = 40, COLUMNS = 4, HORIZON = 10 };

static void apply(struct ff_fitter *fitter, const char *kind, struct ff_work work, size_t columns,
                  struct ff_bytes model)
{
    static const char *const names[COLUMNS] = {"a", "b", "c", "d"};
    static double values[STEPS * COLUMNS];
    struct ff_fit_spec spec = {.kind = kind, .work = work};
    struct ff_outcome outcome = {0};
    for (size_t i = 0; i < STEPS * COLUMNS; i++)
        values[i] = i % 13 == 5 ? NAN : (double)(i % 7);
    ff_fit_task(fitter,
                &(struct ff_task){.name = "t",
                                  .model = &spec,
                                  .metrics = names,
                                  .frame = {60000 * 300, 60000, STEPS, columns, values},
                                  .input = model},
                &outcome);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct ff_fitter *fitter;
    struct ff_arena arena = {0};
    struct ff_bytes bytes = {data, size};
    struct ff_model model;
    if (!fitter) {
        ff_fit_warm_up();
        fitter = ff_fitter_create();
    }
    if (ff_model_decode(bytes, &arena, &model, NULL) == FF_OK) {
        const struct ff_kind_schema *kind = ff_kind_schema(model.kind);
        size_t columns = kind && kind->multivariate ? COLUMNS : 1;
        apply(fitter, model.kind, (struct ff_work){.type = FF_WORK_SCORE}, columns, bytes);
        if (columns == 1)
            apply(fitter, model.kind,
                  (struct ff_work){.type = FF_WORK_FORECAST, .horizon = HORIZON, .coverage = 0.95}, 1, bytes);
    }
    ff_arena_fini(&arena);
    return 0;
}
