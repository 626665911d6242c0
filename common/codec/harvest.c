#include "common/harvest.h"
#include "common/codec/messages.h"

#include "harvest.pb-c.h"

/* Messages packed behind each other are one message: their lists are put together. */

void ff_harvest_put_targets(const struct ff_stored_targets *targets, struct ff_buf *page)
{
    Fitfleet__Harvest message = FITFLEET__HARVEST__INIT;
    struct ff_buf bytes = {0};
    ff_encode_stored_targets(targets, &bytes);
    message.targets = ff_pb_bytes(bytes.data, bytes.size);
    ff_pb_pack(&message.base, page);
    ff_buf_fini(&bytes);
}

void ff_harvest_put_report(const struct ff_stored_report *report, struct ff_buf *page)
{
    Fitfleet__Harvest message = FITFLEET__HARVEST__INIT;
    Fitfleet__HarvestedReport entry = FITFLEET__HARVESTED_REPORT__INIT, *list[] = {&entry};
    struct ff_buf bytes = {0}, models = {0}, logs = {0};
    ff_encode_stored_report(report, &bytes, &models, &logs);
    entry.report = ff_pb_bytes(bytes.data, bytes.size);
    entry.models = ff_pb_bytes(models.data, models.size);
    message.reports = list;
    message.n_reports = 1;
    ff_pb_pack(&message.base, page);
    ff_buf_fini(&bytes);
    ff_buf_fini(&models);
    ff_buf_fini(&logs);
}

enum ff_status ff_harvest_decode(struct ff_bytes page, struct ff_arena *arena, struct ff_harvest *out,
                                 struct ff_error *err)
{
    const Fitfleet__Harvest *in = ff_pb_unpack(&fitfleet__harvest__descriptor, page, arena, err);
    if (!in)
        return FF_INVALID_ARGUMENT;
    struct ff_stored_report *reports = ff_arena_alloc(arena, (in->n_reports + 1) * sizeof *reports);
    *out = (struct ff_harvest){
        .targets = {in->targets.data, in->targets.len}, .reports = reports, .report_count = in->n_reports};
    for (size_t i = 0; i < in->n_reports; i++) {
        const Fitfleet__HarvestedReport *entry = in->reports[i];
        if (ff_decode_stored_report((struct ff_bytes){entry->report.data, entry->report.len},
                                    (struct ff_bytes){entry->models.data, entry->models.len},
                                    (struct ff_bytes){0}, arena, &reports[i], err))
            return FF_INVALID_ARGUMENT;
    }
    return FF_OK;
}
