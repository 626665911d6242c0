/* Every message that a peer sends: the first byte chooses which, the rest is its body and blocks. */
#include "common/codec/envelope.h"
#include "common/harvest.h"
#include "common/model.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define DECODE(name, type)                                                                                   \
    do {                                                                                                     \
        type out;                                                                                            \
        (void)!ff_decode_##name(body, &arena, &out, &err);                                                   \
    } while (0)

static void touch(const struct ff_outcome *outcomes, size_t count)
{
    static volatile uint8_t sink;
    for (size_t i = 0; i < count; i++)
        for (size_t at = 0; at < outcomes[i].model.size; at++)
            sink ^= outcomes[i].model.data[at];
}

static void decode(uint8_t which, struct ff_bytes body, struct ff_bytes blocks)
{
    struct ff_arena arena = {0};
    struct ff_error err = {0};
    struct ff_chunk *chunk;
    struct ff_report report;
    struct ff_model model;
    struct ff_harvest harvest;
    struct ff_buf json = {0};
    switch (which % 18) {
    case 0:
        DECODE(join_request, struct ff_join_request);
        break;
    case 1:
        DECODE(join_reply, struct ff_join_reply);
        break;
    case 2:
        DECODE(lease_request, struct ff_lease_request);
        break;
    case 3:
        (void)!ff_decode_lease_reply(body, blocks.size, &arena, &chunk, &err);
        break;
    case 4:
        if (ff_decode_report(body, blocks, &arena, &report, &err) == FF_OK)
            touch(report.outcomes, report.outcome_count);
        break;
    case 5:
        DECODE(beat_request, struct ff_beat_request);
        break;
    case 6:
        DECODE(beat_reply, struct ff_beat_reply);
        break;
    case 7:
        DECODE(fetch_request, struct ff_fetch_request);
        break;
    case 8:
        DECODE(put_request, struct ff_put_request);
        break;
    case 9:
        DECODE(submit_request, struct ff_submit_request);
        break;
    case 10:
        DECODE(job_status, struct ff_job_status);
        break;
    case 11:
        DECODE(read_request, struct ff_read_request);
        break;
    case 12:
        DECODE(retry_request, struct ff_retry_request);
        break;
    case 13:
        DECODE(stored_targets, struct ff_stored_targets);
        break;
    case 14:
        DECODE(stored_generation, struct ff_stored_generation);
        break;
    case 15:
        if (ff_model_decode(body, &arena, &model, &err) == FF_OK)
            ff_model_json(&model, true, &json);
        break;
    case 16:
        DECODE(activate_request, struct ff_activate_request);
        break;
    case 17:
        if (ff_harvest_decode(body, &arena, &harvest, &err) == FF_OK)
            for (size_t i = 0; i < harvest.report_count; i++)
                touch(harvest.reports[i].outcomes, harvest.reports[i].outcome_count);
        break;
    }
    ff_buf_fini(&json);
    ff_arena_fini(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2)
        return 0;
    struct ff_bytes whole = {data + 1, size - 1};
    struct ff_arena arena = {.limit = 64 << 10};
    struct ff_envelope envelope;
    struct ff_bytes body, blocks;
    struct ff_error err = {0};
    if (ff_envelope_decode_request(whole, &arena, &envelope, &body, &blocks, &err) == FF_OK)
        decode(data[0], body, blocks);
    size_t cut = data[1] < size - 2 ? data[1] : size - 2;
    decode(data[0], (struct ff_bytes){data + 2, cut}, (struct ff_bytes){data + 2 + cut, size - 2 - cut});
    ff_arena_fini(&arena);
    return 0;
}
