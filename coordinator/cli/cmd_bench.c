/* Synthetic targets through the whole path: coordinator, nng, agent, executors, store.
 *
 * The targets are made before the clock starts. Each fit burns a fixed CPU time (kind busy) and its results
 * are saved as always. makespan is the job's running phase, from its targets at hand and executors ready to
 * its last commit. */
#include "coordinator/cli/embedded.h"
#include "coordinator/cli/straggler.h"

#include "common/clock.h"
#include "common/json.h"
#include "common/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct workload {
    size_t targets;
    size_t rows;
    double cpu_ms;
};

/* How one run is set up. */
struct setup {
    const char *slots;
    bool straggler; /* one more executor, of a worker of its own that is slow */
    bool copies;
};

struct measure {
    struct setup setup;
    unsigned slots;
    double start_ms; /* from nothing to executors ready */
    double makespan_s;
    double efficiency;
    double slot_us_per_target;
    uint64_t wire_bytes;
};

/* The coordinator's targets, with the same values at every run. */
static enum ff_status make_targets(void *context, const struct ff_jobspec *spec,
                                   struct ff_load_progress *progress, struct ff_targetset **out,
                                   struct ff_error *err)
{
    const struct workload *workload = context;
    static const char *const metrics[] = {"value"};
    struct ff_targetset *set;
    (void)spec;
    (void)progress;
    if (ff_targetset_create(metrics, 1, workload->targets, workload->rows * sizeof(double), &set, err))
        return err->status;
    double *values = ff_xalloc(workload->rows * sizeof *values);
    for (size_t i = 0; i < workload->targets; i++) {
        char name[32];
        snprintf(name, sizeof name, "T%08zu", i);
        for (size_t row = 0; row < workload->rows; row++)
            values[row] = (double)((row * 37 + i * 11) % 101);
        struct ff_frame frame = {
            .t0_ms = 0, .step_ms = 60000, .steps = workload->rows, .columns = 1, .values = values};
        ff_targetset_add(set, name, workload->rows, &frame);
    }
    free(values);
    *out = set;
    return FF_OK;
}

/* ---- one run ---- */

static double time_of(const char *document, const char *key)
{
    char quoted[32];
    double value = 0;
    const char *times = strstr(document, "\"time_ms\"");
    snprintf(quoted, sizeof quoted, "\"%s\":", key);
    const char *at = times ? strstr(times, quoted) : NULL;
    if (at) {
        at += strlen(quoted);
        ff_parse_double(at, strcspn(at, ",}"), &value);
    }
    return value;
}

static enum ff_status run_job(struct ff_embedded *embedded, const struct workload *workload, int signals,
                              double *makespan_ms, struct ff_error *err)
{
    struct ff_arena arena = {0};
    struct ff_buf body = {0}, document = {0};
    struct ff_job_status job;
    struct ff_watch watch = {
        .signals = signals, .child_ended = ff_embedded_child_ended, .context = embedded, .quiet = true};
    struct ff_session session = {.client = embedded->client};
    int signal = 0;
    char *yaml = ff_arena_printf(
        &arena,
        "name: bench\ndata: {files: [synthetic], layout: file}\ntargets: {min_rows: 1}\nmodels: {top: "
        "{kind: busy, cpu_ms: %.6f}}\n",
        workload->cpu_ms);
    struct ff_submit_request request = {
        .yaml = yaml, .file = "bench", .base_dir = "/", .override_dir = "/", .request_id = ""};
    ff_encode_submit_request(&request, &body);
    enum ff_status status =
        ff_session_job_call(embedded->client, FF_JOBS_SUBMIT, &body, 30000, &arena, &job, err);
    const char *id = status ? "" : ff_arena_strdup(&arena, job.id);
    if (!status)
        status = ff_watch_job(embedded->client, id, &watch, &arena, &job, &signal, err);
    if (!status && signal)
        status = ff_error_set(err, FF_CANCELLED, "stopped by a signal");
    if (!status && strcmp(job.state, "done") != 0)
        status = ff_error_set(err, FF_INTERNAL, "the benchmark's job %s: %s", job.state, job.errmsg);
    struct ff_read_request results = {.what = "results", .job = id, .format = "json"};
    if (!status)
        status = ff_session_read(&session, &results, &document, err);
    if (!status)
        *makespan_ms = time_of(ff_buf_text(&document), "wire");
    ff_buf_fini(&body);
    ff_buf_fini(&document);
    ff_arena_fini(&arena);
    return status;
}

static enum ff_status measure(const struct ff_options *options, const struct setup *setup,
                              const struct workload *workload, int signals, struct measure *out,
                              struct ff_error *err)
{
    char state[] = "/tmp/fitfleet-bench-XXXXXX";
    struct ff_embedded embedded;
    uint64_t sent, received, sent_after, received_after;
    double makespan_ms = 0;
    if (!mkdtemp(state))
        return ff_error_set(err, FF_INTERNAL, "cannot make a folder %s: %m", state);
    struct ff_embedded_options embedded_options = {.state_dir = state,
                                                   .slots = setup->slots,
                                                   .second_slots = setup->straggler ? "1" : NULL,
                                                   .no_copies = !setup->copies,
                                                   .affinity = options->affinity,
                                                   .source = make_targets,
                                                   .source_context = (void *)(uintptr_t)workload};
    struct ff_straggler *straggler = NULL;
    int64_t start_us = ff_clock_us();
    out->setup = *setup;
    enum ff_status status = ff_embedded_start(&embedded_options, &embedded, err);
    if (!status) {
        out->slots = ff_embedded_wait_ready(&embedded);
        out->start_ms = (double)(ff_clock_us() - start_us) / 1000;
        if (out->slots == 0)
            status = ff_error_set(err, FF_INTERNAL, "the executors did not start");
        if (!status && setup->straggler)
            straggler = ff_straggler_start(embedded.agents[1].pid);
        ff_rpc_traffic(&sent, &received);
        if (!status)
            status = run_job(&embedded, workload, signals, &makespan_ms, err);
        ff_rpc_traffic(&sent_after, &received_after);
        ff_straggler_stop(straggler);
        ff_embedded_stop(&embedded);
    }
    ff_embedded_remove_state(state);
    if (status)
        return status;
    double pure_ms = (double)workload->targets * workload->cpu_ms;
    out->makespan_s = makespan_ms / 1000;
    out->efficiency = pure_ms / out->slots / makespan_ms;
    out->slot_us_per_target = (makespan_ms * out->slots - pure_ms) * 1000 / (double)workload->targets;
    out->wire_bytes = sent_after - sent + received_after - received;
    return FF_OK;
}

/* ---- output ---- */

static void print_json(const struct workload *workload, const struct measure *runs, size_t count,
                       struct ff_buf *out)
{
    struct ff_json json = ff_json_start(out);
    ff_json_array_begin(&json);
    for (size_t i = 0; i < count; i++) {
        ff_json_object_begin(&json);
        ff_json_put_uint(&json, "targets", workload->targets);
        ff_json_put_uint(&json, "rows", workload->rows);
        ff_json_put_double(&json, "cpu_ms", workload->cpu_ms);
        ff_json_put_uint(&json, "slots", runs[i].slots);
        if (runs[i].setup.straggler)
            ff_json_put_bool(&json, "second_copies", runs[i].setup.copies);
        ff_json_put_double(&json, "makespan_s", runs[i].makespan_s);
        ff_json_put_double(&json, "start_ms", runs[i].start_ms);
        ff_json_put_double(&json, "speedup", runs[0].makespan_s / runs[i].makespan_s);
        ff_json_put_double(&json, "efficiency", runs[i].efficiency);
        ff_json_put_double(&json, "slot_us_per_target", runs[i].slot_us_per_target);
        ff_json_put_uint(&json, "wire_bytes", runs[i].wire_bytes);
        ff_json_object_end(&json);
    }
    ff_json_array_end(&json);
    ff_buf_printf(out, "\n");
}

static void print_table(const struct workload *workload, const struct measure *runs, size_t count,
                        struct ff_buf *out)
{
    ff_buf_printf(out, "%zu target%s, %zu row%s, %g ms of CPU each\n", workload->targets,
                  ff_plural(workload->targets), workload->rows, ff_plural(workload->rows), workload->cpu_ms);
    ff_buf_printf(out, "slots  makespan_s  start_ms  speedup  efficiency  slot_us_per_target   wire_bytes\n");
    for (size_t i = 0; i < count; i++)
        ff_buf_printf(out, "%5u  %10.3f  %8.1f  %7.2f  %10.3f  %18.1f  %11llu%s\n", runs[i].slots,
                      runs[i].makespan_s, runs[i].start_ms, runs[0].makespan_s / runs[i].makespan_s,
                      runs[i].efficiency, runs[i].slot_us_per_target, (unsigned long long)runs[i].wire_bytes,
                      !runs[i].setup.straggler ? ""
                      : runs[i].setup.copies   ? "  one slow, second copies"
                                               : "  one slow, no second copies");
}

static void print_csv(const struct workload *workload, const struct measure *runs, size_t count,
                      struct ff_buf *out)
{
    ff_buf_printf(
        out,
        "targets,rows,cpu_ms,slots,makespan_s,start_ms,speedup,efficiency,slot_us_per_target,wire_bytes\n");
    for (size_t i = 0; i < count; i++)
        ff_buf_printf(out, "%zu,%zu,%g,%u,%.6f,%.3f,%.4f,%.4f,%.3f,%llu\n", workload->targets, workload->rows,
                      workload->cpu_ms, runs[i].slots, runs[i].makespan_s, runs[i].start_ms,
                      runs[0].makespan_s / runs[i].makespan_s, runs[i].efficiency, runs[i].slot_us_per_target,
                      (unsigned long long)runs[i].wire_bytes);
}

/* ---- the command ---- */

static enum ff_status count_of(const char *flag, const char *text, int64_t max, size_t *out,
                               struct ff_error *err)
{
    int64_t value;
    if (!text)
        return FF_OK;
    if (!ff_parse_integer(text, &value) || value < 1 || value > max)
        return ff_error_set(err, FF_INVALID_ARGUMENT,
                            "%s: expected a whole number from 1 to %lld, found '%s'", flag, (long long)max,
                            text);
    *out = (size_t)value;
    return FF_OK;
}

static enum ff_status read_workload(const struct ff_options *options, struct workload *out,
                                    struct ff_error *err)
{
    *out = (struct workload){3000, 1440, 2};
    enum ff_status status = count_of("--targets", options->targets, 10000000, &out->targets, err);
    if (!status)
        status = count_of("--rows", options->rows, 10000000, &out->rows, err);
    if (!status && options->cpu_ms &&
        (!ff_parse_double(options->cpu_ms, strlen(options->cpu_ms), &out->cpu_ms) || out->cpu_ms < 0 ||
         out->cpu_ms > 3600000))
        status =
            ff_error_set(err, FF_INVALID_ARGUMENT,
                         "--cpu-ms: expected milliseconds from 0 to 3600000, found '%s'", options->cpu_ms);
    return status;
}

/* The runs that the options ask for: one per number of slots, two with a straggler. */
static size_t plan_runs(const struct ff_options *options, char *list, struct setup *setups, size_t room)
{
    size_t count = 0;
    for (char *slots; count + 2 <= room && (slots = strsep(&list, ","));) {
        setups[count++] = (struct setup){slots, options->straggler, !options->straggler};
        if (options->straggler)
            setups[count++] = (struct setup){slots, true, true};
    }
    return count;
}

int ff_command_bench(const struct ff_options *options)
{
    struct workload workload;
    struct setup setups[64];
    struct measure runs[64];
    struct ff_error err = {0};
    struct ff_buf out = {0};
    const char *format = ff_option_format(options, "table");
    int signals = ff_signals_open();
    if (read_workload(options, &workload, &err))
        return ff_fail(&err);
    char *list = ff_xstrdup(options->slots ? options->slots : "1.0");
    size_t count = plan_runs(options, list, setups, 64);
    enum ff_status status = FF_OK;
    for (size_t i = 0; !status && i < count; i++) {
        status = ff_option_check_slots(setups[i].slots, &err);
        if (!status)
            status = measure(options, &setups[i], &workload, signals, &runs[i], &err);
    }
    free(list);
    if (status)
        return ff_fail(&err);
    if (strcmp(format, "json") == 0)
        print_json(&workload, runs, count, &out);
    else if (strcmp(format, "csv") == 0)
        print_csv(&workload, runs, count, &out);
    else
        print_table(&workload, runs, count, &out);
    int code = ff_write_output(options, &out);
    ff_buf_fini(&out);
    return code;
}
