/* A state directory with one job in it, and documents as text. */
#ifndef FF_TESTS_COORDINATOR_STORED_H
#define FF_TESTS_COORDINATOR_STORED_H

#include "common/model.h"
#include "coordinator/documents.h"
#include "files.h"

static struct ff_store *store;
static struct ff_job_record job;
static struct ff_buf shown;
static struct ff_error failure;

#define STORED_TIMES                                                                                         \
    "{\"load\":12,\"prepare\":3,\"plan\":1,\"wire\":40,\"commit\":4,\"total\":60,\"prepare_sum\":3,\"fit_"   \
    "sum\":30}"
#define FITTED_SUMMARY                                                                                       \
    "{\"metrics\":{\"cpu\":{\"season\":24,\"n\":48,\"missing\":0,\"scale\":0.5,\"constant\":false}}}"

static inline void must(enum ff_status status)
{
    cr_assert_eq(status, FF_OK, "%s", failure.text);
}

/* The job is demo-1, running since 2024-01-02T03:04:05.678Z. */
static inline void open_state(void)
{
    make_folder();
    must(ff_store_open(path_in_folder("state"), &store, &failure));
    job = (struct ff_job_record){.name = "demo",
                                 .set = "demo",
                                 .request_id = "",
                                 .yaml = "data:\n  files: [\"x.csv\"]\n  target: host\n",
                                 .file = "demo.yaml",
                                 .base_dir = "/data",
                                 .overrides = "",
                                 .override_dir = "/",
                                 .data_files = "",
                                 .retry_classes = "",
                                 .state = FF_JOB_RUNNING,
                                 .errmsg = "",
                                 .submitted_ms = 1704164645000,
                                 .started_ms = 1704164645678,
                                 .times = ""};
    must(ff_store_put_job(store, &job, &failure));
}

static inline void close_state(void)
{
    ff_store_close(store);
    ff_buf_fini(&shown);
    remove_folder();
}

static inline void put_targets(const struct ff_stored_target *targets, size_t count, bool has_all)
{
    struct ff_stored_targets stored = {.targets = targets,
                                       .target_count = count,
                                       .rows_skipped = 2,
                                       .has_all = has_all,
                                       .all_rows = has_all ? 50 : 0,
                                       .all_steps = has_all ? 50 : 0};
    must(ff_store_put_targets(store, job.id, &stored, &failure));
}

/* Another job, of the same set, with the targets named. */
static inline void put_next_job(const struct ff_stored_target *targets, size_t count)
{
    job.id = 0;
    must(ff_store_put_job(store, &job, &failure));
    put_targets(targets, count, false);
}

static inline void report(const char *worker, struct ff_outcome *outcomes, size_t count)
{
    struct ff_stored_report stored = {
        .worker = worker, .profile = *worker ? "p1" : "", .outcomes = outcomes, .outcome_count = count};
    must(ff_store_add_report(store, job.id, &stored, &failure));
}

/* An encoded model of one metric with a season and its levels. */
static inline struct ff_bytes encoded_model(void)
{
    static const double level[] = {1.5, 2};
    static const struct ff_model_param params[] = {
        {.name = "season", .type = FF_VALUE_INTEGER, .in_summary = true, .integer = 2},
        {.name = "level", .type = FF_VALUE_NUMBERS, .numbers = level, .count = 2}};
    static const struct ff_model_part part = {"cpu", FF_CODE_OK, "", params, 2};
    static const struct ff_model model = {"seasonal", 1, &part, 1};
    static uint8_t bytes[256];
    static size_t size;
    struct ff_buf out = {0};
    if (size) /* another thread may be reading them */
        return (struct ff_bytes){bytes, size};
    ff_model_encode(&model, &out);
    cr_assert_leq(out.size, sizeof bytes);
    memcpy(bytes, out.data, out.size);
    size = out.size;
    ff_buf_fini(&out);
    return (struct ff_bytes){bytes, size};
}

static inline struct ff_outcome fitted(uint32_t target)
{
    struct ff_bytes model = encoded_model();
    return (struct ff_outcome){.target = target,
                               .class = FF_FITTED,
                               .errmsg = "",
                               .kind = "seasonal",
                               .summary = FITTED_SUMMARY,
                               .fit_ms = 1.25,
                               .cpu_ms = 1,
                               .peak_rss_bytes = 9000000,
                               .pid = 4711,
                               .attempts = 1,
                               .model = model,
                               .model_size = model.size};
}

static inline struct ff_outcome without_model(uint32_t target, enum ff_class class, enum ff_code code,
                                              const char *text)
{
    return (struct ff_outcome){
        .target = target, .class = class, .code = code, .errmsg = text, .kind = "", .summary = ""};
}

static inline void finish(enum ff_job_state state, enum ff_code code, const char *text)
{
    job.state = state;
    job.code = code;
    job.errmsg = text;
    job.finished_ms = job.started_ms + 3200;
    job.times = STORED_TIMES;
}

static inline const char *text_of(enum ff_status status)
{
    must(status);
    return ff_buf_text(&shown);
}

static inline void assert_shows(const char *text, const char *part)
{
    cr_assert_not_null(strstr(text, part), "'%s' is not in:\n%s", part, text);
}

#endif
