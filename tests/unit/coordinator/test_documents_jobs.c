#include "stored.h"

static struct ff_arena arena;

static void close_all(void)
{
    ff_arena_fini(&arena);
    close_state();
}

TestSuite(documents_jobs, .init = open_state, .fini = close_all);

static struct ff_job_status status(void)
{
    struct ff_job_status read;
    must(ff_status_from_store(store, &job, &arena, &read, &failure));
    return read;
}

static const char *shown_status(const char *format)
{
    struct ff_job_status read = status();
    shown.size = 0;
    return text_of(ff_document_status(&read, format, &shown, &failure));
}

static void store_half(void)
{
    static const struct ff_stored_target targets[] = {{"a", 1, 1}, {"b", 1, 1}, {"c", 1, 1}};
    struct ff_outcome outcomes[] = {fitted(0), without_model(3, FF_FAILED, FF_CODE_CONSTANT, "")};
    put_targets(targets, 3, true);
    report("host-1", outcomes, 2);
}

Test(documents_jobs, an_unfinished_job_is_counted_from_its_reports)
{
    store_half();
    cr_assert_str_eq(
        shown_status("json"),
        "{\"job\":\"demo-1\",\"name\":\"demo\",\"state\":\"running\",\"stage\":\"running\",\"percent\":50,"
        "\"eta_ms\":null,\"set\":\"demo\",\"generation\":null,\"started\":\"2024-01-02T03:04:05.678Z\","
        "\"finished\":null,\"counts\":{\"requested\":3,\"fitted\":1,\"reused\":0,\"fallback\":0,"
        "\"skipped\":0,\"failed\":0,\"quarantined\":0,\"cancelled\":0},\"errno\":0,\"error\":\"OK\","
        "\"errmsg\":\"\",\"all_failed\":true}\n");
}

Test(documents_jobs, a_finished_job_is_shown_from_its_row)
{
    finish(FF_JOB_FAILED, FF_CODE_TOO_MANY_FAILED, "2 of 5 failed");
    job.counts = (struct ff_counts){.requested = 5, .of_class = {[FF_FITTED] = 1, [FF_FAILED] = 2}};
    cr_assert_eq(status().counts.of_class[FF_CANCELLED_CLASS], 2);
    cr_assert_str_eq(shown_status("table"), "demo-1: failed\n"
                                            "  targets     5: 1 fitted, 2 failed, 2 cancelled\n"
                                            "  started     2024-01-02T03:04:05.678Z\n"
                                            "  finished    2024-01-02T03:04:08.878Z, after 3.2 s\n"
                                            "  error       TOO_MANY_FAILED: 2 of 5 failed\n");
}

Test(documents_jobs, a_running_job_shows_stage_percent_and_time_to_go)
{
    struct ff_job_status live = status();
    live.stage = "publishing";
    live.percent = 99.6;
    live.eta_ms = 2500;
    assert_shows(text_of(ff_document_status(&live, "table", &shown, &failure)),
                 "demo-1: running, publishing, 100 %, about 2.5 s to go\n");
}

Test(documents_jobs, are_listed_newest_first)
{
    store_half();
    struct ff_job_status jobs[] = {status(), status()};
    jobs[1].id = "demo-2";
    jobs[1].state = jobs[1].stage = "queued";
    jobs[1].started_ms = 0;
    jobs[0].state = jobs[0].stage = "done";
    jobs[0].finished_ms = jobs[0].started_ms + 3200;
    jobs[0].generation = 7;
    cr_assert_str_eq(text_of(ff_document_jobs(jobs, 2, "table", &shown, &failure)),
                     "job     state   done  targets  models  failed  started             took  generation\n"
                     "demo-2  queued  50 %        3       1       0\n"
                     "demo-1  done    50 %        3       1       0  2024-01-02T03:04Z  3.2 s  demo 7\n");
    shown.size = 0;
    cr_assert_str_eq(
        text_of(ff_document_jobs(jobs, 1, "csv", &shown, &failure)),
        "job,state,stage,percent,set,generation,started,finished,requested,fitted,reused,fallback,"
        "skipped,failed,quarantined,cancelled,errno,error,errmsg\n"
        "demo-1,done,done,50,demo,7,2024-01-02T03:04:05.678Z,2024-01-02T03:04:08.878Z,3,1,0,0,0,0,0,0,"
        "0,OK,\n");
    shown.size = 0;
    cr_assert_str_eq(text_of(ff_document_jobs(NULL, 0, "json", &shown, &failure)), "[]\n");
    cr_assert_eq(ff_document_jobs(NULL, 0, "yaml", &shown, &failure), FF_INVALID_ARGUMENT);
}

static struct ff_executor_state executors[] = {
    {.pid = 12,
     .ppid = 10,
     .alive = true,
     .age_ms = 61000,
     .busy = true,
     .busy_ms = 250,
     .cpu_ms = 900,
     .done = 4,
     .last_exit = -1,
     .last_signal = 11},
    {.pid = 13, .ppid = 10, .alive = true, .age_ms = 500, .done = 1200, .last_exit = -1},
};
static struct ff_worker first = {.name = "host-1",
                                 .host = "host",
                                 .version = "0.1.0",
                                 .profile = "p1",
                                 .pid = 10,
                                 .slots = 2,
                                 .joined_ms = 1000,
                                 .heard_ms = 61000,
                                 .executors = executors,
                                 .executor_count = 2,
                                 .done = 1204};
static struct ff_worker second = {.name = "host-2",
                                  .host = "host",
                                  .version = "0.1.0",
                                  .profile = "",
                                  .pid = 20,
                                  .slots = 1,
                                  .state = FF_WORKER_LOST,
                                  .joined_ms = 1000,
                                  .heard_ms = 31000};

static const char *workers(const char *format)
{
    struct ff_worker *all[] = {&first, &second};
    const char *targets[] = {"cpu\n", ""};
    shown.size = 0;
    return text_of(ff_document_workers(all, 2, targets, 62000, format, &shown, &failure));
}

Test(documents_jobs, workers_show_what_their_executors_do)
{
    cr_assert_str_eq(workers("table"),
                     "worker  host  version  slots  state   done         joined       heard\n"
                     "host-1  host  0.1.0        2  ready  1,204  1 min 1 s ago   1.0 s ago\n"
                     "host-2  host  0.1.0        1  lost       0  1 min 1 s ago  31.0 s ago\n"
                     "\n"
                     "worker  pid  ppid  alive        age   done  last end   target     for\n"
                     "host-1   12    10  yes    1 min 1 s      4  signal 11  cpu?    250 ms\n"
                     "host-1   13    10  yes       500 ms  1,200             idle\n");
    cr_assert_str_eq(workers("csv"),
                     "worker,host,version,slots,state,pid,ppid,alive,age_ms,target,done,last_end\n"
                     "host-1,host,0.1.0,2,ready,12,10,true,61000,\"cpu\n\",4,signal 11\n"
                     "host-1,host,0.1.0,2,ready,13,10,true,500,,1200,\n"
                     "host-2,host,0.1.0,1,lost,,,,,,,\n");
}

Test(documents_jobs, workers_as_json_have_their_executors_inside)
{
    cr_assert_str_eq(workers("json"),
                     "[{\"name\":\"host-1\",\"host\":\"host\",\"version\":\"0.1.0\",\"pid\":10,\"slots\":2,"
                     "\"state\":\"ready\","
                     "\"profile\":\"p1\",\"age_ms\":61000,\"heard_ms\":1000,\"done\":1204,\"executors\":["
                     "{\"pid\":12,\"ppid\":10,\"alive\":true,\"age_ms\":61000,\"target\":\"cpu\\n\",\"busy\":"
                     "true,\"busy_ms\":250,"
                     "\"cpu_ms\":900,\"done\":4,\"last_exit\":null,\"last_signal\":11},"
                     "{\"pid\":13,\"ppid\":10,\"alive\":true,\"age_ms\":500,\"target\":null,\"busy\":false,"
                     "\"busy_ms\":null,"
                     "\"cpu_ms\":0,\"done\":1200,\"last_exit\":null,\"last_signal\":null}]},"
                     "{\"name\":\"host-2\",\"host\":\"host\",\"version\":\"0.1.0\",\"pid\":20,\"slots\":1,"
                     "\"state\":\"lost\","
                     "\"profile\":\"\",\"age_ms\":61000,\"heard_ms\":31000,\"done\":0,\"executors\":[]}]\n");
}

Test(documents_jobs, without_workers_the_table_says_how_to_start_one)
{
    assert_shows(text_of(ff_document_workers(NULL, 0, NULL, 0, "table", &shown, &failure)),
                 "fitfleet-worker");
}
