/* fsck and backup. Damage is done to a whole state: demo-1, done, with a (fitted), b (failed) and all. */
#include "stored.h"
#include "support/capsule.h"

#include "common/file.h"

#include <sqlite3.h>

static struct ff_arena arena;
static struct ff_store_check sum;
static const struct ff_stored_target ab[] = {{"a", 1, 1}, {"b", 1, 1}};

static void make_state(void)
{
    open_state();
    struct ff_outcome outcomes[] = {fitted(0), without_model(1, FF_FAILED, FF_CODE_CONSTANT, ""), fitted(2)};
    put_targets(ab, 2, true);
    report("host-1", outcomes, 3);
    finish(FF_JOB_DONE, FF_CODE_OK, "");
    job.counts = (struct ff_counts){.requested = 2, .of_class = {[FF_FITTED] = 1, [FF_FAILED] = 1}};
    must(ff_store_publish(store, &job, 1000, &failure));
}

static void close_one(void)
{
    ff_arena_fini(&arena);
    close_state();
}

TestSuite(store_check, .init = make_state, .fini = close_one);

static void sql(const char *statements)
{
    sqlite3 *db;
    cr_assert_eq(sqlite3_open(path_in_folder("state/fitfleet.db"), &db), SQLITE_OK);
    cr_assert_eq(sqlite3_exec(db, statements, NULL, NULL, NULL), SQLITE_OK, "%s", sqlite3_errmsg(db));
    sqlite3_close(db);
}

static void note(void *context, const char *text)
{
    ff_buf_printf(context, "%s\n", text);
}

static const char *findings(struct ff_store *checked)
{
    shown.size = 0;
    must(ff_store_check(checked, note, &shown, &sum, &failure));
    return ff_buf_text(&shown);
}

static void assert_found(const char *statements, const char *text)
{
    sql(statements);
    assert_shows(findings(store), text);
    cr_assert_gt(sum.findings, 0);
}

Test(store_check, finds_nothing_where_nothing_is_wrong)
{
    cr_assert_str_eq(findings(store), "");
    cr_assert(sum.jobs == 1 && sum.reports == 1 && sum.generations == 1 && sum.models == 2);
    cr_assert_eq(sum.findings, 0);
}

Test(store_check, changes_nothing_and_a_writer_goes_on)
{
    struct ff_store *reader;
    must(ff_store_open_reader(path_in_folder("state"), &reader, &failure));
    cr_assert_str_eq(findings(reader), "");
    job.id = 0;
    must(ff_store_put_job(store, &job, &failure));
    ff_store_close(reader);
}

Test(store_check, blobs_that_do_not_decode)
{
    assert_found("UPDATE targets SET list = x'ff'", "job demo-1: ");
    assert_found("UPDATE reports SET outcomes = x'0aff'", "report 1 is damaged");
    assert_found("UPDATE generations SET models = x'ff'", "set demo, generation 1: ");
}

Test(store_check, a_model_with_a_changed_byte)
{
    assert_found("UPDATE reports SET models = substr(models, 1, 30) || x'ff' || substr(models, 32)",
                 "report 1 is damaged: its models are not as they were written\n");
}

Test(store_check, a_capsule_with_a_changed_byte_or_of_another_target)
{
    struct ff_capsule capsule = sample_capsule();
    must(ff_store_put_capsule(store, job.id, &capsule, &failure));
    cr_assert_str_eq(findings(store), "");
    assert_found("UPDATE capsules SET target = 6", "it is of target 5");
    assert_found("UPDATE capsules SET capsule = substr(capsule, 1, 70) || x'ff' || substr(capsule, 72)",
                 "the capsule is damaged: its checksum is wrong");
}

Test(store_check, models_that_are_cut_off)
{
    assert_found("UPDATE reports SET models = substr(models, 1, 70)", "report 1 is damaged");
}

Test(store_check, outcomes_of_targets_that_are_not_there)
{
    struct ff_outcome outcome = fitted(3);
    report("host-1", &outcome, 1);
    assert_shows(findings(store), "job demo-1, report 2: an outcome of target 3, of 2\n");
}

Test(store_check, a_second_outcome_of_a_target)
{
    struct ff_outcome outcome = fitted(0);
    report("host-1", &outcome, 1);
    assert_shows(findings(store), "job demo-1, report 2: a second outcome of target 0\n");
}

Test(store_check, counts_that_do_not_add_up)
{
    job.counts.of_class[FF_FITTED] = 0;
    must(ff_store_put_job(store, &job, &failure));
    cr_assert_str_eq(findings(store), "job demo-1: counts 0 targets as fitted, but 1 outcomes say so\n"
                                      "job demo-1: its counts add up to 1 of 2 targets\n");
}

Test(store_check, generations_whose_models_are_not_where_they_say)
{
    sql("UPDATE reports SET models = x''");
    assert_shows(findings(store), "set demo, generation 1: the model of 'a': report 1: has no model there\n");
    assert_shows(findings(store), "the model of 'all': report 1: has no model there\n");
    assert_found("DELETE FROM reports", "the model of 'a': report 1: it is not there\n");
}

Test(store_check, a_generation_that_names_the_model_of_another_target)
{
    struct ff_stored_model wrong[] = {{"", 1, 2, 0}, {"b", 1, 0, 0}};
    struct ff_buf blob = {0}, text = {0};
    ff_encode_stored_generation(&(struct ff_stored_generation){wrong, 2}, &blob);
    ff_buf_printf(&text, "UPDATE generations SET models = x'");
    for (size_t i = 0; i < blob.size; i++)
        ff_buf_printf(&text, "%02x", blob.data[i]);
    ff_buf_printf(&text, "'");
    assert_found(ff_buf_text(&text), "the model of 'b': report 1: has another target there\n");
    ff_buf_fini(&text);
    ff_buf_fini(&blob);
}

Test(store_check, sets_without_their_active_generation)
{
    assert_found("UPDATE sets SET active = 9", "set whose active generation is not there: demo\n");
    assert_found("DELETE FROM sets", "set without an active generation: demo\n");
    assert_found("DELETE FROM generations", "job that published a generation that never was: demo-1\n");
}

Test(store_check, rows_of_jobs_that_are_not_there)
{
    assert_found("DELETE FROM jobs", "report of a job that is not there: 1\n");
    assert_shows(findings(store), "targets of a job that is not there: ");
}

Test(store_check, pages_that_do_not_fit_each_other)
{
    sql("PRAGMA writable_schema = ON; UPDATE sqlite_schema SET rootpage ="
        " (SELECT rootpage FROM sqlite_schema WHERE name = 'targets') WHERE name = 'reports'");
    ff_store_close(store);
    must(ff_store_open_reader(path_in_folder("state"), &store, &failure));
    assert_shows(findings(store), "database: ");
    cr_assert_gt(sum.findings, 1);
}

/* ---- damaged files ---- */

static void damage_file(void (*damage)(FILE *file))
{
    ff_store_close(store);
    store = NULL;
    FILE *file = fopen(path_in_folder("state/fitfleet.db"), "r+b");
    damage(file);
    fclose(file);
}

static void cut_to_nothing(FILE *file)
{
    cr_assert_eq(ftruncate(fileno(file), 0), 0);
}

static void cut_in_half(FILE *file)
{
    cr_assert_eq(ftruncate(fileno(file), 20000), 0);
}

Test(store_check, a_file_that_was_emptied_is_no_new_state)
{
    damage_file(cut_to_nothing);
    cr_assert_eq(ff_store_open_reader(path_in_folder("state"), &store, &failure), FF_DATA_LOSS);
    cr_assert_eq(ff_store_open(path_in_folder("state"), &store, &failure), FF_DATA_LOSS);
    assert_shows(failure.text, "fitfleet.db: the state is damaged (the file is empty)");
}

Test(store_check, a_file_that_was_cut_off_is_damaged)
{
    damage_file(cut_in_half);
    cr_assert_eq(ff_store_open(path_in_folder("state"), &store, &failure), FF_DATA_LOSS, "%s", failure.text);
    assert_shows(failure.text, "the end of the file is missing");
}

/* ---- the WAL of a writer that was killed ---- */

static void copy_file(const char *from, const char *to)
{
    struct ff_buf content = {0};
    char source[512];
    snprintf(source, sizeof source, "%s", path_in_folder(from));
    must(ff_file_read(source, 1 << 24, &content, &failure));
    write_bytes(to, content.data, content.size);
    ff_buf_fini(&content);
}

/* What is on disk while the writer is open, with a byte of the WAL changed at a share of its length. */
static void leave_with_damage(double share)
{
    for (int i = 0; i < 5; i++) {
        job.id = job.generation = 0;
        job.state = FF_JOB_QUEUED;
        must(ff_store_put_job(store, &job, &failure));
    }
    cr_assert_eq(mkdir(path_in_folder("left"), 0700), 0);
    copy_file("state/fitfleet.db", "left/fitfleet.db");
    copy_file("state/fitfleet.db-wal", "left/fitfleet.db-wal");
    FILE *wal = fopen(path_in_folder("left/fitfleet.db-wal"), "r+b");
    fseek(wal, 0, SEEK_END);
    long at = (long)(share * (double)ftell(wal)) - 1;
    fseek(wal, at, SEEK_SET);
    int byte = fgetc(wal);
    fseek(wal, at, SEEK_SET);
    fputc(byte ^ 1, wal);
    fclose(wal);
}

static const char *findings_of_what_is_left(void)
{
    struct ff_store *left;
    must(ff_store_open_reader(path_in_folder("left"), &left, &failure));
    const char *text = findings(left);
    ff_store_close(left);
    return text;
}

Test(store_check, a_wal_whose_tail_is_torn_is_read_up_to_its_last_commit)
{
    leave_with_damage(1);
    cr_assert_str_eq(findings_of_what_is_left(), "");
}

Test(store_check, a_wal_that_is_damaged_before_later_commits_has_lost_them)
{
    leave_with_damage(0.5);
    assert_shows(findings_of_what_is_left(), "fitfleet.db-wal: damaged: at least ");
    assert_shows(ff_buf_text(&shown), " transactions that were committed cannot be read\n");
}

/* ---- backup ---- */

static const char *backup_dir(void)
{
    static char dir[128];
    snprintf(dir, sizeof dir, "%s/deep/copy", test_folder);
    return dir;
}

Test(store_check, a_backup_is_a_state_of_its_own)
{
    struct ff_store *reader, *copy;
    struct ff_job_record record;
    must(ff_store_open_reader(path_in_folder("state"), &reader, &failure));
    must(ff_store_begin(store, &failure));
    job.id = 0;
    must(ff_store_put_job(store, &job, &failure)); /* not committed: not in it */
    must(ff_store_backup(reader, backup_dir(), &failure));
    must(ff_store_commit(store, &failure));
    must(ff_store_open_reader(backup_dir(), &copy, &failure));
    cr_assert_str_eq(findings(copy), "");
    cr_assert_eq(ff_store_find_job(copy, "demo-2", &arena, &record, &failure), FF_NOT_FOUND);
    ff_store_close(copy);
    must(ff_store_backup(reader, backup_dir(), &failure)); /* again, over the older one */
    must(ff_store_open(backup_dir(), &copy, &failure));
    must(ff_store_find_job(copy, "demo-2", &arena, &record, &failure));
    cr_assert_eq(ff_store_epoch(copy), 2);
    ff_store_close(copy);
    ff_store_close(reader);
}

Test(store_check, a_backup_overwrites_no_state_and_no_backup_of_another)
{
    struct ff_store *other;
    cr_assert_eq(ff_store_backup(store, path_in_folder("state"), &failure), FF_FAILED_PRECONDITION);
    must(ff_store_open(path_in_folder("other"), &other, &failure));
    must(ff_store_backup(other, backup_dir(), &failure));
    ff_store_close(other);
    cr_assert_eq(ff_store_backup(store, backup_dir(), &failure), FF_FAILED_PRECONDITION);
    assert_shows(failure.text, "a backup of another state");
}
