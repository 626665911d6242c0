#include "coordinator/documents.h"
#include "coordinator/setmodels.h"

enum ff_status ff_document_kit(struct ff_store *store, const char *set, const char *target,
                               struct ff_buf *out, struct ff_error *err)
{
    struct ff_arena arena = {0};
    struct ff_kit kit;
    enum ff_status status = ff_setmodels_kit(store, set, 0, target, &arena, &kit, err);
    if (!status)
        ff_kit_encode(&kit, out);
    ff_arena_fini(&arena);
    return status;
}
