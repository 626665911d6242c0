#include "worker/channel.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

static struct ff_arena arena;
static struct ff_buf stream;
static int ends[2];

static void make(void)
{
    cr_assert_eq(pipe(ends), 0);
}

static void drop(void)
{
    ff_arena_fini(&arena);
    ff_buf_fini(&stream);
    close(ends[0]);
    close(ends[1]);
}

TestSuite(channel, .init = make, .fini = drop);

static const struct ff_outcome fitted = {.target = 7,
                                         .class = FF_FITTED,
                                         .errmsg = "",
                                         .kind = "ewma",
                                         .summary = "{}",
                                         .fit_ms = 2.5,
                                         .model = {(const uint8_t *)"MODEL", 5},
                                         .log = {(const uint8_t *)"printed", 7}};

/* What was written to the pipe goes behind stream. */
static void collect(void)
{
    ssize_t got = read(ends[0], ff_buf_reserve(&stream, 65536), 65536);
    cr_assert_gt(got, 0);
    stream.size += (size_t)got;
}

static int64_t parse(const uint8_t *bytes, size_t size, struct ff_channel_message *out)
{
    uint8_t *copy = ff_xalloc(size + 1) /* a sanitizer sees a read behind it */;
    if (size)
        memcpy(copy + 1, bytes, size);
    int64_t parsed = ff_channel_parse((struct ff_bytes){copy + 1, size}, &arena, out);
    cr_assert_leq(parsed, (int64_t)size);
    if (parsed > 0 && !out->end) {
        volatile uint8_t sum = 0;
        for (size_t i = 0; i < out->outcome.model.size; i++)
            sum = (uint8_t)(sum + out->outcome.model.data[i]);
        for (size_t i = 0; i < out->outcome.log.size; i++)
            sum = (uint8_t)(sum + out->outcome.log.data[i]);
    }
    free(copy);
    ff_arena_reset(&arena);
    return parsed;
}

Test(channel, outcomes_and_their_end_come_back_as_written)
{
    struct ff_channel_message message;
    cr_assert(ff_channel_write_outcome(ends[1], 3, 1, &fitted));
    cr_assert(ff_channel_write_end(ends[1], 3));
    collect();
    int64_t size = ff_channel_parse(ff_buf_bytes(&stream), &arena, &message);
    cr_assert_gt(size, 0);
    cr_assert(message.ticket == 3 && message.task == 1 && !message.end);
    cr_assert(message.outcome.target == 7 && message.outcome.class == FF_FITTED &&
              message.outcome.fit_ms == 2.5);
    cr_assert_str_eq(message.outcome.kind, "ewma");
    cr_assert(message.outcome.model.size == 5 && memcmp(message.outcome.model.data, "MODEL", 5) == 0);
    cr_assert(message.outcome.log.size == 7 && memcmp(message.outcome.log.data, "printed", 7) == 0);
    ff_buf_drop(&stream, (size_t)size);
    cr_assert_eq(ff_channel_parse(ff_buf_bytes(&stream), &arena, &message), (int64_t)stream.size);
    cr_assert(message.end && message.ticket == 3);
}

Test(channel, a_message_that_is_not_whole_waits_for_the_rest)
{
    struct ff_channel_message message;
    cr_assert(ff_channel_write_outcome(ends[1], 3, 1, &fitted));
    collect();
    for (size_t size = 0; size < stream.size; size++)
        cr_assert_eq(parse(stream.data, size, &message), 0, "%zu", size);
    cr_assert_eq(parse(stream.data, stream.size, &message), (int64_t)stream.size);
}

Test(channel, garbage_is_recognised_and_never_read_out_of_bounds)
{
    struct ff_channel_message message;
    uint32_t state = 3;
    cr_assert_eq(parse((const uint8_t *)"this is no message at all", 25, &message), -1);
    for (int round = 0; round < 500; round++) {
        uint8_t noise[100];
        for (size_t i = 0; i < sizeof noise; i++)
            noise[i] = (uint8_t)((state = state * 1664525 + 1013904223) >> 24);
        parse(noise, sizeof noise, &message);
    }
}

Test(channel, no_flipped_bit_is_read_out_of_bounds)
{
    struct ff_channel_message message;
    cr_assert(ff_channel_write_outcome(ends[1], 3, 1, &fitted));
    collect();
    for (size_t bit = 0; bit < stream.size * 8; bit++) {
        stream.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
        parse(stream.data, stream.size, &message);
        stream.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
}

/* A header of five words: magic, ticket, task, sizes of body and blocks. */
static int64_t parse_header(uint32_t task, uint32_t body, uint32_t blocks)
{
    struct ff_channel_message message;
    uint32_t words[6] = {0x46464331, 1, task, body, blocks, 0};
    return parse((const uint8_t *)words, sizeof words, &message);
}

Test(channel, impossible_sizes_are_garbage_at_once)
{
    cr_assert_eq(parse_header(0, 2 << 20, 0), -1);
    cr_assert_eq(parse_header(0, 0, UINT32_MAX), -1);
    cr_assert_eq(parse_header(0, UINT32_MAX, UINT32_MAX), -1);
    cr_assert_eq(parse_header(UINT32_MAX, 4, 0), -1);
    cr_assert_eq(parse_header(0, 1 << 20, 0), 0);
}

Test(channel, an_outcome_message_without_an_outcome_is_garbage)
{
    cr_assert_eq(parse_header(0, 0, 0), -1);
    cr_assert_eq(parse_header(0, 4, 0), -1);
}

Test(channel, writing_to_an_agent_that_is_gone_says_so)
{
    signal(SIGPIPE, SIG_IGN);
    close(ends[0]);
    cr_assert_not(ff_channel_write_outcome(ends[1], 1, 0, &fitted));
    cr_assert_not(ff_channel_write_end(ends[1], 1));
    ends[0] = dup(ends[1]);
}

Test(channel, runs_travel_with_their_descriptors)
{
    int sockets[2];
    struct ff_run_files files;
    struct ff_run_command out, in = {.ticket = 5, .lane = 1, .buffer_id = 9, .capacity = 100, .first = 2};
    struct ff_run_command with_object = {.has_object = 1};
    int memory = memfd_create("x", MFD_CLOEXEC);
    cr_assert_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets), 0);
    cr_assert(ff_channel_send_run(sockets[0], &in, &(struct ff_run_files){memory, -1, {0}, 0}));
    cr_assert(ff_channel_send_run(sockets[0], &with_object,
                                  &(struct ff_run_files){memory, memory, {memory, memory}, 2}));
    cr_assert(ff_channel_receive_run(sockets[1], &out, &files));
    cr_assert(out.ticket == 5 && out.lane == 1 && out.buffer_id == 9 && out.capacity == 100 &&
              out.first == 2);
    cr_assert(files.buffer >= 0 && files.object == -1 && files.shared_count == 0);
    cr_assert(fcntl(files.buffer, F_GETFD) & FD_CLOEXEC);
    ff_run_files_close(&files);
    cr_assert(ff_channel_receive_run(sockets[1], &out, &files));
    cr_assert(files.buffer >= 0 && files.object >= 0 && files.buffer != files.object);
    cr_assert(files.shared_count == 2 && files.shared[0] >= 0 && files.shared[0] != files.shared[1]);
    ff_run_files_close(&files);
    close(sockets[0]);
    cr_assert_not(ff_channel_receive_run(sockets[1], &out, &files));
    close(sockets[1]);
    close(memory);
}
