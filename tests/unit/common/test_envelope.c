#include "common/codec/envelope.h"

#include "common/rpc.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static struct ff_arena arena;
static struct ff_buf message;

static void drop(void)
{
    ff_arena_fini(&arena);
    ff_buf_fini(&message);
}

TestSuite(envelope, .fini = drop);

static const struct ff_envelope request = {.protocol = 1,
                                           .version = "0.1.0",
                                           .request_id = 0x1122334455667788,
                                           .method = "Fleet.Lease",
                                           .deadline_ms = 30000,
                                           .token = {(const uint8_t *)"se\0cret", 7}};

/* A whole request with body "body" and blocks "blocks!" in message. */
static void build_request(void)
{
    message.size = 0;
    ff_envelope_encode_request(&request, 4, 7, &message);
    ff_buf_append(&message, "bodyblocks!", 11);
}

/* Decodes a copy of exactly that size, so that a sanitizer sees a read behind it. */
static enum ff_status decode(const void *data, size_t size, struct ff_envelope *out)
{
    struct ff_error err = {0};
    struct ff_bytes body, blocks;
    uint8_t *copy = ff_xalloc(size);
    if (size)
        memcpy(copy, data, size);
    ff_arena_reset(&arena);
    struct ff_bytes whole = {copy, size};
    enum ff_status status = ff_envelope_decode_request(whole, &arena, out, &body, &blocks, &err);
    if (!status) {
        cr_assert_geq(body.data, copy);
        cr_assert_eq(body.data + body.size, blocks.data);
        cr_assert_eq(blocks.data + blocks.size, copy + size);
    } else {
        cr_assert_eq(status, FF_INVALID_ARGUMENT);
        cr_assert(*err.text);
    }
    free(copy);
    return status;
}

Test(envelope, a_request_comes_back_as_it_was)
{
    struct ff_envelope out;
    struct ff_bytes body, blocks;
    build_request();
    cr_assert_eq(ff_envelope_decode_request(ff_buf_bytes(&message), &arena, &out, &body, &blocks, NULL),
                 FF_OK);
    cr_assert_eq(out.protocol, 1);
    cr_assert_str_eq(out.version, "0.1.0");
    cr_assert_eq(out.request_id, 0x1122334455667788);
    cr_assert_str_eq(out.method, "Fleet.Lease");
    cr_assert_eq(out.deadline_ms, 30000);
    cr_assert_eq(out.token.size, 7);
    cr_assert_eq(memcmp(out.token.data, "se\0cret", 7), 0);
    cr_assert_eq(body.size, 4);
    cr_assert_eq(memcmp(body.data, "body", 4), 0);
    cr_assert_eq(blocks.size, 7);
    cr_assert_eq(memcmp(blocks.data, "blocks!", 7), 0);
}

Test(envelope, a_response_comes_back_as_it_was)
{
    struct ff_envelope in = {
        .protocol = 1, .version = "9", .request_id = 7, .status = FF_NOT_FOUND, .text = "no job"};
    struct ff_envelope out;
    struct ff_bytes body, blocks;
    ff_envelope_encode_response(&in, 0, 0, &message);
    cr_assert_eq(ff_envelope_decode_response(ff_buf_bytes(&message), &arena, &out, &body, &blocks, NULL),
                 FF_OK);
    cr_assert_eq(out.status, FF_NOT_FOUND);
    cr_assert_str_eq(out.text, "no job");
    cr_assert_eq(out.request_id, 7);
    cr_assert_str_eq(out.version, "9");
    cr_assert_eq(body.size + blocks.size, 0);
}

Test(envelope, a_message_cut_anywhere_is_refused)
{
    struct ff_envelope out;
    build_request();
    for (size_t size = 0; size < message.size; size++)
        cr_assert_eq(decode(message.data, size, &out), FF_INVALID_ARGUMENT, "%zu bytes", size);
}

Test(envelope, a_message_with_bytes_behind_it_is_refused)
{
    struct ff_envelope out;
    build_request();
    ff_buf_append(&message, "", 1);
    cr_assert_eq(decode(message.data, message.size, &out), FF_INVALID_ARGUMENT);
}

Test(envelope, another_magic_is_refused)
{
    struct ff_envelope out;
    for (size_t i = 0; i < 4; i++) {
        build_request();
        message.data[i] ^= 1;
        cr_assert_eq(decode(message.data, message.size, &out), FF_INVALID_ARGUMENT);
    }
}

Test(envelope, sizes_that_do_not_add_up_are_refused_also_those_that_wrap_around)
{
    struct ff_envelope out;
    static const uint8_t huge[4] = {255, 255, 255, 255};
    for (size_t i = 4; i < 16; i++) {
        build_request();
        message.data[i]++;
        cr_assert_eq(decode(message.data, message.size, &out), FF_INVALID_ARGUMENT, "byte %zu", i);
    }
    for (size_t i = 4; i < 16; i += 4) {
        build_request();
        memcpy(message.data + i, huge, 4);
        cr_assert_eq(decode(message.data, message.size, &out), FF_INVALID_ARGUMENT);
    }
    build_request();
    memcpy(message.data + 8, huge, 4);
    memcpy(message.data + 12, huge, 4);
    cr_assert_eq(decode(message.data, message.size, &out), FF_INVALID_ARGUMENT);
}

Test(envelope, no_flipped_bit_reads_out_of_bounds)
{
    struct ff_envelope out;
    build_request();
    for (size_t bit = 0; bit < message.size * 8; bit++) {
        message.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
        enum ff_status status = decode(message.data, message.size, &out);
        cr_assert(status == FF_OK || status == FF_INVALID_ARGUMENT);
        message.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
}

Test(envelope, one_that_unfolds_past_the_arenas_limit_is_refused)
{
    struct ff_envelope large = request, out;
    struct ff_bytes body, blocks;
    struct ff_buf token = {0};
    memset(ff_buf_reserve(&token, 1 << 17), 'x', 1 << 17);
    large.token = (struct ff_bytes){token.data, 1 << 17};
    ff_envelope_encode_request(&large, 0, 0, &message);
    arena.limit = 64 << 10;
    cr_assert_eq(ff_envelope_decode_request(ff_buf_bytes(&message), &arena, &out, &body, &blocks, NULL),
                 FF_INVALID_ARGUMENT);
    ff_buf_fini(&token);
}
