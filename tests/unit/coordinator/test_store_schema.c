/* States of older programs. */
#include "stored.h"

#include "common/file.h"

#include <sqlite3.h>

static struct ff_arena arena;

/* schema-1.sql as a state directory. */
static void restore_dump(void)
{
    sqlite3 *db;
    struct ff_buf sql = {0};
    make_folder();
    cr_assert_eq(mkdir(path_in_folder("state"), 0700), 0);
    must(ff_file_read(FF_SOURCE_DIR "/tests/unit/coordinator/schema-1.sql", 1 << 20, &sql, &failure));
    cr_assert_eq(sqlite3_open(path_in_folder("state/fitfleet.db"), &db), SQLITE_OK);
    cr_assert_eq(sqlite3_exec(db, ff_buf_text(&sql), NULL, NULL, NULL), SQLITE_OK, "%s", sqlite3_errmsg(db));
    sqlite3_close(db);
    ff_buf_fini(&sql);
}

static void close_one(void)
{
    ff_arena_fini(&arena);
    close_state();
}

TestSuite(store_schema, .init = restore_dump, .fini = close_one);

static void expect_the_old_data(void)
{
    struct ff_job_record record;
    must(ff_store_find_job(store, "old", &arena, &record, &failure));
    cr_assert(record.number == 2 && record.state == FF_JOB_DONE && record.generation == 2);
    cr_assert(record.keep == 10 && !record.partial);
    struct ff_results_options options = {.format = "json"};
    must(ff_document_results(store, &record, &options, &shown, &failure));
    assert_shows(ff_buf_text(&shown), "\"counts\":{\"requested\":2,\"fitted\":2,");
    shown.size = 0;
    must(ff_document_export(store, "old", "", &shown, &failure));
    assert_shows(ff_buf_text(&shown), "{\"target\":\"t0\",\"kind\":\"seasonal\",");
    assert_shows(ff_buf_text(&shown), "{\"target\":\"all\",\"kind\":\"pca\",");
}

Test(store_schema, a_writer_migrates_the_state_of_an_older_program)
{
    must(ff_store_open(path_in_folder("state"), &store, &failure));
    cr_assert_eq(ff_store_epoch(store), 3);
    expect_the_old_data();
}

Test(store_schema, a_reader_does_too_where_nothing_writes)
{
    must(ff_store_open_reader(path_in_folder("state"), &store, &failure));
    expect_the_old_data();
}

Test(store_schema, what_was_migrated_goes_on)
{
    static const struct ff_stored_target targets[] = {{"t0", 40, 40}, {"t9", 40, 40}};
    must(ff_store_open(path_in_folder("state"), &store, &failure));
    must(ff_store_find_job(store, "old-2", &arena, &job, &failure));
    job.id = 0;
    must(ff_store_put_job(store, &job, &failure));
    cr_assert_eq(job.number, 3);
    put_targets(targets, 2, false);
    struct ff_outcome outcome = fitted(1);
    report("host-1", &outcome, 1);
    must(ff_store_publish(store, &job, 1000, &failure));
    cr_assert_eq(job.generation, 3);
    struct ff_stored_generation generation;
    must(ff_store_generation(store, "old", 0, &arena, &generation, &failure));
    cr_assert_eq(generation.model_count, 3); /* of all, t0, t9 */
    cr_assert(generation.models[1].from == 2 && generation.models[2].from == 0);
}
