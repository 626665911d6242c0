/* evaluate: scores beside labels. Nothing is trained; both files are read and measured here. */
#include "coordinator/cli/cli.h"
#include "coordinator/csvout.h"
#include "coordinator/scorefile.h"
#include "coordinator/show.h"

#include "common/json.h"
#include "common/text.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct evaluation {
    double threshold;
    size_t buffer;
    struct ff_scorefile scores;
    struct ff_labels labels;
    size_t outside; /* labels without rows */
    struct ff_detection whole;
    struct ff_nab nab[FF_NAB_PROFILES];
    struct ff_vus *vus; /* by series */
    struct ff_vus vus_mean;
    size_t measured; /* series in it */
};

static const char *const profiles[] = {"standard", "low_fp", "low_fn"};

/* ---- measuring ---- */

static void measure(struct evaluation *e)
{
    const struct ff_scorefile *scores = &e->scores;
    e->vus = ff_xcalloc(scores->count + 1, sizeof *e->vus);
    for (size_t i = 0; i < scores->count; i++) {
        ff_detection_add(&e->whole, &scores->series[i], e->threshold);
        e->vus[i] = ff_vus_score(&scores->series[i], e->buffer);
        if (isnan(e->vus[i].pr))
            continue;
        e->vus_mean.roc += e->vus[i].roc;
        e->vus_mean.pr += e->vus[i].pr;
        e->measured++;
    }
    e->vus_mean.roc = e->measured ? e->vus_mean.roc / (double)e->measured : NAN;
    e->vus_mean.pr = e->measured ? e->vus_mean.pr / (double)e->measured : NAN;
    for (int i = 0; i < FF_NAB_PROFILES; i++)
        e->nab[i] = ff_nab_score(scores->series, scores->count, (enum ff_nab_profile)i, e->threshold);
}

static double false_alarms(const struct ff_detection *sum)
{
    return sum->days > 0 ? (double)(sum->alarms - sum->true_alarms) / sum->days : NAN;
}

static double delay_ms(const struct ff_detection *sum)
{
    return sum->detected ? sum->delay_ms / (double)sum->detected : NAN;
}

/* ---- output ---- */

static void put_rates(struct ff_json *json, const char *key, struct ff_rates rates)
{
    ff_json_key(json, key);
    ff_json_object_begin(json);
    ff_json_put_double(json, "precision", rates.precision);
    ff_json_put_double(json, "recall", rates.recall);
    ff_json_put_double(json, "f1", rates.f1);
    ff_json_object_end(json);
}

static void put_detection(struct ff_json *json, const struct ff_detection *sum)
{
    ff_json_put_uint(json, "rows", sum->rows);
    ff_json_put_uint(json, "anomalous_rows", sum->anomalous_rows);
    ff_json_put_uint(json, "alarm_rows", sum->alarm_rows);
    ff_json_put_uint(json, "events", sum->events);
    ff_json_put_uint(json, "detected", sum->detected);
    ff_json_put_uint(json, "alarms", sum->alarms);
    ff_json_put_uint(json, "true_alarms", sum->true_alarms);
    put_rates(json, "by_row", ff_detection_by_row(sum));
    put_rates(json, "by_event", ff_detection_by_event(sum));
    ff_json_put_double(json, "mean_delay_s", delay_ms(sum) / 1000);
    ff_json_put_double(json, "mean_delay_rows",
                       sum->detected ? sum->delay_rows / (double)sum->detected : NAN);
    ff_json_put_double(json, "false_alarms_per_target_and_day", false_alarms(sum));
}

static void print_json(const struct evaluation *e, struct ff_buf *out)
{
    struct ff_json json = ff_json_start(out);
    ff_json_object_begin(&json);
    ff_json_put_uint(&json, "targets", e->scores.count);
    ff_json_put_double(&json, "threshold", e->threshold);
    put_detection(&json, &e->whole);
    ff_json_key(&json, "nab");
    ff_json_object_begin(&json);
    for (int i = 0; i < FF_NAB_PROFILES; i++) {
        ff_json_key(&json, profiles[i]);
        ff_json_object_begin(&json);
        ff_json_put_double(&json, "at_threshold", e->nab[i].at_threshold);
        ff_json_put_double(&json, "best", e->nab[i].best);
        ff_json_put_double(&json, "best_threshold", e->nab[i].best_threshold);
        ff_json_object_end(&json);
    }
    ff_json_object_end(&json);
    ff_json_put_double(&json, "vus_roc", e->vus_mean.roc);
    ff_json_put_double(&json, "vus_pr", e->vus_mean.pr);
    ff_json_put_uint(&json, "vus_targets", e->measured);
    ff_json_key(&json, "by_target");
    ff_json_object_begin(&json);
    for (size_t i = 0; i < e->scores.count; i++) {
        struct ff_detection sum = {0};
        ff_detection_add(&sum, &e->scores.series[i], e->threshold);
        ff_json_key(&json, e->scores.series[i].target);
        ff_json_object_begin(&json);
        put_detection(&json, &sum);
        ff_json_put_double(&json, "vus_roc", e->vus[i].roc);
        ff_json_put_double(&json, "vus_pr", e->vus[i].pr);
        ff_json_object_end(&json);
    }
    ff_json_object_end(&json);
    ff_json_object_end(&json);
    ff_buf_append(out, "\n", 1);
}

static void put_line(const char *target, const struct ff_detection *sum, struct ff_vus vus,
                     struct ff_buf *out)
{
    struct ff_rates row = ff_detection_by_row(sum), event = ff_detection_by_event(sum);
    const double values[] = {row.precision, row.recall,           row.f1,  event.precision, event.recall,
                             event.f1,      delay_ms(sum) / 1000, vus.roc, vus.pr};
    const uint64_t counts[] = {sum->rows, sum->events, sum->detected, sum->alarms, sum->true_alarms};
    struct ff_csvout line = ff_csvout_start(out);
    ff_csvout_text(&line, target);
    for (size_t k = 0; k < sizeof counts / sizeof *counts; k++)
        ff_csvout_uint(&line, counts[k]);
    for (size_t k = 0; k < sizeof values / sizeof *values; k++)
        ff_csvout_double(&line, values[k]);
    ff_csvout_end(&line);
}

static void print_csv(const struct evaluation *e, struct ff_buf *out)
{
    ff_buf_printf(out, "target,rows,events,detected,alarms,true_alarms,row_precision,row_recall,row_f1,"
                       "event_precision,event_recall,event_f1,mean_delay_s,vus_roc,vus_pr\n");
    for (size_t i = 0; i < e->scores.count; i++) {
        struct ff_detection sum = {0};
        ff_detection_add(&sum, &e->scores.series[i], e->threshold);
        put_line(e->scores.series[i].target, &sum, e->vus[i], out);
    }
    put_line("all", &e->whole, e->vus_mean, out);
}

static const char *shown(double value, const char *format, struct ff_shown *buffer)
{
    if (!isfinite(value))
        return "-";
    snprintf(buffer->text, sizeof buffer->text, format, value);
    return buffer->text;
}

static void print_rates(const char *what, struct ff_rates rates, struct ff_buf *out)
{
    struct ff_shown precision, recall, f1;
    ff_buf_printf(out, "  %-10s precision %s, recall %s, F1 %s\n", what,
                  shown(rates.precision, "%.3f", &precision), shown(rates.recall, "%.3f", &recall),
                  shown(rates.f1, "%.3f", &f1));
}

static void print_text(const struct evaluation *e, struct ff_buf *out)
{
    const struct ff_detection *sum = &e->whole;
    struct ff_shown text, best, threshold;
    ff_buf_printf(out, "%s target%s, %s row%s, %s event%s; alarm above %g\n",
                  ff_show_count(e->scores.count).text, ff_plural(e->scores.count),
                  ff_show_count(sum->rows).text, ff_plural(sum->rows), ff_show_count(sum->events).text,
                  ff_plural(sum->events), e->threshold);
    print_rates("by event", ff_detection_by_event(sum), out);
    print_rates("by row", ff_detection_by_row(sum), out);
    ff_buf_printf(out, "  alarms     %s, %s of them in an event; false alarms per target and day %s\n",
                  ff_show_count(sum->alarms).text, ff_show_count(sum->true_alarms).text,
                  shown(false_alarms(sum), "%.3f", &text));
    ff_buf_printf(out, "  delay      %s on average, from an event's start to its first alarm\n",
                  sum->detected ? ff_show_duration(delay_ms(sum)).text : "-");
    for (int i = 0; i < FF_NAB_PROFILES; i++)
        ff_buf_printf(out, "  NAB        %-8s %s; with the best threshold (%s) %s\n", profiles[i],
                      shown(e->nab[i].at_threshold, "%.2f", &text),
                      shown(e->nab[i].best_threshold, "%.4g", &threshold),
                      shown(e->nab[i].best, "%.2f", &best));
    ff_buf_printf(out,
                  "  VUS        ROC %s, PR %s (mean of %s target%s with events, buffers of 0 to %zu row%s)\n",
                  shown(e->vus_mean.roc, "%.4f", &text), shown(e->vus_mean.pr, "%.4f", &best),
                  ff_show_count(e->measured).text, ff_plural(e->measured), e->buffer, ff_plural(e->buffer));
}

static int print(const struct ff_options *options, const struct evaluation *e)
{
    struct ff_buf out = {0};
    const char *format = ff_option_format(options, "table");
    if (strcmp(format, "json") == 0)
        print_json(e, &out);
    else if (strcmp(format, "csv") == 0)
        print_csv(e, &out);
    else
        print_text(e, &out);
    int code = ff_write_output(options, &out);
    ff_buf_fini(&out);
    return code;
}

/* ---- the command ---- */

static enum ff_status read_options(const struct ff_options *options, struct evaluation *e,
                                   struct ff_error *err)
{
    enum { MOST_ROWS = 10000 };
    int64_t buffer = 100;
    const char *threshold = options->threshold ? options->threshold : "1";
    if (!options->labels)
        return ff_error_set(err, FF_INVALID_ARGUMENT, "evaluate needs --labels FILE");
    if (!ff_parse_double(threshold, strlen(threshold), &e->threshold))
        return ff_error_set(err, FF_INVALID_ARGUMENT, "--threshold: expected a number, found '%s'",
                            threshold);
    if (options->buffer && (!ff_parse_integer(options->buffer, &buffer) || buffer < 0 || buffer > MOST_ROWS))
        return ff_error_set(err, FF_INVALID_ARGUMENT, "--buffer: expected rows from 0 to %d, found '%s'",
                            MOST_ROWS, options->buffer);
    e->buffer = (size_t)buffer;
    return FF_OK;
}

/* Whether the labels are of what was scored. Some of them may be of something else. */
static enum ff_status check_labels(const struct ff_options *options, struct evaluation *e,
                                   struct ff_error *err)
{
    const char *scores = options->arguments[0];
    for (size_t i = 0; i < e->scores.count; i++)
        ff_labels_meet(&e->labels, e->scores.series[i].target);
    struct ff_labels_met met = ff_labels_count(&e->labels);
    if (!e->labels.count)
        return ff_error_set(err, FF_INVALID_ARGUMENT, "%s: no labels", options->labels);
    if (!met.any)
        return ff_error_set(err, FF_INVALID_ARGUMENT,
                            "no label names a target of %s: %s has '%s', the scores have '%s'", scores,
                            options->labels, met.example, e->scores.series[0].target);
    if (met.strange == 1)
        fprintf(stderr, "fitfleet: 1 of %zu labels names a target that is not in %s: '%s'\n", met.labels,
                scores, met.example);
    else if (met.strange)
        fprintf(stderr, "fitfleet: %zu of %zu labels name targets that are not in %s, such as '%s'\n",
                met.strange, met.labels, scores, met.example);
    return FF_OK;
}

int ff_command_evaluate(const struct ff_options *options)
{
    struct evaluation e = {0};
    struct ff_error err = {0};
    enum ff_status status = read_options(options, &e, &err);
    if (!status)
        status = ff_scorefile_read(options->arguments[0], options->metric, &e.scores, &err);
    if (!status)
        status = ff_labels_read(options->labels, &e.labels, &err);
    if (!status)
        status = check_labels(options, &e, &err);
    if (!status) {
        e.outside = ff_scorefile_label(&e.scores, &e.labels);
        measure(&e);
    }
    if (e.outside)
        fprintf(stderr, "fitfleet: %zu label%s outside the scored rows\n", e.outside,
                e.outside == 1 ? " lies" : "s lie");
    int code = status ? ff_fail(&err) : print(options, &e);
    free(e.vus);
    ff_labels_fini(&e.labels);
    ff_scorefile_fini(&e.scores);
    return code;
}
