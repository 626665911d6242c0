/* A plug-in runs in the executor, with all that an executor may do and under its limits: if it crashes, hangs
 * or takes all memory, that costs its target, and the executor is replaced. Nothing of it is ever loaded into
 * the agent or the coordinator. */
#include "worker/plugin.h"

#include "common/buf.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { MOST_PLUGINS = 16 };

struct plugin {
    char *path;
    dev_t device;
    ino_t inode;
    struct timespec changed;
    struct ff_kind kind; /* a copy: one of an older header has fewer members, which are NULL here */
};

static struct plugin plugins[MOST_PLUGINS]; /* of this process, which fits with one thread */
static size_t plugin_count;

static const struct ff_kind *refuse(struct ff_fit *fit, const char *path, const char *why)
{
    fit->fail(fit, FF_FIT_BAD_PARAMETER, "plugin %s: %s", path, why);
    return NULL;
}

/* The file; NULL with a message. */
static char *find_file(struct ff_fit *fit, const char *path)
{
    const char *folder = getenv("FITFLEET_PLUGINS"), *own = getenv("FITFLEET_OWN_MODELS");
    if (!strchr(path, '/')) {
        if (folder && *folder)
            return ff_xasprintf("%s/%s.so", folder, path);
        refuse(fit, path,
               "this worker has no plug-in folder (--plugins DIR); a file needs a '/' in its path");
        return NULL;
    }
    if (own && strcmp(own, "1") == 0)
        return ff_xstrdup(path);
    refuse(fit, path, "this worker takes plug-ins from its own folder only (--own-models allows others)");
    return NULL;
}

static const char *check(const struct ff_kind *kind)
{
    if (!kind)
        return "it has no symbol fitfleet_kind";
    if (kind->abi_version != FF_KIND_ABI_VERSION)
        return "it was built for another version of fitfleet/kind.h";
    if (kind->struct_size < offsetof(struct ff_kind, score))
        return "its struct_size is not that of struct ff_kind";
    if (!kind->name || !kind->configure || !kind->fit)
        return "it has no name, configure or fit";
    return NULL;
}

static const struct ff_kind *load(struct ff_fit *fit, const char *path, const char *file,
                                  const struct stat *info)
{
    if (plugin_count == MOST_PLUGINS)
        return refuse(fit, path, "there are too many plug-ins");
    void *object = dlopen(file, RTLD_NOW | RTLD_LOCAL);
    if (!object)
        return refuse(fit, path, dlerror());
    const struct ff_kind *found = dlsym(object, "fitfleet_kind");
    const char *problem = check(found);
    if (problem) {
        dlclose(object);
        return refuse(fit, path, problem);
    }
    struct plugin *plugin = &plugins[plugin_count++];
    *plugin = (struct plugin){ff_xstrdup(file), info->st_dev, info->st_ino, info->st_mtim, {0}};
    memcpy(&plugin->kind, found,
           found->struct_size < sizeof plugin->kind ? found->struct_size : sizeof plugin->kind);
    return &plugin->kind;
}

static bool is_same(const struct plugin *plugin, const struct stat *info)
{
    return plugin->device == info->st_dev && plugin->inode == info->st_ino &&
           plugin->changed.tv_sec == info->st_mtim.tv_sec && plugin->changed.tv_nsec == info->st_mtim.tv_nsec;
}

static const struct ff_kind *open_file(struct ff_fit *fit, const char *path, const char *file)
{
    struct stat info;
    if (stat(file, &info) != 0)
        return refuse(fit, path, "no such file on this worker");
    for (size_t i = 0; i < plugin_count; i++) {
        if (strcmp(plugins[i].path, file) != 0)
            continue;
        return is_same(&plugins[i], &info)
                   ? &plugins[i].kind
                   : refuse(fit, path, "the file changed while it was in use: restart the worker");
    }
    return load(fit, path, file, &info);
}

const struct ff_kind *ff_plugin_open(struct ff_fit *fit, const char *path)
{
    char *file = find_file(fit, path);
    const struct ff_kind *kind = file ? open_file(fit, path, file) : NULL;
    free(file);
    return kind;
}
