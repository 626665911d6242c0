#include "common/objects.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

enum { LIMIT = 10000 };

static struct ff_objects *objects;

static void make(void)
{
    objects = ff_objects_create();
}

static void drop(void)
{
    ff_objects_destroy(objects);
}

TestSuite(objects, .init = make, .fini = drop);

static struct ff_bytes text(const char *from)
{
    return (struct ff_bytes){(const uint8_t *)from, strlen(from)};
}

static struct ff_bytes owned(const char *from)
{
    return text(ff_xstrdup(from));
}

static bool holds(const struct ff_object_id *id)
{
    return ff_objects_get(objects, id, 0).data != NULL;
}

/* One range of "what" as an uploader would send it. */
static enum ff_status put(const char *what, uint64_t offset, size_t size, bool *complete,
                          struct ff_error *err)
{
    struct ff_put_request range = {ff_object_hash(text(what)), strlen(what), offset};
    return ff_objects_put(objects, &range, (struct ff_bytes){(const uint8_t *)what + offset, size}, LIMIT,
                          100, complete, err);
}

Test(objects, are_named_by_their_content)
{
    struct ff_object_id id = ff_objects_add(objects, owned("abc"), true, 0);
    struct ff_object_id same = ff_object_hash(text("abc")), other = ff_object_hash(text("abd"));
    cr_assert_eq(memcmp(&id, &same, sizeof id), 0);
    cr_assert_neq(memcmp(&id, &other, sizeof id), 0);
    struct ff_bytes found = ff_objects_get(objects, &id, 0);
    cr_assert_eq(found.size, 3);
    cr_assert_eq(memcmp(found.data, "abc", 3), 0);
    cr_assert_not(holds(&other));
}

Test(objects, added_twice_are_one)
{
    struct ff_object_id id = ff_objects_add(objects, owned("abc"), true, 0);
    ff_objects_add(objects, owned("abc"), true, 0);
    ff_objects_drop(objects, &id);
    cr_assert_not(holds(&id));
}

Test(objects, taken_ones_belong_to_the_taker)
{
    struct ff_object_id id = ff_objects_add(objects, owned("abc"), true, 0);
    struct ff_bytes taken = ff_objects_take(objects, &id);
    cr_assert_eq(memcmp(taken.data, "abc", 3), 0);
    cr_assert_not(holds(&id));
    cr_assert_null(ff_objects_take(objects, &id).data);
    free((void *)(uintptr_t)taken.data);
}

Test(objects, expire_unless_they_are_read_or_have_no_time)
{
    struct ff_object_id kept = ff_objects_add(objects, text("kept"), false, 0);
    struct ff_object_id old = ff_objects_add(objects, owned("old"), true, 100);
    struct ff_object_id read = ff_objects_add(objects, owned("read"), true, 100);
    ff_objects_get(objects, &read, 200);
    ff_objects_expire(objects, 99);
    cr_assert_not_null(ff_objects_get(objects, &old, 100).data);
    ff_objects_expire(objects, 150);
    cr_assert_not(holds(&old));
    cr_assert_not_null(ff_objects_get(objects, &read, 200).data);
    ff_objects_expire(objects, 300);
    cr_assert_not(holds(&read));
    cr_assert(holds(&kept));
}

Test(objects, uploads_are_complete_with_their_last_range)
{
    bool complete;
    struct ff_object_id id = ff_object_hash(text("abcdef"));
    cr_assert_eq(put("abcdef", 0, 4, &complete, NULL), FF_OK);
    cr_assert_not(complete);
    cr_assert_not(holds(&id));
    cr_assert_eq(put("abcdef", 4, 2, &complete, NULL), FF_OK);
    cr_assert(complete);
    cr_assert_eq(memcmp(ff_objects_get(objects, &id, 100).data, "abcdef", 6), 0);
}

Test(objects, ranges_sent_again_are_ignored)
{
    bool complete;
    cr_assert_eq(put("abcdef", 0, 4, &complete, NULL), FF_OK);
    cr_assert_eq(put("abcdef", 0, 4, &complete, NULL), FF_OK);
    cr_assert_not(complete);
    cr_assert_eq(put("abcdef", 4, 2, &complete, NULL), FF_OK);
    cr_assert_eq(put("abcdef", 4, 2, &complete, NULL), FF_OK);
    cr_assert(complete);
}

Test(objects, ranges_that_skip_or_run_over_are_refused)
{
    bool complete = false;
    struct ff_error err = {0};
    cr_assert_eq(put("abcdef", 0, 2, &complete, NULL), FF_OK);
    cr_assert_eq(put("abcdef", 4, 2, &complete, &err), FF_FAILED_PRECONDITION);
    struct ff_put_request range = {ff_object_hash(text("abcdef")), 6, 2};
    cr_assert_eq(ff_objects_put(objects, &range, text("cdefgh"), LIMIT, 100, &complete, &err),
                 FF_INVALID_ARGUMENT);
    cr_assert_eq(put("abcdef", 2, 4, &complete, NULL), FF_OK);
    cr_assert(complete);
}

Test(objects, an_empty_range_changes_nothing)
{
    bool complete = true;
    struct ff_put_request range = {ff_object_hash(text("abc")), 3, 0};
    cr_assert_eq(ff_objects_put(objects, &range, (struct ff_bytes){0}, LIMIT, 100, &complete, NULL), FF_OK);
    cr_assert_not(complete);
}

Test(objects, an_upload_that_is_not_what_its_name_says_is_dropped)
{
    bool complete = false;
    struct ff_error err = {0};
    struct ff_put_request range = {ff_object_hash(text("abc")), 3, 0};
    cr_assert_eq(ff_objects_put(objects, &range, text("abd"), LIMIT, 100, &complete, &err), FF_DATA_LOSS);
    cr_assert_not(complete);
    cr_assert_eq(put("abc", 0, 3, &complete, NULL), FF_OK);
    cr_assert(complete);
}

Test(objects, uploads_share_a_limit_that_dropping_gives_back)
{
    bool complete;
    struct ff_error err = {0};
    struct ff_put_request first = {ff_object_hash(text("first")), LIMIT - 100, 0}, second = first,
                          huge = first;
    second.object = ff_object_hash(text("second"));
    second.size = 200;
    huge.object = ff_object_hash(text("huge"));
    huge.size = UINT64_MAX;
    cr_assert_eq(ff_objects_put(objects, &first, text("a"), LIMIT, 100, &complete, &err), FF_OK);
    cr_assert_eq(ff_objects_put(objects, &second, text("a"), LIMIT, 100, &complete, &err),
                 FF_RESOURCE_EXHAUSTED);
    cr_assert_eq(ff_objects_put(objects, &huge, text("a"), LIMIT, 100, &complete, &err),
                 FF_RESOURCE_EXHAUSTED);
    ff_objects_expire(objects, 100);
    cr_assert_eq(ff_objects_put(objects, &second, text("a"), LIMIT, 100, &complete, &err), FF_OK);
}

Test(objects, a_refused_first_range_takes_no_room)
{
    bool complete;
    struct ff_error err = {0};
    struct ff_put_request late = {ff_object_hash(text("late")), LIMIT, 1}, fits = late;
    fits.object = ff_object_hash(text("fits"));
    fits.offset = 0;
    cr_assert_eq(ff_objects_put(objects, &late, text("a"), LIMIT, 100, &complete, &err),
                 FF_FAILED_PRECONDITION);
    cr_assert_eq(ff_objects_put(objects, &fits, text("a"), LIMIT, 100, &complete, &err), FF_OK);
}

Test(objects, an_object_of_no_bytes_cannot_be_uploaded)
{
    bool complete;
    struct ff_error err = {0};
    struct ff_put_request range = {ff_object_hash((struct ff_bytes){0}), 0, 0};
    cr_assert_eq(ff_objects_put(objects, &range, (struct ff_bytes){0}, LIMIT, 100, &complete, &err),
                 FF_RESOURCE_EXHAUSTED);
}
