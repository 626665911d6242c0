#include "stored.h"

TestSuite(documents_models, .init = open_state, .fini = close_state);

static const struct ff_stored_target two[] = {{"a", 48, 48}, {"b", 48, 48}};

static const char *models(const char *set, const char *format)
{
    shown.size = 0;
    return text_of(ff_document_models(store, set, format, &shown, &failure));
}

static const char *export(const char *target)
{
    shown.size = 0;
    return text_of(ff_document_export(store, "demo", target, &shown, &failure));
}

static void next_job(void)
{
    job.id = 0;
    must(ff_store_put_job(store, &job, &failure));
}

/* demo-1 has b before a, in two reports, and all; demo-2 has a alone. */
static void publish_twice(void)
{
    static const struct ff_model_param params[] = {
        {.name = "components", .type = FF_VALUE_INTEGER, .in_summary = true, .integer = 1}};
    static const struct ff_model_part part = {"", FF_CODE_OK, "", params, 1};
    static const struct ff_model whole = {"pca", 1, &part, 1};
    struct ff_buf bytes = {0};
    ff_model_encode(&whole, &bytes);
    struct ff_outcome all = fitted(2), b = fitted(1), a = fitted(0);
    all.model = ff_buf_bytes(&bytes);
    all.model_size = bytes.size;
    struct ff_outcome first[] = {all, b};
    put_targets(two, 2, true);
    report("host-1", first, 2);
    report("host-1", &a, 1);
    must(ff_store_publish(store, &job, 1704164645678, &failure));
    next_job();
    put_targets(two, 2, true);
    report("host-1", &a, 1);
    must(ff_store_publish(store, &job, 1704164646000, &failure));
    ff_buf_fini(&bytes);
}

Test(documents_models, lists_generations_of_all_sets)
{
    publish_twice();
    cr_assert_str_eq(models("", "json"),
                     "[{\"set\":\"demo\",\"number\":1,\"active\":false,\"job\":\"demo-1\","
                     "\"created\":\"2024-01-02T03:04:05.678Z\",\"models\":3},"
                     "{\"set\":\"demo\",\"number\":2,\"active\":true,\"job\":\"demo-2\","
                     "\"created\":\"2024-01-02T03:04:06.000Z\",\"models\":3}]\n");
    cr_assert_str_eq(models("demo", "csv"), "set,number,active,job,created,models\n"
                                            "demo,1,false,demo-1,2024-01-02T03:04:05.678Z,3\n"
                                            "demo,2,true,demo-2,2024-01-02T03:04:06.000Z,3\n");
    cr_assert_str_eq(models("", "table"),
                     "set   generation          models  created                   job\n"
                     "demo           1               3  2024-01-02T03:04:05.678Z  demo-1\n"
                     "demo           2  active       3  2024-01-02T03:04:06.000Z  demo-2\n");
}

Test(documents_models, of_no_set_is_an_empty_list_and_of_an_unknown_one_not_found)
{
    cr_assert_str_eq(models("", "json"), "[]\n");
    cr_assert_str_eq(models("", "table"), "No models yet.\n");
    cr_assert_eq(ff_document_models(store, "x", "json", &shown, &failure), FF_NOT_FOUND);
    cr_assert_str_eq(failure.text, "there is no set 'x' (fitfleet models lists them)");
}

#define METRICS "\"metrics\":{\"cpu\":{\"season\":2,\"level\":[1.5,2]}}}\n"

Test(documents_models, exports_every_parameter_by_name_and_all_last)
{
    publish_twice();
    cr_assert_str_eq(export(""),
                     "{\"target\":\"a\",\"kind\":\"seasonal\"," METRICS
                     "{\"target\":\"b\",\"kind\":\"seasonal\",\"from\":1," METRICS
                     "{\"target\":\"all\",\"kind\":\"pca\",\"from\":1,\"model\":{\"components\":1}}\n");
    cr_assert_str_eq(export("b*"), "{\"target\":\"b\",\"kind\":\"seasonal\",\"from\":1," METRICS);
    cr_assert_str_eq(export("x*"), "");
}

Test(documents_models, exporting_a_set_that_is_not_there_is_not_found)
{
    cr_assert_eq(ff_document_export(store, "demo", "", &shown, &failure), FF_NOT_FOUND);
    cr_assert_str_eq(failure.text, "there is no set 'demo'");
}
