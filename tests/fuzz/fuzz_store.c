/* A state whose blobs are anything: whoever reads them says that they are damaged, or shows what they say.
 *
 * The input is four parts with their lengths before them (two bytes, little-endian): the target list of a
 * job, the outcomes of its report, the models of that, and a generation. They replace the blobs of a state
 * in memory; then everything that reads a state is asked for it. */
#include "coordinator/documents.h"
#include "coordinator/store_sqlite.h"
#include "support/forgetful_disk.h"

#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct ff_store *store;
static struct ff_job_record job;
static struct ff_arena arena; /* its strings */

static void make_state(void)
{
    char dir[] = "/tmp/ff-fuzz-XXXXXX", lock[64]; /* of the lock; the database is in memory */
    struct ff_error err = {0};
    struct ff_stored_report report = {.worker = "", .profile = ""};
    disk_install();
    job =
        (struct ff_job_record){.name = "demo", .set = "demo", .yaml = "", .state = FF_JOB_DONE, .times = ""};
    if (!mkdtemp(dir) || ff_store_open(dir, &store, &err) || ff_store_put_job(store, &job, &err) ||
        ff_store_put_targets(store, job.id, &(struct ff_stored_targets){0}, &err) ||
        ff_store_add_report(store, job.id, &report, &err) || ff_store_publish(store, &job, 1000, &err) ||
        ff_store_find_job(store, "demo", &arena, &job, &err))
        abort();
    snprintf(lock, sizeof lock, "%s/lock", dir);
    unlink(lock);
    rmdir(dir);
}

static struct ff_bytes take_part(const uint8_t **at, const uint8_t *end)
{
    size_t left = (size_t)(end - *at);
    size_t size = left < 2 ? 0 : (size_t)((*at)[0] | (*at)[1] << 8);
    if (left < 2)
        return (struct ff_bytes){*at, 0};
    size = size < left - 2 ? size : left - 2;
    struct ff_bytes part = {*at + 2, size};
    *at += 2 + size;
    return part;
}

static void replace(const char *sql, struct ff_bytes blob)
{
    sqlite3_stmt *statement;
    if (sqlite3_prepare_v2(store->db, sql, -1, &statement, NULL) != SQLITE_OK)
        abort();
    sqlite3_bind_blob64(statement, 1, blob.data, blob.size, SQLITE_STATIC);
    if (sqlite3_step(statement) != SQLITE_DONE)
        abort();
    sqlite3_finalize(statement);
}

static void ignore_finding(void *context, const char *text)
{
    *(size_t *)context += strlen(text);
}

static void read_everything(void)
{
    static const char *const formats[] = {"json", "csv", "table"};
    struct ff_buf out = {0};
    struct ff_error err = {0};
    struct ff_store_check sum;
    uint64_t cursor = 0;
    size_t length = 0;
    for (size_t i = 0; i < 3; i++) {
        struct ff_results_options results = {.format = formats[i], .full = true};
        struct ff_diff_options diff = {"demo", 1, 1, formats[i], true};
        (void)!ff_document_results(store, &job, &results, &out, &err);
        (void)!ff_document_diff(store, &diff, &out, &err);
    }
    (void)!ff_document_follow(store, &job, &cursor, &out, &err);
    (void)!ff_document_logs(store, &job, "", &out, &err);
    (void)!ff_document_explain(store, &job, &(struct ff_explain_options){.target = ""}, &out, &err);
    (void)!ff_document_export(store, "demo", "", &out, &err);
    (void)!ff_store_check(store, ignore_finding, &length, &sum, &err);
    ff_buf_fini(&out);
}

/* As the next job of the set, and a rollback, would; nothing of it is kept. */
static void write_on_top(void)
{
    struct ff_job_record next = job;
    struct ff_activate_reply reply;
    struct ff_error err = {0};
    if (ff_store_begin(store, &err))
        abort();
    next.keep = 1;
    if (ff_store_publish(store, &next, 2000, &err) == FF_OK)
        (void)!ff_store_activate(store, &(struct ff_activate_request){"demo", 0, "*"}, 3000, &reply, &err);
    ff_store_rollback(store);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *at = data, *end = data + size;
    if (!store)
        make_state();
    replace("UPDATE targets SET list = ?", take_part(&at, end));
    replace("UPDATE reports SET outcomes = ?", take_part(&at, end));
    replace("UPDATE reports SET models = ?", take_part(&at, end));
    replace("UPDATE generations SET models = ?", take_part(&at, end));
    read_everything();
    write_on_top();
    return 0;
}
