#include "coordinator/documents_parts.h"

#include "common/text.h"
#include "coordinator/show.h"

#include <string.h>

enum ff_status ff_format_parse(const char *text, enum ff_format *out, struct ff_error *err)
{
    static const char *const names[] = {"json", "csv", "table"};
    for (size_t i = 0; i < 3; i++)
        if (strcmp(text, names[i]) == 0) {
            *out = (enum ff_format)i;
            return FF_OK;
        }
    return ff_error_set(err, FF_INVALID_ARGUMENT, "format '%s' is not one of json, csv, table", text);
}

/* ---- JSON ---- */

void ff_put_time(struct ff_json *json, const char *key, int64_t wall_ms)
{
    ff_json_put_string(json, key, wall_ms ? ff_show_time(wall_ms).text : NULL);
}

void ff_put_generation(struct ff_json *json, const char *set, uint64_t number)
{
    ff_json_key(json, "generation");
    if (number == 0) {
        ff_json_null(json);
        return;
    }
    ff_json_object_begin(json);
    ff_json_put_string(json, "set", set);
    ff_json_put_uint(json, "number", number);
    ff_json_object_end(json);
}

void ff_put_counts(struct ff_json *json, const struct ff_counts *counts)
{
    ff_json_key(json, "counts");
    ff_json_object_begin(json);
    ff_json_put_uint(json, "requested", counts->requested);
    for (int class = FF_FITTED; class < FF_CLASS_COUNT; class ++)
        ff_json_put_uint(json, ff_class_name((enum ff_class) class), counts->of_class[class]);
    ff_json_object_end(json);
}

void ff_put_error(struct ff_json *json, enum ff_code code, const char *errmsg)
{
    ff_json_put_int(json, "errno", code);
    ff_json_put_string(json, "error", ff_code_name(code));
    ff_json_put_string(json, "errmsg", errmsg);
}

static void put_model(struct ff_json *json, const struct ff_outcome *outcome)
{
    ff_json_key(json, "model");
    if (!ff_outcome_has_model(outcome)) {
        ff_json_null(json);
        return;
    }
    ff_json_object_begin(json);
    ff_json_put_string(json, "kind", outcome->kind);
    ff_json_put_uint(json, "bytes", outcome->model_size);
    ff_json_put_raw(json, "summary", *outcome->summary ? outcome->summary : "{}");
    ff_json_object_end(json);
}

void ff_put_entry(struct ff_json *json, const struct ff_target_outcome *target)
{
    const struct ff_outcome *outcome = &target->outcome;
    ff_json_put_string(json, "class", ff_class_name(outcome->class));
    ff_put_error(json, outcome->code, outcome->errmsg);
    ff_json_put_uint(json, "rows", target->rows);
    ff_json_put_uint(json, "steps", target->steps);
    ff_json_put_uint(json, "attempts", outcome->attempts);
    ff_json_put_string(json, "worker", *target->worker ? target->worker : NULL);
    ff_json_put_uint(json, "pid", outcome->pid);
    ff_json_put_double(json, "fit_ms", outcome->fit_ms);
    ff_json_put_double(json, "cpu_ms", outcome->cpu_ms);
    ff_json_put_uint(json, "peak_rss_bytes", outcome->peak_rss_bytes);
    if (outcome->signal)
        ff_json_put_int(json, "signal", outcome->signal);
    if (*target->profile)
        ff_json_put_string(json, "profile", target->profile);
    if (target->from)
        ff_json_put_uint(json, "from", target->from);
    put_model(json, outcome);
}

/* ---- words ---- */

const char *ff_counts_words(const struct ff_counts *counts, struct ff_arena *arena)
{
    const char *words = "";
    for (int class = FF_FITTED; class < FF_CLASS_COUNT; class ++)
        if (counts->of_class[class])
            words = ff_arena_printf(arena, "%s%s%s %s", words, *words ? ", " : "",
                                    ff_show_count(counts->of_class[class]).text,
                                    ff_class_name((enum ff_class) class));
    return words;
}

const char *ff_error_words(enum ff_code code, const char *errmsg, struct ff_arena *arena)
{
    return *errmsg ? ff_arena_printf(arena, "%s: %s", ff_code_name(code), errmsg) : ff_code_name(code);
}

const char *ff_job_words(const struct ff_job_record *job, struct ff_arena *arena)
{
    return ff_arena_printf(arena, "%s-%llu", job->name, (unsigned long long)job->number);
}

double ff_job_took_ms(const struct ff_job_record *job)
{
    if (!job->finished_ms)
        return -1;
    int64_t from = job->started_ms ? job->started_ms : job->submitted_ms;
    return from && job->finished_ms > from ? (double)(job->finished_ms - from) : 0;
}

/* ---- what is asked for ---- */

static enum ff_status unknown_class(const char *class, struct ff_error *err)
{
    const char *names[FF_CLASS_COUNT];
    for (int i = FF_FITTED; i < FF_CLASS_COUNT; i++)
        names[i - FF_FITTED] = ff_class_name((enum ff_class)i);
    const char *near = ff_suggest(class, names, FF_CLASS_COUNT - 1);
    return ff_error_set(
        err, FF_INVALID_ARGUMENT,
        "class '%s' is not one of fitted, reused, fallback, skipped, failed, quarantined, cancelled"
        "%s%s%s",
        class, near ? " (did you mean '" : "", near ? near : "", near ? "'?)" : "");
}

enum ff_status ff_results_check(const struct ff_results_options *options, struct ff_error *err)
{
    for (size_t i = 0; i < options->class_count; i++)
        if (ff_class_from_name(options->classes[i]) == FF_OPEN)
            return unknown_class(options->classes[i], err);
    return FF_OK;
}

bool ff_results_wants(const struct ff_results_options *options, const struct ff_target_outcome *target)
{
    bool wanted = options->class_count == 0;
    if (target->outcome.class == FF_OPEN)
        return false;
    for (size_t i = 0; i < options->class_count; i++)
        wanted = wanted || ff_class_from_name(options->classes[i]) == target->outcome.class;
    return wanted && (!options->target || !*options->target || ff_glob_match(options->target, target->name));
}
