#include "coordinator/documents_parts.h"
#include "coordinator/show.h"

#include <string.h>

static void append_clean(const char *text, size_t size, struct ff_buf *out)
{
    ff_show_clean((struct ff_bytes){(const uint8_t *)text, size}, true, out);
}

/* Each line of text behind four blanks. */
static void append_indented(const char *text, struct ff_buf *out)
{
    while (*text) {
        size_t size = strcspn(text, "\n");
        if (size)
            ff_buf_append(out, "    ", 4);
        append_clean(text, size, out);
        ff_buf_append(out, "\n", 1);
        text += size + (text[size] == '\n');
    }
}

static void append_moment(const char *what, int64_t wall_ms, struct ff_buf *out)
{
    if (wall_ms)
        ff_buf_printf(out, "%s: %s\n", what, ff_show_time(wall_ms).text);
}

static void append_text(const char *what, const char *text, struct ff_buf *out)
{
    if (!*text)
        return;
    ff_buf_printf(out, "%s: ", what);
    append_clean(text, strlen(text), out);
    ff_buf_append(out, "\n", 1);
}

static void write_job(const struct ff_job_record *job, struct ff_arena *arena, struct ff_buf *out)
{
    ff_buf_printf(out, "job: %s\n", ff_job_words(job, arena));
    if (*job->set)
        ff_buf_printf(out, "set: %s\n", job->set);
    append_text("file", job->file, out);
    append_moment("submitted", job->submitted_ms, out);
    append_moment("started", job->started_ms, out);
    append_moment("finished", job->finished_ms, out);
    ff_buf_printf(out, "state: %s", ff_job_state_name(job->state));
    if (job->generation)
        ff_buf_printf(out, ", generation %llu", (unsigned long long)job->generation);
    if (job->code != FF_CODE_OK)
        ff_buf_printf(out, ", %s", ff_code_name(job->code));
    ff_buf_append(out, "\n", 1);
    append_text("error", job->errmsg, out);
    if (job->no_reuse)
        ff_buf_printf(out, "no-reuse: every target is fitted again\n");
    if (*job->overrides) {
        ff_buf_printf(out, "set by --set:\n");
        append_indented(job->overrides, out);
    }
    ff_buf_printf(out, "settings:\n");
    append_indented(job->yaml, out);
}

static bool write_target(const struct ff_target_outcome *target, struct ff_buf *out)
{
    const struct ff_outcome *outcome = &target->outcome;
    if (outcome->log.size == 0)
        return false;
    ff_buf_append(out, "\n== ", 4);
    ff_show_clean((struct ff_bytes){(const uint8_t *)target->name, strlen(target->name)}, false, out);
    ff_buf_printf(out, " (%s", ff_class_name(outcome->class));
    if (*target->worker)
        ff_buf_printf(out, ", %s, pid %u", target->worker, outcome->pid);
    ff_buf_append(out, ")\n", 2);
    ff_show_clean(outcome->log, true, out);
    if (outcome->log.data[outcome->log.size - 1] != '\n')
        ff_buf_append(out, "\n", 1);
    return true;
}

static void write_targets(const struct ff_outcomes *outcomes, const struct ff_target_outcome *only,
                          struct ff_buf *out)
{
    bool printed = false;
    if (only)
        printed = write_target(only, out);
    for (size_t i = 0; !only && i < outcomes->target_count; i++)
        printed = write_target(&outcomes->targets[i], out) || printed;
    if (!only && outcomes->all)
        printed = write_target(outcomes->all, out) || printed;
    if (!printed)
        ff_buf_printf(out, "\n%s\n", only ? "The target printed nothing." : "No target printed anything.");
}

enum ff_status ff_document_logs(struct ff_store *store, const struct ff_job_record *job, const char *target,
                                struct ff_buf *out, struct ff_error *err)
{
    struct ff_arena arena = {0};
    struct ff_outcomes outcomes;
    const struct ff_target_outcome *only = NULL;
    enum ff_status status = ff_outcomes_read(store, job, FF_REPORT_LOGS, &arena, &outcomes, err);
    if (!status && *target)
        status = ff_outcomes_find(&outcomes, job, target, &only, err);
    if (!status) {
        write_job(job, &arena, out);
        write_targets(&outcomes, only, out);
    }
    ff_arena_fini(&arena);
    return status;
}
