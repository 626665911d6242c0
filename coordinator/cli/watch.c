/* Watching a job: long-polled Status calls, a progress line, and signals at any moment. */
#include "coordinator/cli/cli.h"
#include "coordinator/coordinator.h"
#include "coordinator/show.h"

#include "common/clock.h"
#include "common/rpc_loop.h"
#include "common/text.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

enum { POLL_MS = 500, DEADLINE_MS = 5000, PLAIN_LINE_MS = 5000, RETRY_MS = 1000, GIVE_UP_MS = 30000 };

struct view {
    struct ff_queue queue;
    struct ff_rpc_client *client;
    const struct ff_watch *watch;
    const char *job;
    struct ff_arena arena; /* of status */
    struct ff_job_status status;
    bool known; /* status is filled in */
    bool asking;
    int64_t ask_ms;  /* not before */
    int64_t lost_ms; /* since when there is no answer, 0: there is */
    struct ff_error error;
    bool failed;
    bool terminal;
    bool paused; /* as it was shown last */
    bool drawn;
    int64_t line_ms; /* of the last plain line */
    bool loading;    /* when it was measured last */
    uint64_t last_done;
    int64_t last_done_ms;
    double rate; /* targets, or bytes while data are loaded, per second, smoothed */
};

static sigset_t watched_signals(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGCHLD);
    return set;
}

int ff_signals_open(void)
{
    sigset_t set = watched_signals();
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

void ff_signals_close(int signals)
{
    sigset_t set = watched_signals();
    if (signals >= 0)
        close(signals);
    pthread_sigmask(SIG_UNBLOCK, &set, NULL);
}

/* ---- progress ---- */

static uint64_t decided(const struct ff_counts *counts)
{
    uint64_t sum = 0;
    for (int class = FF_OPEN + 1; class < FF_CLASS_COUNT; class ++)
        sum += counts->of_class[class];
    return sum;
}

static void describe_counts(const struct ff_counts *counts, struct ff_buf *out)
{
    for (int class = FF_OPEN + 1; class < FF_CLASS_COUNT; class ++)
        if (counts->of_class[class] && class != FF_FITTED)
            ff_buf_printf(out, ", %llu %s", (unsigned long long)counts->of_class[class],
                          ff_class_name((enum ff_class) class));
}

static void describe_time(double ms, struct ff_buf *out)
{
    if (ms < 0)
        return;
    if (ms < 60000)
        ff_buf_printf(out, ", %.0f s left", ms / 1000);
    else
        ff_buf_printf(out, ", %.0f min left", ms / 60000);
}

static void measure_rate(struct view *view, int64_t now_ms)
{
    const struct ff_job_status *status = &view->status;
    bool loading = status->data_bytes > 0;
    uint64_t done = loading ? status->loaded_bytes : decided(&status->counts);
    if (loading != view->loading || done < view->last_done) { /* less: another coordinator loads again */
        view->loading = loading;
        view->rate = 0;
        view->last_done = loading ? 0 : done;
        view->last_done_ms = loading ? view->last_done_ms : now_ms;
    }
    int64_t passed = now_ms - view->last_done_ms;
    if (passed < 200)
        return;
    double rate = (double)(done - view->last_done) * 1000 / (double)passed;
    view->rate = view->rate > 0 ? 0.7 * view->rate + 0.3 * rate : rate;
    view->last_done = done;
    view->last_done_ms = now_ms;
}

static void draw_bar(double percent, struct ff_buf *out)
{
    int filled = (int)(percent / 5);
    ff_buf_printf(out, "[");
    for (int i = 0; i < 20; i++)
        ff_buf_printf(out, i < filled ? "#" : "-");
    ff_buf_printf(out, "] ");
}

static void draw(struct view *view)
{
    const struct ff_job_status *status = &view->status;
    int64_t now_ms = ff_clock_ms();
    struct ff_buf line = {0};
    uint64_t done = decided(&status->counts);
    bool paused = strcmp(status->state, "paused") == 0;
    bool due = view->terminal || paused != view->paused || now_ms - view->line_ms >= PLAIN_LINE_MS;
    if (view->watch->quiet || !due)
        return;
    view->paused = paused;
    measure_rate(view, now_ms);
    if (view->terminal)
        draw_bar(status->percent, &line);
    ff_buf_printf(&line, "%s %s %.0f %%", status->id, status->stage, status->percent);
    if (view->loading)
        ff_buf_printf(&line, ", %s of %s, %.0f MB/s", ff_show_size(status->loaded_bytes).text,
                      ff_show_size(status->data_bytes).text, view->rate / 1e6);
    if (strcmp(status->state, "running") == 0) {
        ff_buf_printf(&line, ", %llu of %llu target%s", (unsigned long long)done,
                      (unsigned long long)status->counts.requested, ff_plural(status->counts.requested));
        describe_counts(&status->counts, &line);
        ff_buf_printf(&line, ", %.0f/s", view->rate);
        describe_time(status->eta_ms, &line);
    }
    fprintf(stderr, view->terminal ? "\r\033[K%s" : "%s\n", ff_buf_text(&line));
    view->drawn = true;
    view->line_ms = now_ms;
    ff_buf_fini(&line);
}

static void wipe(const struct view *view)
{
    if (view->terminal && view->drawn)
        fprintf(stderr, "\r\033[K");
}

/* ---- asking ---- */

static bool is_over(const struct view *view)
{
    const char *state = view->known ? view->status.state : "";
    return strcmp(state, "done") == 0 || strcmp(state, "failed") == 0 || strcmp(state, "cancelled") == 0;
}

static void lost(struct view *view, const struct ff_rpc_response *response, int64_t now_ms)
{
    bool passes = response->status == FF_UNAVAILABLE || response->status == FF_DEADLINE_EXCEEDED;
    view->ask_ms = now_ms + RETRY_MS;
    if (!view->lost_ms) {
        view->lost_ms = now_ms;
        if (passes && view->watch->give_up)
            fprintf(stderr, "fitfleet: the coordinator does not answer; the job goes on without a viewer\n");
    }
    if (!passes || (view->watch->give_up && now_ms - view->lost_ms > GIVE_UP_MS)) {
        ff_error_set(&view->error, response->status, "%s", response->text);
        view->failed = true;
    }
}

static void answered(void *self, void *item, const struct ff_rpc_response *response)
{
    (void)item;
    struct view *view = self;
    view->asking = false;
    if (response->status) {
        lost(view, response, ff_clock_ms());
        return;
    }
    view->lost_ms = 0;
    ff_arena_reset(&view->arena);
    view->known = ff_decode_job_status(response->body, &view->arena, &view->status, &view->error) == FF_OK;
    view->failed |= !view->known; /* a failure of another kind stays one */
    if (view->known && !is_over(view))
        draw(view);
}

static void ask(struct view *view)
{
    struct ff_job_request request = {view->job, view->known ? POLL_MS : 0,
                                     view->known ? view->status.version : 0};
    struct ff_buf body = {0};
    ff_encode_job_request(&request, &body);
    struct ff_loop_call call = {&view->queue, view->client, FF_JOBS_STATUS, DEADLINE_MS, answered,
                                view,         NULL};
    view->asking = true;
    /* News come at most a few times per second, however busy the job is. */
    view->ask_ms = ff_clock_ms() + 100;
    ff_loop_call(&call, &body, NULL);
    ff_buf_fini(&body);
}

static int take_signal(const struct ff_watch *watch)
{
    struct signalfd_siginfo info;
    int signal = 0;
    while (watch->signals >= 0 && read(watch->signals, &info, sizeof info) == (ssize_t)sizeof info) {
        if (info.ssi_signo != SIGCHLD)
            signal = (int)info.ssi_signo;
        else if (watch->child_ended)
            watch->child_ended(watch->context);
    }
    return signal;
}

static void handle_answers(struct view *view, bool run)
{
    struct ff_event *event = ff_queue_pop_all(&view->queue);
    while (event) {
        struct ff_event *next = event->next;
        ff_loop_answer(event, run);
        event = next;
    }
}

static int watch_until_over(struct view *view)
{
    while (!is_over(view) && !view->failed) {
        int64_t now_ms = ff_clock_ms();
        if (!view->asking && now_ms >= view->ask_ms)
            ask(view);
        const struct ff_coordinator *coordinator = view->watch->coordinator;
        struct pollfd ready[] = {
            {.fd = view->queue.fd, .events = POLLIN},
            {.fd = view->watch->signals, .events = POLLIN},
            {.fd = coordinator ? ff_coordinator_failed_fd(coordinator) : -1, .events = POLLIN}};
        poll(ready, 3, view->asking ? 1000 : (int)(view->ask_ms > now_ms ? view->ask_ms - now_ms : 0));
        handle_answers(view, true);
        if (ready[2].revents && !view->failed) {
            ff_error_set(&view->error, FF_INTERNAL, "%s", ff_coordinator_failure(coordinator));
            view->failed = true;
        }
        int signal = take_signal(view->watch);
        if (signal)
            return signal;
    }
    return 0;
}

static void copy_status(const struct ff_job_status *from, struct ff_arena *arena, struct ff_job_status *out)
{
    *out = *from;
    const char **strings[] = {&out->id, &out->name, &out->state, &out->stage, &out->errmsg, &out->set};
    for (size_t i = 0; i < sizeof strings / sizeof *strings; i++)
        *strings[i] = ff_arena_strdup(arena, *strings[i]);
}

enum ff_status ff_watch_job(struct ff_rpc_client *client, const char *job, const struct ff_watch *watch,
                            struct ff_arena *arena, struct ff_job_status *out, int *signal,
                            struct ff_error *err)
{
    struct view view = {.client = client, .watch = watch, .job = job, .terminal = isatty(STDERR_FILENO) != 0};
    view.line_ms = view.last_done_ms = ff_clock_ms();
    ff_queue_init(&view.queue);
    *signal = watch_until_over(&view);
    wipe(&view);
    /* A call still in flight refers to the queue: wait for its answer. */
    while (view.asking) {
        ff_queue_wait(&view.queue, DEADLINE_MS);
        handle_answers(&view, true);
    }
    ff_queue_fini(&view.queue);
    if (view.known)
        copy_status(&view.status, arena, out);
    ff_arena_fini(&view.arena);
    if (view.failed && err)
        *err = view.error;
    return view.failed ? view.error.status : FF_OK;
}
