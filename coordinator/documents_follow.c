#include "coordinator/documents_parts.h"

struct follow {
    const struct ff_stored_targets *targets;
    uint64_t cursor;
    struct ff_buf *out;
};

static void write_line(const struct ff_stored_report *report, const struct ff_outcome *outcome,
                       const struct ff_stored_targets *targets, struct ff_buf *out)
{
    bool is_all = outcome->target >= targets->target_count;
    const struct ff_stored_target *target = is_all ? NULL : &targets->targets[outcome->target];
    struct ff_target_outcome entry = {.name = is_all ? "all" : target->name,
                                      .rows = is_all ? targets->all_rows : target->rows,
                                      .steps = is_all ? targets->all_steps : target->steps,
                                      .outcome = *outcome,
                                      .worker = report->worker,
                                      .profile = report->profile};
    struct ff_json json = ff_json_start(out);
    ff_json_object_begin(&json);
    ff_json_put_string(&json, "target", entry.name);
    ff_put_entry(&json, &entry);
    ff_json_object_end(&json);
    ff_buf_append(out, "\n", 1);
}

static enum ff_status follow_report(void *context, uint64_t row, const struct ff_stored_report *report)
{
    struct follow *follow = context;
    follow->cursor = row;
    for (size_t i = 0; i < report->outcome_count; i++)
        if (report->outcomes[i].target <= follow->targets->target_count)
            write_line(report, &report->outcomes[i], follow->targets, follow->out);
    return FF_OK;
}

enum ff_status ff_document_follow(struct ff_store *store, const struct ff_job_record *job, uint64_t *cursor,
                                  struct ff_buf *out, struct ff_error *err)
{
    struct ff_arena arena = {0};
    struct ff_stored_targets targets;
    struct follow follow = {&targets, *cursor, out};
    size_t before = out->size;
    enum ff_status status = ff_store_targets(store, job->id, &arena, &targets, err);
    if (!status)
        status =
            ff_store_reports_after(store, job->id, *cursor, FF_REPORT_OUTCOMES, follow_report, &follow, err);
    if (status)
        out->size = before;
    else
        *cursor = follow.cursor;
    ff_arena_fini(&arena);
    return status;
}
