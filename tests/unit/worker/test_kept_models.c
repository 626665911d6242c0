/* Models that were fitted once, kept in tests/golden/models: later versions read them and say the same.
 *
 * A kind without a file there fails. To keep one for a new kind, or for a new format of an old one (under
 * KIND-FORMAT.model, the old file stays): FITFLEET_KEEP_MODELS=1 build/bin/test_worker_kept_models, which
 * writes what is missing. */
#include "support/kind_case.h"
#include "worker/models/registry.h"

#include <stdio.h>

enum { STEPS = 300, COLUMNS = 4, LATER = 60 };

static const char *const metrics[COLUMNS] = {"a", "b", "c", "d"};
static double rows[COLUMNS * STEPS], later[COLUMNS * LATER];
static struct kind_case fitted, scored;

static double value(size_t column, size_t step)
{
    uint32_t noise = (uint32_t)(step * 7 + column) * 2654435761U >> 20;
    return 100 + 10.0 * (double)((step + 3 * column) % 12) + (double)noise / 1024 +
           (step == STEPS + 30 ? 500 : 0);
}

static void setup(void)
{
    ff_fit_warm_up();
    kind_case_open(&fitted);
    kind_case_open(&scored);
    for (size_t c = 0; c < COLUMNS; c++) {
        for (size_t i = 0; i < STEPS; i++)
            rows[c * STEPS + i] = value(c, i);
        for (size_t i = 0; i < LATER; i++)
            later[c * LATER + i] = value(c, STEPS + i);
    }
}

static void teardown(void)
{
    kind_case_close(&fitted);
    kind_case_close(&scored);
}

TestSuite(kept_models, .init = setup, .fini = teardown);

static bool is_kept(const struct ff_kind_schema *kind)
{
    return strcmp(kind->name, "busy") != 0 && !ff_kind_is_open(kind);
}

static FILE *open_file(const char *kind, uint32_t format, const char *suffix, const char *mode)
{
    char path[1024], number[16] = "";
    if (format > 1)
        snprintf(number, sizeof number, "-%u", format);
    snprintf(path, sizeof path, FF_SOURCE_DIR "/tests/golden/models/%s%s.%s", kind, number, suffix);
    return fopen(path, mode);
}

static struct ff_bytes read_model(const char *kind, uint32_t format, uint8_t *room, size_t size)
{
    FILE *file = open_file(kind, format, "model", "rb");
    cr_assert_not_null(file, "no model of %s in format %u is kept", kind, format);
    struct ff_bytes bytes = {room, fread(room, 1, size, file)};
    fclose(file);
    return bytes;
}

static void score(const struct ff_kind_schema *kind, struct ff_bytes model)
{
    struct ff_fit_spec spec = {.kind = kind->name, .work = {.type = FF_WORK_SCORE}};
    struct ff_frame frame = {60000 * STEPS, 60000, LATER, kind->multivariate ? COLUMNS : 1, later};
    kind_case_run(
        &scored,
        &(struct ff_task){.name = "t", .model = &spec, .metrics = metrics, .frame = frame, .input = model});
}

/* name, value of each array of the scores, at every fifth step. */
static void visit_scores(FILE *out, FILE *golden, const char *kind)
{
    for (size_t p = 0; p < scored.model.part_count; p++)
        for (size_t i = 0; i < scored.model.parts[p].param_count; i++) {
            const struct ff_model_param *param = &scored.model.parts[p].params[i];
            for (size_t step = 0; param->type == FF_VALUE_NUMBERS && param->count == LATER && step < LATER;
                 step += 5) {
                double kept = 0;
                if (out)
                    fprintf(out, "%s %.17g\n", param->name, param->numbers[step]);
                if (!golden)
                    continue;
                cr_assert_eq(fscanf(golden, "%*s %lf", &kept), 1, "%s: fewer scores are kept", kind);
                double found = param->numbers[step];
                cr_assert(isnan(kept) ? isnan(found)
                                      : found == kept || fabs(found - kept) <= 1e-9 * fmax(1, fabs(kept)),
                          "%s: %s at %zu is %.17g, was %.17g", kind, param->name, step, found, kept);
            }
        }
}

static void keep(const struct ff_kind_schema *kind, uint32_t format)
{
    FILE *file = open_file(kind->name, format, "model", "rb");
    if (file) {
        fclose(file);
        return;
    }
    struct ff_fit_spec spec = {.kind = kind->name};
    struct ff_frame frame = {0, 60000, STEPS, kind->multivariate ? COLUMNS : 1, rows};
    kind_case_run(&fitted,
                  &(struct ff_task){.name = "t", .model = &spec, .metrics = metrics, .frame = frame});
    cr_assert_eq(fitted.outcome.class, FF_FITTED, "%s: %s", kind->name, fitted.outcome.errmsg);
    cr_assert_eq(fitted.model.format_version, format, "%s", kind->name);
    file = open_file(kind->name, format, "model", "wb");
    fwrite(fitted.outcome.model.data, 1, fitted.outcome.model.size, file);
    fclose(file);
    score(kind, fitted.outcome.model);
    cr_assert_eq(scored.outcome.class, FF_FITTED, "%s: %s", kind->name, scored.outcome.errmsg);
    file = open_file(kind->name, format, "txt", "w");
    visit_scores(file, NULL, kind->name);
    fclose(file);
}

static void check(const struct ff_kind_schema *kind, uint32_t format)
{
    static uint8_t room[1 << 20];
    if (getenv("FITFLEET_KEEP_MODELS"))
        keep(kind, format);
    score(kind, read_model(kind->name, format, room, sizeof room));
    cr_assert_eq(scored.outcome.class, FF_FITTED, "%s: %s", kind->name, scored.outcome.errmsg);
    FILE *golden = open_file(kind->name, format, "txt", "r");
    cr_assert_not_null(golden);
    visit_scores(NULL, golden, kind->name);
    fclose(golden);
}

Test(kept_models, each_kind_reads_what_it_wrote_once_and_says_the_same)
{
    size_t count;
    const struct ff_kind_schema *kinds = ff_kind_schemas(&count);
    for (size_t i = 0; i < count; i++)
        for (uint32_t format = 1;
             is_kept(&kinds[i]) && format <= ff_registry_find(kinds[i].name)->format_version; format++)
            check(&kinds[i], format);
}

Test(kept_models, one_of_a_later_format_is_refused_by_its_kind)
{
    static uint8_t room[1 << 20];
    struct ff_arena arena = {0};
    struct ff_buf later_model = {0};
    struct ff_model model;
    const struct ff_kind_schema *kind = ff_kind_schema("ewma");
    cr_assert_eq(ff_model_decode(read_model("ewma", 2, room, sizeof room), &arena, &model, NULL), FF_OK);
    model.format_version = 99;
    ff_model_encode(&model, &later_model);
    score(kind, ff_buf_bytes(&later_model));
    cr_assert_eq(scored.outcome.code, FF_CODE_BAD_PARAMETER);
    cr_assert(strstr(scored.outcome.errmsg, "a model of ewma in format 99, this worker reads up to"), "%s",
              scored.outcome.errmsg);
    ff_buf_fini(&later_model);
    ff_arena_fini(&arena);
}
