#include "coordinator/scoreline.h"

#include "common/text.h"
#include "coordinator/csvout.h"

#include <float.h>
#include <math.h>

void ff_score_counts_add_unfitted(struct ff_score_counts *counts, const char *target,
                                  const struct ff_model *model)
{
    uint64_t before = counts->unfitted_metrics;
    for (size_t i = 0; i < model->part_count; i++) {
        const struct ff_model_part *part = &model->parts[i];
        if (part->code != FF_CODE_OK && counts->unfitted_metrics++ == 0)
            snprintf(counts->unfitted, sizeof counts->unfitted, "%s of %s: %s: %s", part->metric, target,
                     ff_code_name(part->code), part->errmsg);
    }
    counts->unfitted_targets += counts->unfitted_metrics > before;
}

void ff_score_counts_tell_unfitted(const struct ff_score_counts *counts)
{
    unsigned long long metrics = counts->unfitted_metrics, targets = counts->unfitted_targets;
    if (metrics)
        fprintf(stderr, "fitfleet: %llu metric%s of %llu target%s %s no model: %s%s\n", metrics,
                ff_plural(metrics), targets, ff_plural(targets), metrics == 1 ? "has" : "have",
                counts->unfitted, metrics == 1 ? "" : ", …");
}

void ff_scoreline_header(struct ff_buf *out)
{
    ff_buf_printf(out, "time,target,metric,value,expected,lower,upper,score,anomaly\n");
}

/* A band without width is infinitely far from every other value; in a file that is the largest number. */
static double written(double score)
{
    return isinf(score) ? copysign(DBL_MAX, score) : score;
}

void ff_scoreline_put(struct ff_buf *out, const char *time, const char *target, const char *metric,
                      double value, const struct ff_score *score, struct ff_score_counts *counts)
{
    static const struct ff_score none = {NAN, NAN, NAN, NAN};
    struct ff_csvout line = ff_csvout_start(out);
    score = score ? score : &none;
    ff_csvout_text(&line, time);
    ff_csvout_text(&line, target);
    ff_csvout_text(&line, metric);
    ff_csvout_double(&line, value);
    ff_csvout_double(&line, score->expected);
    ff_csvout_double(&line, score->lower);
    ff_csvout_double(&line, score->upper);
    ff_csvout_double(&line, written(score->score));
    ff_csvout_uint(&line, score->score > 1);
    ff_csvout_end(&line);
    counts->lines++;
    counts->anomalies += score->score > 1;
}

enum ff_status ff_scoreline_flush(struct ff_buf *out, FILE *file, size_t least, struct ff_error *err)
{
    if (out->size < least)
        return FF_OK;
    bool good = !out->size || fwrite(out->data, 1, out->size, file) == out->size;
    out->size = 0;
    return good ? FF_OK : ff_error_set(err, FF_INTERNAL, "cannot write scores: %m");
}
