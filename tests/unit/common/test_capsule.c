#include "support/capsule.h"

#include <criterion/criterion.h>
#include <string.h>

static struct ff_buf file;
static struct ff_arena arena;
static struct ff_capsule got;
static struct ff_error failure;

static void setup(void)
{
    struct ff_capsule capsule = sample_capsule();
    file = (struct ff_buf){0};
    arena = (struct ff_arena){0};
    failure = (struct ff_error){0};
    ff_capsule_encode(&capsule, &file);
}

static void teardown(void)
{
    ff_buf_fini(&file);
    ff_arena_fini(&arena);
}

TestSuite(capsule, .init = setup, .fini = teardown);

static enum ff_status decode(void)
{
    return ff_capsule_decode(ff_buf_bytes(&file), &arena, &got, &failure);
}

static void assert_refused(const char *why)
{
    cr_assert_eq(decode(), FF_INVALID_ARGUMENT);
    cr_assert_not_null(strstr(failure.text, why), "%s", failure.text);
}

/* Makes the checksum right again. */
static void seal(void)
{
    struct ff_object_id sum = ff_object_hash((struct ff_bytes){file.data, file.size - FF_OBJECT_ID_SIZE});
    memcpy(file.data + file.size - FF_OBJECT_ID_SIZE, sum.bytes, sizeof sum.bytes);
}

Test(capsule, comes_back_as_it_was)
{
    struct ff_capsule sent = sample_capsule();
    cr_assert_eq(decode(), FF_OK, "%s", failure.text);
    cr_assert_str_eq(got.job, "nightly-7");
    cr_assert_str_eq(got.version, "0.1.0");
    cr_assert_str_eq(got.worker, "host-1");
    cr_assert_str_eq(got.profile, "p1");
    cr_assert_eq(got.timeout_ms, 60000);
    cr_assert_eq(got.memory_bytes, 1 << 30);
    cr_assert_eq(got.task.target, 5);
    cr_assert_str_eq(got.task.name, "TX5");
    cr_assert_str_eq(got.task.model->kind, "seasonal");
    cr_assert_str_eq(got.task.model->params[0].text, "24");
    cr_assert_str_eq(got.task.fallback->kind, "ewma");
    cr_assert_str_eq(got.task.metrics[1], "elapsed");
    cr_assert_eq(got.task.frame.t0_ms, -60000);
    cr_assert_eq(got.task.frame.steps, 4);
    cr_assert_eq(memcmp(got.task.frame.values, sent.task.frame.values, ff_frame_bytes(&sent.task.frame)), 0);
    cr_assert_eq(got.outcome.class, FF_QUARANTINED);
    cr_assert_eq(got.outcome.signal, 11);
    cr_assert_eq(got.outcome.attempts, 3);
    cr_assert_eq(got.outcome.log.size, 11);
    cr_assert(!got.has_model && !got.rebuilt && !got.files_changed);
}

Test(capsule, keeps_the_hash_and_the_size_of_a_model_but_not_the_model)
{
    struct ff_capsule capsule = sample_capsule();
    capsule.outcome.class = FF_FITTED;
    capsule.outcome.code = FF_CODE_OK;
    capsule.outcome.model_size = 5800;
    capsule.has_model = capsule.rebuilt = capsule.files_changed = true;
    capsule.model_hash = ff_object_hash((struct ff_bytes){(const uint8_t *)"model", 5});
    file.size = 0;
    ff_capsule_encode(&capsule, &file);
    cr_assert_eq(decode(), FF_OK, "%s", failure.text);
    cr_assert(got.has_model && got.rebuilt && got.files_changed);
    cr_assert_eq(memcmp(&got.model_hash, &capsule.model_hash, sizeof got.model_hash), 0);
    cr_assert_eq(got.outcome.model_size, 5800);
    cr_assert_eq(got.outcome.model.size, 0);
}

Test(capsule, every_truncation_is_refused)
{
    size_t whole = file.size;
    for (size_t size = 0; size < whole; size++) {
        file.size = size;
        cr_assert_eq(decode(), FF_INVALID_ARGUMENT, "%zu bytes", size);
    }
}

Test(capsule, every_flipped_bit_is_refused)
{
    for (size_t at = 0; at < file.size; at++) {
        file.data[at] ^= 0x10;
        cr_assert_eq(decode(), FF_INVALID_ARGUMENT, "byte %zu", at);
        file.data[at] ^= 0x10;
    }
}

Test(capsule, something_behind_it_is_refused)
{
    ff_buf_append(&file, "x", 1);
    assert_refused("something is behind it");
}

Test(capsule, sizes_are_held_against_the_file_before_anything_is_read)
{
    memset(file.data + 12, 0xff, 4);
    assert_refused("cut off");
    memset(file.data + 12, 0, 4);
    memset(file.data + 16, 0xff, 8);
    assert_refused("cut off");
}

Test(capsule, another_format_is_refused_with_both_named)
{
    file.data[8] = 2;
    seal();
    assert_refused("format 2, this fitfleet (" FITFLEET_VERSION ") reads format 1");
}

Test(capsule, another_file_is_refused)
{
    file.size = 0;
    ff_buf_printf(&file, "time,target,value\n1,a,2\n%0100d", 0);
    assert_refused("not a capsule");
}

Test(capsule, a_frame_outside_its_blocks_is_refused)
{
    struct ff_capsule capsule = sample_capsule();
    capsule.task.frame.steps = 3;
    file.size = 0;
    ff_capsule_encode(&capsule, &file);
    /* The varint of the number of steps stands behind that of step_ms: tag 0x38 (60000 = e0 d4 03), tag 0x40.
     */
    uint8_t *steps = memmem(file.data, file.size, "\x38\xe0\xd4\x03\x40\x03", 6);
    cr_assert_not_null(steps);
    steps[5] = 100;
    seal();
    assert_refused("frame outside its bytes");
}
