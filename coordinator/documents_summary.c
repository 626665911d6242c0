/* The results as a person wants to see them: what came out, where the time went, and the targets worth a
 * look. */
#include "common/text.h"
#include "coordinator/documents_parts.h"
#include "coordinator/show.h"
#include "coordinator/summary.h"
#include "coordinator/table.h"

#include <stdlib.h>
#include <string.h>

enum { FIRST_TARGETS = 20, SUMMARY_WIDTH = 56, ERROR_WIDTH = 72 };

/* A number of the "time_ms" object, 0 if it is not there. */
static double time_of(const struct ff_job_record *job, const char *key, struct ff_arena *arena)
{
    const char *quoted = ff_arena_printf(arena, "\"%s\":", key);
    const char *at = strstr(job->times, quoted);
    return at ? strtod(at + strlen(quoted), NULL) : 0;
}

static void write_headline(const struct ff_job_record *job, const struct ff_outcomes *outcomes,
                           struct ff_arena *arena, struct ff_buf *out)
{
    uint64_t decided = 0;
    for (int class = FF_FITTED; class < FF_CLASS_COUNT; class ++)
        decided += outcomes->counts.of_class[class];
    ff_buf_printf(out, "%s: %s", ff_job_words(job, arena), ff_job_state_name(job->state));
    if (job->state == FF_JOB_DONE)
        ff_buf_printf(out, " in %s", ff_show_duration(ff_job_took_ms(job)).text);
    else if (job->finished_ms)
        ff_buf_printf(out, " after %s", ff_show_duration(ff_job_took_ms(job)).text);
    else if (outcomes->counts.requested)
        ff_buf_printf(out, ", %s of %s target%s", ff_show_count(decided).text,
                      ff_show_count(outcomes->counts.requested).text, ff_plural(outcomes->counts.requested));
    if (job->generation)
        ff_buf_printf(out, ", generation %llu of set %s", (unsigned long long)job->generation, job->set);
    else if (job->finished_ms)
        ff_buf_printf(out, ", nothing published");
    ff_buf_append(out, "\n", 1);
    if (job->code == FF_CODE_OK)
        return;
    const char *why = ff_error_words(job->code, job->errmsg, arena);
    ff_buf_append(out, "  why       ", 12);
    ff_show_clean((struct ff_bytes){(const uint8_t *)why, strlen(why)}, false, out);
    ff_buf_append(out, "\n", 1);
}

static void write_counts(const struct ff_outcomes *outcomes, struct ff_arena *arena, struct ff_buf *out)
{
    const char *words = ff_counts_words(&outcomes->counts, arena);
    ff_buf_printf(out, "  targets   %s%s%s\n", ff_show_count(outcomes->counts.requested).text,
                  *words ? ": " : "", words);
    if (outcomes->rows_skipped)
        ff_buf_printf(out, "  bad rows  %s left out\n", ff_show_count(outcomes->rows_skipped).text);
}

static void write_times(const struct ff_job_record *job, struct ff_arena *arena, struct ff_buf *out)
{
    if (!*job->times)
        return;
    ff_buf_printf(out, "  time      load %s, prepare %s, fit %s, commit %s; fits alone took %s\n",
                  ff_show_duration(time_of(job, "load", arena)).text,
                  ff_show_duration(time_of(job, "prepare", arena)).text,
                  ff_show_duration(time_of(job, "wire", arena)).text,
                  ff_show_duration(time_of(job, "commit", arena)).text,
                  ff_show_duration(time_of(job, "fit_sum", arena)).text);
}

static void write_all(const struct ff_target_outcome *all, struct ff_arena *arena, struct ff_buf *out)
{
    if (!all || all->outcome.class == FF_OPEN)
        return;
    const struct ff_outcome *outcome = &all->outcome;
    struct ff_buf line = {0};
    ff_buf_printf(&line, "%s", ff_class_name(outcome->class));
    if (ff_outcome_has_model(outcome)) {
        ff_buf_printf(&line, ", %s, %s: ", outcome->kind, ff_show_duration(outcome->fit_ms).text);
        ff_summary_words(outcome->summary, &line);
    } else {
        ff_buf_printf(&line, ", %s", ff_error_words(outcome->code, outcome->errmsg, arena));
    }
    ff_buf_printf(out, "  all       ");
    ff_show_clean(ff_buf_bytes(&line), false, out);
    ff_buf_append(out, "\n", 1);
    ff_buf_fini(&line);
}

/* ---- targets ---- */

#define COLUMNS(model_width, error_width)                                                                    \
    {                                                                                                        \
        {.title = "target"}, {.title = "class"}, {.title = "kind", .optional = true},                        \
            {.title = "rows", .right = true}, {.title = "steps", .right = true},                             \
            {.title = "tries", .right = true, .optional = true}, {.title = "fit ms", .right = true},         \
            {.title = "model", .optional = true, .width = model_width},                                      \
        {                                                                                                    \
            .title = "error", .optional = true, .width = error_width                                         \
        }                                                                                                    \
    }
static const struct ff_table_column columns[] = COLUMNS(SUMMARY_WIDTH, ERROR_WIDTH);
static const struct ff_table_column full_columns[] = COLUMNS(0, 0);
enum { COLUMN_COUNT = sizeof columns / sizeof *columns };

static const char *model_words(const struct ff_target_outcome *target, struct ff_arena *arena)
{
    if (target->from)
        return ff_arena_printf(arena, "keeps the one of generation %llu", (unsigned long long)target->from);
    struct ff_buf words = {0};
    ff_summary_words(target->outcome.summary, &words);
    const char *kept = ff_arena_strdup(arena, ff_buf_text(&words));
    ff_buf_fini(&words);
    return kept;
}

static void add_row(struct ff_table *table, const struct ff_target_outcome *target, struct ff_arena *arena)
{
    const struct ff_outcome *outcome = &target->outcome;
    ff_table_text(table, target->name);
    ff_table_text(table, ff_class_name(outcome->class));
    ff_table_text(table, ff_outcome_has_model(outcome) ? outcome->kind : "");
    ff_table_text(table, ff_show_count(target->rows).text);
    ff_table_text(table, ff_show_count(target->steps).text);
    if (outcome->attempts > 1)
        ff_table_cell(table, "%u", outcome->attempts);
    else
        ff_table_text(table, "");
    if (*target->worker)
        ff_table_cell(table, "%.2f", outcome->fit_ms);
    else
        ff_table_text(table, "");
    ff_table_text(table, model_words(target, arena));
    ff_table_text(table, outcome->code ? ff_error_words(outcome->code, outcome->errmsg, arena) : "");
}

/* Nothing went wrong with it, and a line of its own would say no more than a count. */
static bool is_ordinary(const struct ff_target_outcome *target)
{
    enum ff_class class = target->outcome.class;
    return class == FF_FITTED || class == FF_REUSED || class == FF_CANCELLED_CLASS;
}

static void write_hidden(const struct ff_counts *hidden, struct ff_arena *arena, struct ff_buf *out)
{
    const char *words = "";
    uint64_t last = 0;
    for (int class = FF_FITTED; class < FF_CLASS_COUNT; class ++) {
        if (!hidden->of_class[class])
            continue;
        last = hidden->of_class[class];
        words = ff_arena_printf(arena, "%s%s%s more %s", words, *words ? " and " : "",
                                ff_show_count(last).text, ff_class_name((enum ff_class) class));
    }
    if (*words)
        ff_buf_printf(out, "\xE2\x80\xA6 and %s target%s (results --format csv lists all)\n", words,
                      ff_plural(last));
}

static void write_targets(const struct ff_outcomes *outcomes, const struct ff_results_options *options,
                          struct ff_arena *arena, struct ff_buf *out)
{
    struct ff_table table;
    struct ff_counts hidden = {0};
    size_t wanted = 0;
    ff_table_init(&table, options->full ? full_columns : columns, COLUMN_COUNT);
    for (size_t i = 0; i < outcomes->target_count; i++) {
        const struct ff_target_outcome *target = &outcomes->targets[i];
        if (!ff_results_wants(options, target))
            continue;
        if (++wanted <= FIRST_TARGETS || options->full || !is_ordinary(target))
            add_row(&table, target, arena);
        else
            hidden.of_class[target->outcome.class]++;
    }
    if (wanted) {
        ff_buf_append(out, "\n", 1);
        ff_table_write(&table, out);
        write_hidden(&hidden, arena, out);
    }
    ff_table_fini(&table);
}

static void write_advice(const struct ff_job_record *job, const struct ff_outcomes *outcomes,
                         const char *where, struct ff_arena *arena, struct ff_buf *out)
{
    const uint64_t *of_class = outcomes->counts.of_class;
    bool failed = of_class[FF_FAILED] || of_class[FF_QUARANTINED];
    const char *id = ff_job_words(job, arena);
    if (failed || of_class[FF_SKIPPED])
        ff_buf_printf(out, "\nWhy: fitfleet explain %s TARGET%s\n", id, where);
    if (failed && ff_job_state_is_final(job->state))
        ff_buf_printf(out, "Again: fitfleet retry %s --only %s%s%s%s\n", id,
                      of_class[FF_FAILED] ? "failed" : "",
                      of_class[FF_FAILED] && of_class[FF_QUARANTINED] ? "," : "",
                      of_class[FF_QUARANTINED] ? "quarantined" : "", where);
}

void ff_document_summary(const struct ff_job_record *job, const struct ff_outcomes *outcomes,
                         const struct ff_results_options *options, struct ff_buf *out)
{
    struct ff_arena arena = {0};
    write_headline(job, outcomes, &arena, out);
    write_counts(outcomes, &arena, out);
    write_times(job, &arena, out);
    write_all(outcomes->all, &arena, out);
    write_targets(outcomes, options, &arena, out);
    write_advice(job, outcomes, options->where ? options->where : "", &arena, out);
    ff_arena_fini(&arena);
}
