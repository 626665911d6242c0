#include "common/harvest.h"
#include "coordinator/documents.h"

struct harvest {
    struct ff_buf *page;
    size_t start;
    uint64_t cursor;
};

static enum ff_status take(void *context, uint64_t row, const struct ff_stored_report *report)
{
    struct harvest *harvest = context;
    if (harvest->page->size - harvest->start >= FF_HARVEST_PAGE_BYTES)
        return FF_RESOURCE_EXHAUSTED; /* the next page's */
    ff_harvest_put_report(report, harvest->page);
    harvest->cursor = row;
    return FF_OK;
}

enum ff_status ff_document_harvest(struct ff_store *store, const struct ff_job_record *job, uint64_t *cursor,
                                   struct ff_buf *out, struct ff_error *err)
{
    struct ff_arena arena = {0};
    struct ff_stored_targets targets;
    struct harvest harvest = {out, out->size, *cursor};
    enum ff_status status = FF_OK;
    if (*job->set)
        return ff_error_set(err, FF_FAILED_PRECONDITION, "%s-%llu is no errand: its models are in set '%s'",
                            job->name, (unsigned long long)job->number, job->set);
    if (!*cursor && !(status = ff_store_targets(store, job->id, &arena, &targets, err)))
        ff_harvest_put_targets(&targets, out);
    if (!status)
        status = ff_store_reports_after(store, job->id, *cursor, FF_REPORT_MODELS, take, &harvest, err);
    if (status == FF_RESOURCE_EXHAUSTED)
        status = FF_OK;
    *cursor = harvest.cursor;
    ff_arena_fini(&arena);
    return status;
}
