#include "stored.h"

TestSuite(documents_results, .init = open_state, .fini = close_state);

static const struct ff_stored_target four[] = {
    {"a", 48, 48}, {"b \"x\"\n", 48, 47}, {"c", 3, 0}, {"d", 48, 48}};

static const char *results(const char *format)
{
    struct ff_results_options options = {.format = format, .target = ""};
    shown.size = 0;
    return text_of(ff_document_results(store, &job, &options, &shown, &failure));
}

#define HEAD(state, generation, finished)                                                                    \
    "{\"job\":\"demo-1\",\"state\":\"" state "\",\"generation\":" generation                                 \
    ",\"started\":\"2024-01-02T03:04:05.678Z\",\"finished\":" finished
#define ENTRY_A                                                                                              \
    "{\"class\":\"fitted\",\"errno\":0,\"error\":\"OK\",\"errmsg\":\"\",\"rows\":48,\"steps\":48,"           \
    "\"attempts\":1,"                                                                                        \
    "\"worker\":\"host-1\",\"pid\":4711,\"fit_ms\":1.25,\"cpu_ms\":1,\"peak_rss_bytes\":9000000,"            \
    "\"profile\":\"p1\",\"model\":{\"kind\":\"seasonal\",\"bytes\":%zu,\"summary\":" FITTED_SUMMARY "}}"
#define WITHOUT(class, number, error, text, rows, steps)                                                     \
    "{" MEMBERS_WITHOUT(class, number, error, text, rows, steps)
#define MEMBERS_WITHOUT(class, number, error, text, rows, steps)                                             \
    "\"class\":\"" class "\",\"errno\":" number ",\"error\":\"" error "\",\"errmsg\":\"" text                \
                         "\",\"rows\":" rows ",\"steps\":" steps                                             \
                         ",\"attempts\":0,\"worker\":null,\"pid\":0,\"fit_ms\":0,\"cpu_ms\":0,"              \
                         "\"peak_rss_bytes\":0,\"model\":null}"

static void assert_document(const char *expected)
{
    cr_assert_str_eq(results("json"), expected);
}

/* expected has one %zu: the size of the model. */
static void assert_document_with_model(const char *expected)
{
    char text[8192];
    size_t size = encoded_model().size;
    const char *at = strstr(expected, "%zu");
    snprintf(text, sizeof text, "%.*s%zu%s", (int)(at - expected), expected, size, at + 3);
    assert_document(text);
}

Test(documents_results, a_job_that_loads_has_no_targets_and_no_end)
{
    job.state = FF_JOB_QUEUED;
    job.started_ms = 0;
    assert_document(
        "{\"job\":\"demo-1\",\"state\":\"queued\",\"generation\":null,\"started\":null,\"finished\":null,"
        "\"rows_skipped\":0,\"counts\":{\"requested\":0,\"fitted\":0,\"reused\":0,\"fallback\":0,"
        "\"skipped\":0,\"failed\":0,\"quarantined\":0,\"cancelled\":0},\"errno\":0,\"error\":\"OK\","
        "\"errmsg\":\"\",\"all\":null,\"top\":{},\"time_ms\":null}\n");
}

Test(documents_results, a_running_job_shows_what_is_committed)
{
    put_targets(four, 4, true);
    struct ff_outcome skipped = without_model(2, FF_SKIPPED, FF_CODE_TOO_FEW_ROWS, "3 rows");
    struct ff_outcome first = fitted(0);
    report("", &skipped, 1);
    report("host-1", &first, 1);
    assert_document_with_model(
        HEAD("running", "null",
             "null") ",\"rows_skipped\":2,\"counts\":{\"requested\":4,\"fitted\":1,\"reused\":0,"
                     "\"fallback\":0,\"skipped\":1,\"failed\":0,\"quarantined\":0,\"cancelled\":0},\"errno\":"
                     "0,\"error\":\"OK\","
                     "\"errmsg\":\"\",\"all\":null,\"top\":{\"a\":" ENTRY_A ",\"c\":" WITHOUT(
                         "skipped", "1", "TOO_FEW_ROWS", "3 rows", "3", "0") "},\"time_ms\":null}\n");
}

Test(documents_results, a_cancelled_job_counts_the_rest_as_cancelled)
{
    put_targets(four, 2, true);
    struct ff_outcome first = fitted(0);
    report("host-1", &first, 1);
    finish(FF_JOB_CANCELLED, FF_CODE_CANCELLED, "by the user");
#define REST "the job ended before this target"
    assert_document_with_model(
        HEAD("cancelled", "null",
             "\"2024-01-02T03:04:08.878Z\"") ",\"rows_skipped\":2,\"counts\":{\"requested\":2,"
                                             "\"fitted\":1,\"reused\":0,\"fallback\":0,\"skipped\":0,"
                                             "\"failed\":0,\"quarantined\":0,\"cancelled\":1},"
                                             "\"errno\":42,\"error\":\"CANCELLED\",\"errmsg\":\"by the "
                                             "user\",\"all\":" WITHOUT(
                                                 "cancelled", "42", "CANCELLED", REST, "50",
                                                 "50") ",\"top\":{\"a\":" ENTRY_A
                                                       ",\"b \\\"x\\\"\\n\":" WITHOUT(
                                                           "cancelled", "42", "CANCELLED", REST, "48",
                                                           "47") "},\"time_ms\":" STORED_TIMES "}\n");
}

Test(documents_results, the_last_report_of_a_target_counts)
{
    put_targets(four, 1, false);
    struct ff_outcome failed = without_model(0, FF_FAILED, FF_CODE_CONSTANT, "");
    struct ff_outcome again = fitted(0);
    report("host-2", &failed, 1);
    report("host-1", &again, 1);
    assert_shows(results("csv"), "\na,fitted,0,OK,,seasonal,48,48,1,host-1,4711,1.25,1,9000000,");
}

Test(documents_results, a_target_that_keeps_its_model_says_from_where)
{
    put_targets(four, 1, false);
    struct ff_outcome first = fitted(0), failed = without_model(0, FF_FAILED, FF_CODE_CONSTANT, "flat");
    report("host-1", &first, 1);
    must(ff_store_publish(store, &job, 1, &failure));
    job.id = 0;
    must(ff_store_put_job(store, &job, &failure));
    put_targets(four, 1, false);
    report("", &failed, 1);
    must(ff_store_publish(store, &job, 2, &failure));
    assert_shows(results("json"), "\"generation\":{\"set\":\"demo\",\"number\":2}");
    assert_shows(results("json"), "\"peak_rss_bytes\":0,\"from\":1,\"model\":null");
    assert_shows(results("table"), "keeps the one of generation 1");
}

Test(documents_results, csv_has_a_line_per_target_and_all_last)
{
    char expected[1024];
    put_targets(four, 3, true);
    struct ff_outcome outcomes[] = {fitted(3), fitted(0),
                                    without_model(1, FF_FAILED, FF_CODE_NOT_ENOUGH_DATA, "no, \"data\"")};
    report("host-1", outcomes, 3);
    snprintf(
        expected, sizeof expected,
        "target,class,errno,error,errmsg,kind,rows,steps,attempts,worker,pid,fit_ms,cpu_ms,peak_rss_bytes,"
        "model_bytes\n"
        "a,fitted,0,OK,,seasonal,48,48,1,host-1,4711,1.25,1,9000000,%zu\n"
        "\"b \"\"x\"\"\n\",failed,10,NOT_ENOUGH_DATA,\"no, \"\"data\"\"\",,48,47,0,host-1,0,0,0,0,0\n"
        "all,fitted,0,OK,,seasonal,50,50,1,host-1,4711,1.25,1,9000000,%zu\n",
        encoded_model().size, encoded_model().size);
    cr_assert_str_eq(results("csv"), expected);
}

Test(documents_results, classes_and_a_glob_choose_targets)
{
    put_targets(four, 4, false);
    struct ff_outcome outcomes[] = {fitted(0), fitted(3), without_model(2, FF_FAILED, FF_CODE_CONSTANT, "")};
    report("host-1", outcomes, 3);
    const char *classes[] = {"failed", "quarantined"};
    struct ff_results_options failed = {.format = "csv", .classes = classes, .class_count = 2, .target = ""};
    const char *text = text_of(ff_document_results(store, &job, &failed, &shown, &failure));
    assert_shows(text, "\nc,failed,");
    cr_assert_null(strstr(text, "fitted"));
    struct ff_results_options named = {.format = "csv", .target = "[d-z]"};
    shown.size = 0;
    text = text_of(ff_document_results(store, &job, &named, &shown, &failure));
    assert_shows(text, "\nd,fitted,");
    cr_assert_null(strstr(text, "\na,"));
}

Test(documents_results, an_unknown_format_or_class_is_refused)
{
    const char *classes[] = {"faild"};
    struct ff_results_options options = {.format = "xml", .target = ""};
    cr_assert_eq(ff_document_results(store, &job, &options, &shown, &failure), FF_INVALID_ARGUMENT);
    cr_assert_str_eq(failure.text, "format 'xml' is not one of json, csv, table");
    options =
        (struct ff_results_options){.format = "json", .classes = classes, .class_count = 1, .target = ""};
    cr_assert_eq(ff_document_results(store, &job, &options, &shown, &failure), FF_INVALID_ARGUMENT);
    assert_shows(failure.text, "(did you mean 'failed'?)");
    cr_assert_eq(shown.size, 0);
}

Test(documents_results, a_small_table_shows_everything)
{
    put_targets(four, 3, true);
    struct ff_outcome crashed = without_model(2, FF_QUARANTINED, FF_CODE_CRASHED, "died\x1b of signal 11");
    crashed.attempts = 3;
    struct ff_outcome outcomes[] = {fitted(3), fitted(0), fitted(1), crashed};
    report("host-1", outcomes, 4);
    finish(FF_JOB_DONE, FF_CODE_OK, "");
    job.generation = 1;
    cr_assert_str_eq(
        results("table"),
        "demo-1: done in 3.2 s, generation 1 of set demo\n"
        "  targets   3: 2 fitted, 1 quarantined\n"
        "  bad rows  2 left out\n"
        "  time      load 12 ms, prepare 3.0 ms, fit 40 ms, commit 4.0 ms; fits alone took 30 ms\n"
        "  all       fitted, seasonal, 1.2 ms: season 24, scale 0.5\n"
        "\n"
        "target  class        kind      rows  steps  tries  fit ms  model                 error\n"
        "a       fitted       seasonal    48     48           1.25  season 24, scale 0.5\n"
        "b \"x\"?  fitted       seasonal    48     47           1.25  season 24, scale 0.5\n"
        "c       quarantined               3      0      3    0.00"
        "                        CRASHED: died? of signal 11\n"
        "\n"
        "Why: fitfleet explain demo-1 TARGET\n"
        "Again: fitfleet retry demo-1 --only quarantined\n");
}

static void fill_fleet(size_t count)
{
    static char names[3000][24];
    static struct ff_stored_target targets[3000];
    static struct ff_outcome outcomes[3000];
    for (size_t i = 0; i < count; i++) {
        snprintf(names[i], sizeof names[i], "T%04zu", i);
        targets[i] = (struct ff_stored_target){names[i], 1440, 1440};
        outcomes[i] = fitted((uint32_t)i);
    }
    outcomes[2000] = without_model(2000, FF_SKIPPED, FF_CODE_TOO_FEW_ROWS, "9 rows, targets.min_rows is 10");
    put_targets(targets, count, false);
    report("host-1", outcomes, count);
    finish(FF_JOB_DONE, FF_CODE_OK, "");
}

static size_t lines_of(const char *text)
{
    size_t count = 0;
    for (; *text; text++)
        count += *text == '\n';
    return count;
}

Test(documents_results, a_large_table_shows_the_first_and_those_that_are_not_fitted)
{
    fill_fleet(3000);
    const char *text = results("table");
    assert_shows(text, "\n  targets   3,000: 2,999 fitted, 1 skipped\n");
    assert_shows(text, "\nT0019 ");
    assert_shows(
        text,
        "\nT2000   skipped            1,440  1,440    0.00                        TOO_FEW_ROWS: 9 rows");
    assert_shows(text, "\n… and 2,979 more fitted targets (results --format csv lists all)\n");
    cr_assert_eq(lines_of(text), 4 + 1 + 1 + 20 + 1 + 1 + 2);
    struct ff_results_options full = {.format = "table", .target = "", .full = true};
    shown.size = 0;
    cr_assert_eq(lines_of(text_of(ff_document_results(store, &job, &full, &shown, &failure))),
                 4 + 1 + 1 + 3000 + 2);
}

Test(documents_results, a_failed_job_says_why_first)
{
    finish(FF_JOB_FAILED, FF_CODE_BAD_DATA, "x.csv:3: no time");
    cr_assert_str_eq(
        results("table"),
        "demo-1: failed after 3.2 s, nothing published\n"
        "  why       BAD_DATA: x.csv:3: no time\n"
        "  targets   0\n"
        "  time      load 12 ms, prepare 3.0 ms, fit 40 ms, commit 4.0 ms; fits alone took 30 ms\n");
}

Test(documents_results, following_gives_each_outcome_once)
{
    char expected[1024];
    uint64_t cursor = 0;
    put_targets(four, 1, true);
    struct ff_outcome first = fitted(0), all = without_model(1, FF_FAILED, FF_CODE_CONSTANT, "flat");
    report("host-1", &first, 1);
    snprintf(expected, sizeof expected, "{\"target\":\"a\",%s\n", &(ENTRY_A)[1]);
    char line[1024];
    snprintf(line, sizeof line, "%.*s%zu%s", (int)(strstr(expected, "%zu") - expected), expected,
             encoded_model().size, strstr(expected, "%zu") + 3);
    cr_assert_str_eq(text_of(ff_document_follow(store, &job, &cursor, &shown, &failure)), line);
    shown.size = 0;
    cr_assert_str_eq(text_of(ff_document_follow(store, &job, &cursor, &shown, &failure)), "");
    report("", &all, 1);
    cr_assert_str_eq(
        text_of(ff_document_follow(store, &job, &cursor, &shown, &failure)),
        "{\"target\":\"all\"," MEMBERS_WITHOUT("failed", "11", "CONSTANT", "flat", "50", "50") "\n");
}
