#include "coordinator/store.h"

#include "stored.h"

#include <sys/wait.h>

static struct ff_arena arena;

static void open_one(void)
{
    open_state();
}

static void close_one(void)
{
    ff_arena_fini(&arena);
    close_state();
}

TestSuite(store, .init = open_one, .fini = close_one);

static const char *state_dir(void)
{
    return path_in_folder("state");
}

static void reopen(void)
{
    ff_store_close(store);
    store = NULL;
    must(ff_store_open(state_dir(), &store, &failure));
}

static struct ff_job_record found(const char *reference)
{
    struct ff_job_record record;
    must(ff_store_find_job(store, reference, &arena, &record, &failure));
    return record;
}

/* ---- opening ---- */

Test(store, is_made_with_its_directory_for_its_owner_only)
{
    struct stat info;
    cr_assert_eq(stat(state_dir(), &info), 0);
    cr_assert_eq(info.st_mode & 0777, 0700);
    cr_assert_eq(ff_store_epoch(store), 1);
}

Test(store, the_epoch_rises_with_each_opening)
{
    reopen();
    cr_assert_eq(ff_store_epoch(store), 2);
    reopen();
    cr_assert_eq(ff_store_epoch(store), 3);
}

Test(store, a_second_writer_is_refused)
{
    struct ff_store *second = NULL;
    cr_assert_eq(ff_store_open(state_dir(), &second, &failure), FF_FAILED_PRECONDITION);
    cr_assert_null(second);
    assert_shows(failure.text, "in use");
    assert_shows(failure.text, state_dir());
    reopen();
}

static int open_in_another_process(void)
{
    struct ff_store *second = NULL;
    pid_t child = fork();
    if (child == 0)
        _exit(ff_store_open(state_dir(), &second, NULL) == FF_FAILED_PRECONDITION ? 0 : 1);
    int status;
    waitpid(child, &status, 0);
    return status;
}

Test(store, a_second_writer_in_another_process_is_refused)
{
    cr_assert_eq(open_in_another_process(), 0);
}

/* The four bytes of PRAGMA user_version in the header of a database file. */
static void write_at(long offset, const void *bytes, size_t size)
{
    FILE *file = fopen(path_in_folder("state/fitfleet.db"), "r+b");
    fseek(file, offset, SEEK_SET);
    cr_assert_eq(fwrite(bytes, 1, size, file), size);
    fclose(file);
}

Test(store, one_written_by_a_newer_program_is_refused_by_writers_and_readers)
{
    ff_store_close(store);
    store = NULL;
    write_at(60, "\0\0\0\x63", 4);
    cr_assert_eq(ff_store_open(state_dir(), &store, &failure), FF_FAILED_PRECONDITION);
    assert_shows(failure.text, "newer fitfleet (schema 99");
    cr_assert_eq(ff_store_open_reader(state_dir(), &store, &failure), FF_FAILED_PRECONDITION);
    cr_assert_null(store);
}

Test(store, one_that_is_no_database_is_named)
{
    ff_store_close(store);
    store = NULL;
    write_at(0, "this is not SQLite format 3, is it?", 35);
    cr_assert_eq(ff_store_open(state_dir(), &store, &failure), FF_DATA_LOSS, "%s", failure.text);
    assert_shows(failure.text, "fitfleet.db: the state is damaged");
    cr_assert_null(store);
}

Test(store, damaged_pages_are_reported_as_damage)
{
    static const char zeros[4096 * 30];
    struct ff_job_record *jobs;
    size_t count;
    ff_store_close(store);
    store = NULL;
    write_at(4096, zeros, sizeof zeros);
    enum ff_status status = ff_store_open(state_dir(), &store, &failure);
    if (!status)
        status = ff_store_jobs(store, &arena, &jobs, &count, &failure);
    cr_assert_eq(status, FF_DATA_LOSS, "%s", failure.text);
    assert_shows(failure.text, "fitfleet.db");
}

Test(store, a_directory_that_cannot_be_made_is_named)
{
    struct ff_store *other = NULL;
    write_text("file", "");
    cr_assert_eq(ff_store_open(path_in_folder("file/state"), &other, &failure), FF_PERMISSION_DENIED);
    assert_shows(failure.text, "file/state");
    cr_assert_eq(ff_store_open("/proc/nothing/state", &other, &failure), FF_PERMISSION_DENIED);
    cr_assert_null(other);
}

Test(store, a_reader_of_nothing_says_what_to_give)
{
    struct ff_store *reader = NULL;
    cr_assert_eq(ff_store_open_reader(path_in_folder("nowhere"), &reader, &failure), FF_NOT_FOUND);
    assert_shows(failure.text, "--state");
    cr_assert_null(reader);
}

/* ---- jobs ---- */

Test(store, jobs_come_back_as_written)
{
    struct ff_job_record in = {.name = "nightly",
                               .set = "prod",
                               .request_id = "r-1",
                               .yaml = "name: nightly\n",
                               .file = "job.yaml",
                               .base_dir = "/jobs",
                               .overrides = "a=1\nb=2\n",
                               .override_dir = "/here",
                               .data_files = "1 2 /d.csv\n",
                               .no_reuse = true,
                               .retry_of = 1,
                               .retry_classes = "failed,skipped",
                               .state = FF_JOB_FAILED,
                               .code = FF_CODE_TOO_MANY_FAILED,
                               .errmsg = "too many",
                               .submitted_ms = 1,
                               .started_ms = 2,
                               .finished_ms = 3,
                               .generation = 4,
                               .all_failed = true,
                               .counts = {.requested = 9, .of_class = {[FF_FAILED] = 9}},
                               .times = "{}"};
    must(ff_store_put_job(store, &in, &failure));
    cr_assert(in.id == job.id + 1 && in.number == 1);
    reopen();
    struct ff_job_record out = found("nightly-1");
    cr_assert(out.id == in.id && out.number == 1 && out.no_reuse && out.retry_of == 1 && out.all_failed);
    cr_assert_str_eq(out.name, "nightly");
    cr_assert_str_eq(out.set, "prod");
    cr_assert_str_eq(out.request_id, "r-1");
    cr_assert_str_eq(out.yaml, "name: nightly\n");
    cr_assert_str_eq(out.file, "job.yaml");
    cr_assert_str_eq(out.base_dir, "/jobs");
    cr_assert_str_eq(out.overrides, "a=1\nb=2\n");
    cr_assert_str_eq(out.override_dir, "/here");
    cr_assert_str_eq(out.data_files, "1 2 /d.csv\n");
    cr_assert_str_eq(out.retry_classes, "failed,skipped");
    cr_assert_str_eq(out.errmsg, "too many");
    cr_assert_str_eq(out.times, "{}");
    cr_assert(out.state == FF_JOB_FAILED && out.code == FF_CODE_TOO_MANY_FAILED && out.generation == 4);
    cr_assert(out.submitted_ms == 1 && out.started_ms == 2 && out.finished_ms == 3);
    cr_assert(out.counts.requested == 9 && out.counts.of_class[FF_FAILED] == 9);
}

Test(store, a_job_written_again_is_updated)
{
    uint64_t id = job.id;
    job.state = FF_JOB_DONE;
    must(ff_store_put_job(store, &job, &failure));
    cr_assert_eq(job.id, id);
    cr_assert_eq(found("demo-1").state, FF_JOB_DONE);
}

Test(store, ids_of_another_state_do_not_begin_where_these_did)
{
    uint64_t id = job.id;
    cr_assert_gt(id, 1);
    ff_store_close(store);
    cr_assert_eq(unlink(path_in_folder("state/fitfleet.db")), 0);
    must(ff_store_open(state_dir(), &store, &failure));
    job.id = 0;
    must(ff_store_put_job(store, &job, &failure));
    cr_assert_neq(job.id, id);
}

Test(store, numbers_count_by_name)
{
    put_next_job(NULL, 0);
    cr_assert_eq(job.number, 2);
    job.name = "other";
    put_next_job(NULL, 0);
    cr_assert_eq(job.number, 1);
}

Test(store, jobs_are_found_by_id_by_name_and_as_the_newest)
{
    struct ff_job_record none;
    uint64_t first = job.id;
    put_next_job(NULL, 0); /* demo-2 */
    job.name = "demo-1";
    put_next_job(NULL, 0); /* demo-1-1 */
    cr_assert_eq(found("demo-1").id, first, "an id goes before a name");
    cr_assert_eq(found("demo").id, first + 1);
    cr_assert_eq(found("demo-1-1").id, first + 2);
    cr_assert_eq(found("").id, first + 2);
    cr_assert_eq(ff_store_find_job(store, "demo-9", &arena, &none, &failure), FF_NOT_FOUND);
    assert_shows(failure.text, "no job 'demo-9'");
    must(ff_store_job_by_id(store, first + 1, &arena, &none, &failure));
    cr_assert_eq(none.number, 2);
    cr_assert_eq(ff_store_job_by_id(store, first + 9, &arena, &none, &failure), FF_NOT_FOUND);
}

Test(store, jobs_are_listed_oldest_first)
{
    struct ff_job_record *jobs;
    size_t count;
    uint64_t first = job.id;
    for (int i = 0; i < 9; i++)
        put_next_job(NULL, 0);
    must(ff_store_jobs(store, &arena, &jobs, &count, &failure));
    cr_assert_eq(count, 10);
    for (size_t i = 0; i < count; i++)
        cr_assert_eq(jobs[i].id, first + i);
}

Test(store, what_is_rolled_back_was_never_there)
{
    struct ff_job_record none;
    must(ff_store_begin(store, &failure));
    job.id = 0;
    must(ff_store_put_job(store, &job, &failure));
    ff_store_rollback(store);
    cr_assert_eq(ff_store_find_job(store, "demo-2", &arena, &none, &failure), FF_NOT_FOUND);
    put_next_job(NULL, 0);
    cr_assert_eq(job.number, 2);
}

/* ---- targets and reports ---- */

static const struct ff_stored_target abc[] = {{"a", 10, 11}, {"b", 20, 21}, {"c", 30, 31}};

Test(store, targets_come_back_and_are_replaced_as_a_whole)
{
    struct ff_stored_targets out;
    must(ff_store_targets(store, job.id, &arena, &out, &failure));
    cr_assert_eq(out.target_count, 0);
    put_targets(abc, 3, true);
    put_targets(abc, 2, true);
    must(ff_store_targets(store, job.id, &arena, &out, &failure));
    cr_assert(out.target_count == 2 && out.has_all && out.all_rows == 50 && out.rows_skipped == 2);
    cr_assert_str_eq(out.targets[1].name, "b");
    cr_assert_eq(out.targets[1].rows, 20);
}

struct seen {
    uint64_t rows[10];
    uint32_t first_target[10];
    size_t model_bytes[10];
    size_t log_bytes[10];
    size_t count;
    size_t stop_at;
};

static enum ff_status see(void *context, uint64_t row, const struct ff_stored_report *stored)
{
    struct seen *seen = context;
    seen->rows[seen->count] = row;
    seen->first_target[seen->count] = stored->outcomes[0].target;
    seen->model_bytes[seen->count] = stored->outcomes[0].model.size;
    seen->log_bytes[seen->count++] = stored->outcomes[0].log.size;
    return seen->count == seen->stop_at ? FF_CANCELLED : FF_OK;
}

static void report_with_log(uint32_t target)
{
    struct ff_outcome outcome = fitted(target);
    outcome.log = (struct ff_bytes){(const uint8_t *)"log", 3};
    report("host-1", &outcome, 1);
}

Test(store, reports_come_in_order_of_their_commit_with_the_parts_asked_for)
{
    size_t model = encoded_model().size;
    for (uint32_t i = 0; i < 3; i++)
        report_with_log(2 - i);
    for (int parts = 0; parts < 4; parts++) {
        struct seen seen = {0};
        must(ff_store_reports(store, job.id, parts, see, &seen, &failure));
        cr_assert_eq(seen.count, 3);
        for (uint32_t i = 0; i < 3; i++) {
            cr_assert(seen.first_target[i] == 2 - i && seen.rows[i] == i + 1);
            cr_assert_eq(seen.model_bytes[i], parts & FF_REPORT_MODELS ? model : 0);
            cr_assert_eq(seen.log_bytes[i], parts & FF_REPORT_LOGS ? 3 : 0);
        }
    }
}

Test(store, reports_behind_a_row_leave_the_ones_before_unread)
{
    struct seen seen = {0};
    for (uint32_t i = 0; i < 3; i++)
        report_with_log(i);
    must(ff_store_reports_after(store, job.id, 1, 0, see, &seen, &failure));
    cr_assert(seen.count == 2 && seen.rows[0] == 2 && seen.rows[1] == 3);
    must(ff_store_reports_after(store, job.id, 3, 0, see, &seen, &failure));
    cr_assert_eq(seen.count, 2);
}

Test(store, a_visitor_may_stop)
{
    struct seen seen = {.stop_at = 2};
    for (uint32_t i = 0; i < 3; i++)
        report_with_log(i);
    cr_assert_eq(ff_store_reports(store, job.id, 0, see, &seen, &failure), FF_CANCELLED);
    cr_assert_eq(seen.count, 2);
}

Test(store, a_report_is_read_by_its_row)
{
    struct ff_stored_report out;
    report_with_log(0);
    report_with_log(1);
    must(ff_store_report(store, 2, FF_REPORT_MODELS | FF_REPORT_LOGS, &arena, &out, &failure));
    cr_assert_str_eq(out.worker, "host-1");
    cr_assert_str_eq(out.profile, "p1");
    struct ff_bytes model = encoded_model();
    cr_assert(out.outcome_count == 1 && out.outcomes[0].target == 1);
    cr_assert(out.outcomes[0].model.size == model.size &&
              memcmp(out.outcomes[0].model.data, model.data, model.size) == 0);
    cr_assert_eq(memcmp(out.outcomes[0].log.data, "log", 3), 0);
    cr_assert_eq(ff_store_report(store, 3, 0, &arena, &out, &failure), FF_DATA_LOSS);
    assert_shows(failure.text, "report 3 is missing");
}

Test(store, reports_of_other_jobs_are_not_seen)
{
    struct seen seen = {0};
    report_with_log(0);
    put_next_job(abc, 3);
    report_with_log(1);
    must(ff_store_reports(store, job.id, 0, see, &seen, &failure));
    cr_assert(seen.count == 1 && seen.first_target[0] == 1);
}

/* ---- readers ---- */

Test(store, a_reader_sees_commits_of_a_live_writer_and_nothing_before_them)
{
    struct ff_store *reader;
    struct ff_job_record record;
    must(ff_store_open_reader(state_dir(), &reader, &failure));
    must(ff_store_begin(store, &failure));
    job.id = 0;
    must(ff_store_put_job(store, &job, &failure));
    cr_assert_eq(ff_store_find_job(reader, "demo-2", &arena, &record, &failure), FF_NOT_FOUND);
    must(ff_store_commit(store, &failure));
    must(ff_store_find_job(reader, "demo-2", &arena, &record, &failure));
    cr_assert_eq(record.id, job.id);
    ff_store_close(reader);
}

Test(store, a_reader_cannot_write)
{
    struct ff_store *reader;
    must(ff_store_open_reader(state_dir(), &reader, &failure));
    job.id = 0;
    cr_assert_neq(ff_store_put_job(reader, &job, &failure), FF_OK);
    ff_store_close(reader);
    cr_assert_eq(ff_store_epoch(store), 1);
}

/* ---- costs ---- */

Test(store, costs_add_up_and_fade)
{
    struct ff_cost *costs;
    size_t count;
    must(ff_store_add_cost(store, &(struct ff_cost){"seasonal", 1000, 10}, &failure));
    must(ff_store_add_cost(store, &(struct ff_cost){"seasonal", 400, 6}, &failure));
    must(ff_store_add_cost(store, &(struct ff_cost){"ewma", 1, 2}, &failure));
    must(ff_store_costs(store, &arena, &costs, &count, &failure));
    cr_assert_eq(count, 2);
    cr_assert_str_eq(costs[0].name, "ewma");
    cr_assert_str_eq(costs[1].name, "seasonal");
    cr_assert(costs[1].cells == 900 && costs[1].ms == 11);
}

Test(store, states_of_jobs_have_names)
{
    cr_assert_str_eq(ff_job_state_name(FF_JOB_QUEUED), "queued");
    cr_assert_str_eq(ff_job_state_name(FF_JOB_CANCELLED), "cancelled");
    cr_assert(ff_job_state_is_final(FF_JOB_DONE) && ff_job_state_is_final(FF_JOB_FAILED));
    cr_assert(!ff_job_state_is_final(FF_JOB_PAUSED) && !ff_job_state_is_final(FF_JOB_RUNNING));
}
