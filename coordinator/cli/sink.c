#include "coordinator/cli/sink.h"

#include "common/buf.h"

#include <stdbool.h>
#include <stdlib.h>
#include <sys/stat.h>

enum ff_status ff_sink_open(const char *path, struct ff_sink *out, struct ff_error *err)
{
    struct stat info;
    *out = (struct ff_sink){stdout, path, NULL};
    if (!path)
        return FF_OK;
    if (stat(path, &info) != 0 || S_ISREG(info.st_mode))
        out->part = ff_xasprintf("%s.part", path);
    out->file = fopen(out->part ? out->part : path, "we");
    if (out->file)
        return FF_OK;
    ff_error_set(err, FF_INVALID_ARGUMENT, "cannot write %s: %m", path);
    free(out->part);
    return err->status;
}

enum ff_status ff_sink_close(struct ff_sink *sink, enum ff_status status, struct ff_error *err)
{
    const char *path = sink->path ? sink->path : "to standard output";
    bool good = sink->path ? fclose(sink->file) == 0 : fflush(stdout) == 0;
    if (sink->part) {
        good = good && !status && rename(sink->part, sink->path) == 0;
        if (!good)
            remove(sink->part);
        free(sink->part);
    }
    return good || status ? status : ff_error_set(err, FF_INTERNAL, "cannot write %s: %m", path);
}
