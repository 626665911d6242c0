#include "stored.h"

TestSuite(documents_logs, .init = open_state, .fini = close_state);

static const struct ff_stored_target three[] = {{"a", 48, 48}, {"b", 48, 48}, {"c", 3, 0}};

static struct ff_outcome with_log(struct ff_outcome outcome, const char *log)
{
    outcome.log = (struct ff_bytes){(const uint8_t *)log, strlen(log)};
    return outcome;
}

static const char *logs(const char *target)
{
    shown.size = 0;
    return text_of(ff_document_logs(store, &job, target, &shown, &failure));
}

static const char *explain(const char *target, const char *live)
{
    shown.size = 0;
    struct ff_explain_options options = {target, live, NULL};
    return text_of(ff_document_explain(store, &job, &options, &shown, &failure));
}

static void store_crash(void)
{
    struct ff_outcome crash = without_model(1, FF_QUARANTINED, FF_CODE_CRASHED,
                                            "the executor died of signal 11 (Segmentation fault)");
    crash.attempts = 3;
    crash.signal = 11;
    crash.pid = 99;
    crash.fit_ms = 1500;
    crash.cpu_ms = 1400;
    crash.peak_rss_bytes = 2048;
    struct ff_outcome outcomes[] = {
        with_log(crash, "1\n2\n3\n4\n5\n\x1b[1mboom"), with_log(fitted(0), "hello\n"),
        without_model(2, FF_SKIPPED, FF_CODE_TOO_FEW_ROWS, "3 rows, targets.min_rows is 10")};
    put_targets(three, 3, false);
    report("host-1", outcomes, 3);
    finish(FF_JOB_DONE, FF_CODE_OK, "");
}

Test(documents_logs, begins_with_settings_start_and_end_then_lines_by_target)
{
    job.overrides = "targets.min_rows=5\n";
    store_crash();
    cr_assert_str_eq(logs(""), "job: demo-1\n"
                               "set: demo\n"
                               "file: demo.yaml\n"
                               "submitted: 2024-01-02T03:04:05.000Z\n"
                               "started: 2024-01-02T03:04:05.678Z\n"
                               "finished: 2024-01-02T03:04:08.878Z\n"
                               "state: done\n"
                               "set by --set:\n"
                               "    targets.min_rows=5\n"
                               "settings:\n"
                               "    data:\n"
                               "      files: [\"x.csv\"]\n"
                               "      target: host\n"
                               "\n"
                               "== a (fitted, host-1, pid 4711)\n"
                               "hello\n"
                               "\n"
                               "== b (quarantined, host-1, pid 99)\n"
                               "1\n2\n3\n4\n5\n?[1mboom\n");
}

Test(documents_logs, of_one_target_leave_the_others_out)
{
    store_crash();
    assert_shows(logs("b"), "\n\n== b (");
    cr_assert_null(strstr(logs("b"), "hello"));
    assert_shows(logs("c"), "\n\nThe target printed nothing.\n");
}

Test(documents_logs, of_a_target_that_is_not_there_are_not_found)
{
    static const struct ff_stored_target named[] = {{"checkout", 48, 48}};
    put_targets(named, 1, false);
    cr_assert_eq(ff_document_logs(store, &job, "chekout", &shown, &failure), FF_NOT_FOUND);
    cr_assert_str_eq(failure.text, "job demo-1 has no target 'chekout' (did you mean 'checkout'?)");
    cr_assert_eq(shown.size, 0);
}

Test(documents_logs, explaining_a_crash_tells_the_signal_the_lines_and_what_to_do)
{
    store_crash();
    cr_assert_str_eq(
        explain("b", NULL),
        "b in demo-1: quarantined, CRASHED: the executor died of signal 11 (Segmentation fault)\n"
        "It has 48 rows, 48 steps after preparation.\n"
        "The fit crashed in 3 of 3 allowed tries (signal 11, Segmentation fault), last on worker host-1.\n"
        "The crash cost this target alone: it is a fault of the kind or of its plugin, set off by this"
        " target's data.\n"
        "Worker host-1, process 99: 1.5 s of wall time, 1.4 s of CPU, 2.0 KiB of memory at most.\n"
        "Its last lines:\n"
        "    2\n    3\n    4\n    5\n    ?[1mboom\n"
        "To refit it alone: fitfleet capsule demo-1 'b' -o FILE, then fitfleet-worker --replay FILE.\n"
        "To try again: fitfleet retry demo-1 --only quarantined\n");
}

Test(documents_logs, explaining_a_skipped_target_names_the_setting_and_its_value)
{
    store_crash();
    assert_shows(explain("c", NULL), "Lower targets.min_rows (now 10), widen prepare.window");
    job.overrides = "targets.min_rows=20\n";
    assert_shows(explain("c", NULL), "Lower targets.min_rows (now 20), ");
    job.yaml = "not a job";
    assert_shows(explain("c", NULL), "Lower targets.min_rows, ");
}

Test(documents_logs, explaining_limits_names_those_of_all_for_all)
{
    put_targets(three, 1, true);
    struct ff_outcome outcomes[] = {without_model(0, FF_QUARANTINED, FF_CODE_TIMEOUT, "60 s are over"),
                                    without_model(1, FF_QUARANTINED, FF_CODE_TIMEOUT, "")};
    report("host-1", outcomes, 2);
    assert_shows(explain("a", NULL), "Raise limits.target_timeout (now 1 min 0 s), ");
    assert_shows(explain("all", NULL), "Raise limits.all_timeout (now 30 min 0 s), ");
}

Test(documents_logs, explaining_an_open_target_ends_with_what_goes_on_now)
{
    put_targets(three, 1, false);
    cr_assert_str_eq(explain("a", "It is in executor 7 of host-1."),
                     "a in demo-1: waiting\n"
                     "It has 48 rows, 48 steps after preparation.\n"
                     "It has no outcome yet: it waits for a worker, or is being fitted.\n"
                     "It is in executor 7 of host-1.\n");
}

Test(documents_logs, explaining_a_job_names_the_commonest_errors_with_examples)
{
    store_crash();
    job.generation = 1;
    cr_assert_str_eq(
        explain("", NULL),
        "demo-1: done\n"
        "3 targets: 1 fitted, 1 skipped, 1 quarantined.\n"
        "It published generation 1 of set demo.\n"
        "\n"
        "TOO_FEW_ROWS: 1 target, e.g. c.\n"
        "It has too few rows inside the window, or all of them at one time. Lower targets.min_rows"
        " (now 10), widen prepare.window, or leave it out with targets.exclude.\n"
        "\n"
        "CRASHED: 1 target, e.g. b.\n"
        "The crash cost this target alone: it is a fault of the kind or of its plugin, set off by this"
        " target's data.\n");
}

Test(documents_logs, every_error_is_explained)
{
    static const enum ff_code codes[] = {
#define X(number, name) FF_CODE_##name,
        FF_CODE_LIST(X)
#undef X
    };
    put_targets(three, 1, false);
    for (size_t i = 0; i < sizeof codes / sizeof *codes && codes[i] < FF_CODE_BAD_DATA; i++) {
        struct ff_outcome outcome = without_model(0, codes[i] ? FF_FAILED : FF_REUSED, codes[i], "");
        report("", &outcome, 1);
        size_t lines = 0;
        for (const char *at = explain("a", NULL); *at; at++)
            lines += *at == '\n';
        cr_assert_eq(lines, codes[i] ? 4 : 3, "%s: %s", ff_code_name(codes[i]), explain("a", NULL));
    }
}
