#include "stored.h"

static const struct ff_stored_target abc[] = {{"a", 48, 48}, {"b", 48, 48}, {"c", 48, 48}};

/* demo-1 has a, b and all; demo-2 fits a again as it was, b as an ewma, and c. */
static void publish_two(void)
{
    open_state();
    struct ff_outcome first[] = {fitted(2), fitted(1), fitted(0)};
    put_targets(abc, 2, true);
    report("host-1", first, 3);
    must(ff_store_publish(store, &job, 1000, &failure));
    job.id = 0;
    must(ff_store_put_job(store, &job, &failure));
    struct ff_outcome second[] = {fitted(0), fitted(1), fitted(2)};
    second[1].kind = "ewma";
    second[1].summary = "{\"metrics\":{\"cpu\":{\"level\":3}}}";
    second[1].model.size -= 1;
    put_targets(abc, 3, false);
    report("host-1", second, 3);
    must(ff_store_publish(store, &job, 2000, &failure));
}

TestSuite(documents_diff, .init = publish_two, .fini = close_state);

static const char *diff(uint64_t before, uint64_t after, const char *format, bool full)
{
    struct ff_diff_options options = {"demo", before, after, format, full};
    shown.size = 0;
    return text_of(ff_document_diff(store, &options, &shown, &failure));
}

Test(documents_diff, names_what_was_changed_added_and_is_the_same)
{
    const char *text = diff(1, 2, "json", false);
    assert_shows(text, "{\"set\":\"demo\",\"before\":1,\"after\":2,"
                       "\"counts\":{\"same\":2,\"changed\":1,\"added\":1,\"removed\":0},\"targets\":["
                       "{\"target\":\"a\",\"change\":\"same\",\"before\":{\"kind\":\"seasonal\"");
    assert_shows(text, "{\"target\":\"b\",\"change\":\"changed\",\"before\":{\"kind\":\"seasonal\"");
    assert_shows(text, "\"summary\":{\"metrics\":{\"cpu\":{\"level\":3}}}}},");
    assert_shows(text, "{\"target\":\"c\",\"change\":\"added\",\"before\":null,\"after\":{\"kind\"");
    assert_shows(text, "{\"target\":\"all\",\"change\":\"same\",");
    assert_shows(text, "\"from\":1,");
}

Test(documents_diff, turned_round_names_what_was_removed)
{
    const char *text = diff(2, 1, "csv", false);
    assert_shows(text, "target,change,kind_before,bytes_before,summary_before,"
                       "kind_after,bytes_after,summary_after\n");
    assert_shows(text, "\nc,removed,seasonal,");
    assert_shows(text, ",,,\nall,same,");
}

Test(documents_diff, a_table_shows_what_differs_and_everything_when_asked_to)
{
    cr_assert_str_eq(
        diff(1, 2, "table", false),
        "demo, generation 1 to 2: 2 same, 1 changed, 1 added, 0 removed\n\n"
        "target  change   before                                after\n"
        "b       changed  seasonal, 64 B: season 24, scale 0.5  ewma, 63 B: level 3\n"
        "c       added                                          seasonal, 64 B: season 24, scale "
        "0.5\n");
    assert_shows(diff(1, 2, "table", true), "\na       same");
    cr_assert_str_eq(diff(1, 1, "table", false),
                     "demo, generation 1 to 1: 3 same, 0 changed, 0 added, 0 removed\n");
}

Test(documents_diff, of_what_is_not_there_says_what_there_is)
{
    struct ff_diff_options options = {"demo", 1, 9, "json", false};
    cr_assert_eq(ff_document_diff(store, &options, &shown, &failure), FF_NOT_FOUND);
    cr_assert_str_eq(failure.text, "set 'demo' has no such generation as 9: it has 1, 2 (active)");
}
