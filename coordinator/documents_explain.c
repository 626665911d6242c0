/* Sentences for a person who asks "why". What is known comes from the stored outcome; what to do comes from a
 * table by error code, with the limit's value where the job's text still tells it. */
#include "common/text.h"
#include "coordinator/explanation.h"
#include "coordinator/job.h"
#include "coordinator/show.h"

#include <stdlib.h>
#include <string.h>

enum { LOG_LINES = 5, COMMONEST = 5, EXAMPLES = 3 };

/* ---- one target ---- */

static void say_last_lines(const struct ff_explanation *explanation, struct ff_bytes log)
{
    size_t from = log.size, lines = 0;
    if (log.size == 0)
        return;
    while (from > 0 && (log.data[from - 1] != '\n' || from == log.size || ++lines < LOG_LINES))
        from--;
    ff_say(explanation, "Its last lines:\n");
    while (from < log.size) {
        const uint8_t *end = memchr(log.data + from, '\n', log.size - from);
        size_t size = end ? (size_t)(end - log.data) - from : log.size - from;
        ff_say(explanation, "    %.*s\n", (int)size, (const char *)log.data + from);
        from += size + 1;
    }
}

static void say_fit(const struct ff_explanation *explanation, const struct ff_target_outcome *target)
{
    const struct ff_outcome *outcome = &target->outcome;
    if (!*target->worker || !outcome->pid)
        return; /* decided without a fit, or by one of an earlier job */
    ff_say(explanation, "Worker %s, process %u: %s of wall time, %s of CPU, %s of memory at most.\n",
           target->worker, outcome->pid, ff_show_duration(outcome->fit_ms).text,
           ff_show_duration(outcome->cpu_ms).text, ff_show_size(outcome->peak_rss_bytes).text);
}

static void say_retry(const struct ff_explanation *explanation, enum ff_class class)
{
    ff_say(explanation, "To try again: fitfleet retry %s --only %s%s\n",
           ff_job_words(explanation->job, explanation->arena), ff_class_name(class), explanation->where);
}

static void say_capsule(const struct ff_explanation *explanation, const struct ff_target_outcome *target)
{
    ff_say(explanation,
           "To refit it alone: fitfleet capsule %s '%s' -o FILE%s, then fitfleet-worker --replay FILE.\n",
           ff_job_words(explanation->job, explanation->arena), ff_one_line(explanation, target->name),
           explanation->where);
}

static void say_quarantined(const struct ff_explanation *explanation, const struct ff_target_outcome *target)
{
    const struct ff_outcome *outcome = &target->outcome;
    const char *allowed =
        explanation->spec ? ff_arena_printf(explanation->arena, "%u of %u allowed %s", outcome->attempts,
                                            explanation->spec->limits.attempts,
                                            explanation->spec->limits.attempts == 1 ? "try" : "tries")
        : outcome->attempts == 1 ? "its only try"
                                 : ff_arena_printf(explanation->arena, "all %u tries", outcome->attempts);
    const char *what = outcome->code == FF_CODE_CRASHED         ? "crashed in"
                       : outcome->code == FF_CODE_TIMEOUT       ? "ran out of time in"
                       : outcome->code == FF_CODE_OUT_OF_MEMORY ? "ran out of memory in"
                       : outcome->code == FF_CODE_BAD_OUTPUT    ? "returned no valid model in"
                                                                : "was lost with its worker in";
    ff_say(explanation, "The fit %s %s", what, allowed);
    if (outcome->signal)
        ff_say(explanation, " (signal %d, %s)", outcome->signal, strsignal(outcome->signal));
    if (*target->worker)
        ff_say(explanation, ", last on worker %s", target->worker);
    ff_say(explanation, ".\n");
}

static void say_what_happened(const struct ff_explanation *explanation,
                              const struct ff_target_outcome *target)
{
    const struct ff_outcome *outcome = &target->outcome;
    switch (outcome->class) {
    case FF_FITTED:
        ff_say(explanation, "A %s model of %s was fitted.\n", outcome->kind,
               ff_show_size(outcome->model_size).text);
        break;
    case FF_REUSED:
        ff_say(explanation,
               "Neither its rows nor its settings changed since its %s model was fitted, so that one is used "
               "again"
               " (--no-reuse fits it anew).\n",
               outcome->kind);
        break;
    case FF_FALLBACK:
        ff_say(explanation, "Its first kind failed, so the fallback was fitted: a %s model of %s.\n",
               outcome->kind, ff_show_size(outcome->model_size).text);
        break;
    case FF_SKIPPED:
        ff_say(explanation, "It was left out before any fit.\n");
        break;
    case FF_FAILED:
        ff_say(explanation,
               "The fit returned an error. It is not tried again, because it would return it again.\n");
        break;
    case FF_QUARANTINED:
        say_quarantined(explanation, target);
        break;
    case FF_CANCELLED_CLASS:
        ff_say(explanation, "The job ended before it was its turn.\n");
        break;
    case FF_OPEN:
    case FF_CLASS_COUNT:
        ff_say(explanation, "It has no outcome yet: it waits for a worker, or is being fitted.\n");
        break;
    }
}

static void explain_target(const struct ff_explanation *explanation, const struct ff_target_outcome *target)
{
    const struct ff_outcome *outcome = &target->outcome;
    bool is_all = target == explanation->outcomes->all;
    bool retryable =
        outcome->class == FF_SKIPPED || outcome->class == FF_FAILED || outcome->class == FF_QUARANTINED;
    ff_say(explanation, "%s in %s: %s", ff_one_line(explanation, target->name),
           ff_job_words(explanation->job, explanation->arena),
           outcome->class == FF_OPEN ? "waiting" : ff_class_name(outcome->class));
    if (outcome->code)
        ff_say(explanation, ", %s",
               ff_one_line(explanation, ff_error_words(outcome->code, outcome->errmsg, explanation->arena)));
    ff_say(explanation, "\nIt has %s row%s, %s step%s after preparation.\n", ff_show_count(target->rows).text,
           ff_plural(target->rows), ff_show_count(target->steps).text, ff_plural(target->steps));
    say_what_happened(explanation, target);
    if (outcome->class != FF_CANCELLED_CLASS)
        ff_say_why(explanation, outcome->code, is_all);
    say_fit(explanation, target);
    say_last_lines(explanation, outcome->log);
    if (target->from)
        ff_say(explanation, "It keeps its model of generation %llu of set %s.\n",
               (unsigned long long)target->from, explanation->job->set);
    if (outcome->class == FF_QUARANTINED)
        say_capsule(explanation, target);
    if (retryable && ff_job_state_is_final(explanation->job->state))
        say_retry(explanation, outcome->class);
}

/* ---- the job ---- */

struct tally {
    enum ff_code code;
    size_t count;
    const char *examples[EXAMPLES];
};

static int by_count(const void *left, const void *right)
{
    const struct tally *a = left, *b = right;
    return a->count != b->count ? (a->count < b->count) - (a->count > b->count) : (int)a->code - (int)b->code;
}

static size_t tally_errors(const struct ff_outcomes *outcomes, struct tally *tallies)
{
    size_t count = 0;
    for (size_t i = 0; i < outcomes->target_count; i++) {
        const struct ff_outcome *outcome = &outcomes->targets[i].outcome;
        size_t at = 0;
        if (outcome->code == FF_CODE_OK || outcome->code == FF_CODE_CANCELLED)
            continue;
        while (at < count && tallies[at].code != outcome->code)
            at++;
        if (at == count)
            tallies[count++] = (struct tally){.code = outcome->code};
        if (tallies[at].count < EXAMPLES)
            tallies[at].examples[tallies[at].count] = outcomes->targets[i].name;
        tallies[at].count++;
    }
    qsort(tallies, count, sizeof *tallies, by_count);
    return count;
}

static void say_errors(const struct ff_explanation *explanation)
{
    struct tally tallies[64] = {0}; /* more than there are codes */
    size_t count = tally_errors(explanation->outcomes, tallies);
    for (size_t i = 0; i < count && i < COMMONEST; i++) {
        const struct tally *tally = &tallies[i];
        ff_say(explanation, "\n%s: %s target%s, e.g. ", ff_code_name(tally->code),
               ff_show_count(tally->count).text, ff_plural(tally->count));
        for (size_t j = 0; j < EXAMPLES && j < tally->count; j++)
            ff_say(explanation, "%s%s", j ? ", " : "", ff_one_line(explanation, tally->examples[j]));
        ff_say(explanation, ".\n");
        ff_say_why(explanation, tally->code, false);
    }
}

static void say_state(const struct ff_explanation *explanation)
{
    const struct ff_job_record *job = explanation->job;
    static const char *const states[] = {
        [FF_JOB_QUEUED] = "It waits for the jobs before it.\n",
        [FF_JOB_LOADING] = "Its data files are being read and prepared.\n",
        [FF_JOB_RUNNING] =
            "Its targets are being fitted. If nothing moves: fitfleet workers shows who takes work.\n",
        [FF_JOB_PAUSED] = "It is paused, because the state cannot be written: fitfleet status says why. "
                          "Nothing is lost, and "
                          "it goes on by itself.\n",
        [FF_JOB_FAILED] = "It failed; nothing was published.\n",
        [FF_JOB_CANCELLED] = "It was cancelled; nothing was published, and what was committed can be read.\n",
    };
    if (job->generation)
        ff_say(explanation, "It published generation %llu of set %s.\n", (unsigned long long)job->generation,
               job->set);
    else if (states[job->state])
        ff_say(explanation, "%s", states[job->state]);
}

static void say_job_error(const struct ff_explanation *explanation)
{
    enum ff_code code = explanation->job->code;
    if (code == FF_CODE_BAD_DATA)
        ff_say(explanation,
               "Correct the data or the job file, or let bad rows be counted: data.on_bad_row: skip.\n");
    else if (code == FF_CODE_TOO_MANY_FAILED)
        ff_say(explanation, "More targets failed than limits.max_failed allows. The commonest errors:\n");
    else if (code == FF_CODE_NO_MODELS)
        ff_say(explanation,
               "No target got a model, so there was nothing to publish. The commonest errors:\n");
    else if (code == FF_CODE_STORE)
        ff_say(explanation, "The state directory could not be written: look for a full disk.\n");
}

static void explain_job(const struct ff_explanation *explanation)
{
    const struct ff_job_record *job = explanation->job;
    const struct ff_counts *counts = &explanation->outcomes->counts;
    ff_say(explanation, "%s: %s", ff_job_words(job, explanation->arena), ff_job_state_name(job->state));
    if (job->code)
        ff_say(explanation, ", %s",
               ff_one_line(explanation, ff_error_words(job->code, job->errmsg, explanation->arena)));
    const char *words = ff_counts_words(counts, explanation->arena);
    ff_say(explanation, "\n%s target%s%s%s.\n", ff_show_count(counts->requested).text,
           ff_plural(counts->requested), *words ? ": " : "", words);
    say_state(explanation);
    say_job_error(explanation);
    say_errors(explanation);
    if (explanation->outcomes->all_failed)
        ff_say(explanation, "\nThe model of all targets has none: fitfleet explain %s all%s\n",
               ff_job_words(job, explanation->arena), explanation->where);
}

/* ---- the job's text ---- */

/* The specification as the job was submitted with; NULL if it cannot be read. */
static struct ff_jobspec *read_spec(const struct ff_job_record *job, struct ff_arena *arena)
{
    struct ff_jobspec_source source = ff_job_source(job, NULL, arena);
    struct ff_jobspec *spec = NULL;
    struct ff_error ignored = {0};
    return ff_jobspec_parse(&source, &spec, &ignored) ? NULL : spec;
}

enum ff_status ff_document_explain(struct ff_store *store, const struct ff_job_record *job,
                                   const struct ff_explain_options *options, struct ff_buf *out,
                                   struct ff_error *err)
{
    const char *target = options->target, *where = options->where ? options->where : "";
    struct ff_arena arena = {0};
    struct ff_outcomes outcomes;
    const struct ff_target_outcome *only = NULL;
    int parts = *target ? FF_REPORT_LOGS : FF_REPORT_OUTCOMES;
    enum ff_status status = ff_outcomes_read(store, job, parts, &arena, &outcomes, err);
    if (!status && *target)
        status = ff_outcomes_find(&outcomes, job, target, &only, err);
    if (!status) {
        struct ff_jobspec *spec = read_spec(job, &arena);
        struct ff_explanation explanation = {job, &outcomes, spec, &arena, out, where};
        if (only)
            explain_target(&explanation, only);
        else
            explain_job(&explanation);
        if (options->live && *options->live)
            ff_say(&explanation, "%s\n", options->live);
        ff_jobspec_destroy(spec);
    }
    ff_arena_fini(&arena);
    return status;
}
