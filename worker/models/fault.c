/* Faults as a plug-in or a library would commit them, in the executor and through the descriptors that it
 * has. Those that write to the channel end as fits without end do if nobody stops them. */
#include "worker/models/fault.h"

#include "worker/channel.h"
#include "worker/executor.h"
#include "worker/lane.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { EXIT_CODE = 7, PIECE = 1 << 20 };

static void hang(struct ff_fit *fit)
{
    (void)fit;
    for (;;)
        pause();
}

static void send(const void *data, size_t size)
{
    ssize_t ignored = write(FF_EXECUTOR_PIPE, data, size);
    (void)ignored;
    hang(NULL);
}

static void segv(struct ff_fit *fit)
{
    volatile uintptr_t nowhere = 8; /* read at run time: no compiler sees through it */
    (void)fit;
    *(volatile int *)nowhere = 1;
}

static void kill_itself(struct ff_fit *fit)
{
    (void)fit;
    raise(SIGKILL);
}

/* What a container does whose memory is at its end: agent and all. */
static void kill_agent(struct ff_fit *fit)
{
    kill(getppid(), SIGKILL);
    hang(fit);
}

static void abort_itself(struct ff_fit *fit)
{
    (void)fit;
    abort();
}

static void exit_itself(struct ff_fit *fit)
{
    (void)fit;
    _exit(EXIT_CODE);
}

static void loop(struct ff_fit *fit)
{
    (void)fit;
    for (volatile unsigned turns = 0;; turns++)
        ;
}

static void take_memory(struct ff_fit *fit)
{
    for (;;)
        memset(fit->alloc(fit, PIECE, 1), 1, PIECE);
}

static void garbage(struct ff_fit *fit)
{
    static const char text[] = "progress: 10%, 20%, 30% of what nobody asked for\n";
    (void)fit;
    send(text, sizeof text);
}

/* The run in progress, from the page shared with the agent. */
static uint32_t ticket(void)
{
    struct ff_progress *page = ff_progress_map(FF_EXECUTOR_PROGRESS);
    return page ? (uint32_t)(atomic_load(&page->position) >> 32) : 0;
}

static void wrong_target(struct ff_fit *fit)
{
    struct ff_outcome forged = {
        .target = UINT32_MAX, .class = FF_FITTED, .errmsg = "", .kind = "busy", .summary = ""};
    ff_channel_write_outcome(FF_EXECUTOR_PIPE, ticket(), 0, &forged);
    hang(fit);
}

/* A header as the channel has it (channel.c). */
static void send_header(uint32_t body)
{
    uint32_t header[5] = {0x46464331, ticket(), 0, body, 0};
    send(header, sizeof header);
}

static void huge(struct ff_fit *fit)
{
    (void)fit;
    send_header(0xfffffff0);
}

static void half(struct ff_fit *fit)
{
    (void)fit;
    send_header(100);
}

static void close_channel(struct ff_fit *fit)
{
    (void)fit;
    close(FF_EXECUTOR_PIPE);
}

static void be_deaf(struct ff_fit *fit)
{
    sigset_t all;
    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, NULL);
    signal(SIGTERM, SIG_IGN);
    loop(fit);
}

static void linger(void)
{
    sigset_t all;
    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, NULL);
    for (;;)
        sleep(1000);
}

/* A child in a session of its own, and one of its own that init is meant to adopt. */
static void fork_daemons(struct ff_fit *fit)
{
    (void)fit;
    pid_t child = fork();
    if (child != 0)
        return;
    setsid();
    if (fork() == 0) {
        setsid();
        if (fork() != 0)
            _exit(0);
    }
    linger();
}

static const struct {
    const char *name;
    void (*commit)(struct ff_fit *fit);
} faults[] = {
    {"segv", segv},         {"kill", kill_itself},          {"abort", abort_itself},  {"exit", exit_itself},
    {"loop", loop},         {"memory", take_memory},        {"garbage", garbage},     {"huge", huge},
    {"half", half},         {"wrong_target", wrong_target}, {"close", close_channel}, {"deaf", be_deaf},
    {"fork", fork_daemons}, {"agent", kill_agent},
};

void ff_fault_commit(struct ff_fit *fit, const char *fault)
{
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
        if (strcmp(faults[i].name, fault) != 0)
            continue;
        printf("busy: fault %s\n", fault);
        faults[i].commit(fit);
    }
}

void ff_fault_leak(size_t bytes)
{
    static void *volatile lost;
    lost = malloc(bytes);
    if (lost)
        memset(lost, 1, bytes);
}
