/* Kinds in shared objects that somebody else wrote: a file that exports `const struct ff_kind fitfleet_kind`
 * (worker/models/kind.h, installed as fitfleet/kind.h).
 *
 * A name without '/' is NAME.so in the worker's plug-in folder (FITFLEET_PLUGINS); a path is taken only if
 * the worker's operator allows own models (FITFLEET_OWN_MODELS=1), as `train` does for its own worker. */
#ifndef FF_WORKER_PLUGIN_H
#define FF_WORKER_PLUGIN_H

#include "worker/models/kind.h"

#define FF_PLUGIN_KIND "plugin"

/* NULL with a message in fit. Stays loaded for the process; a file that changed since is refused, because
 * what is loaded cannot be told from it. Runs the object's constructors: for executors only. */
const struct ff_kind *ff_plugin_open(struct ff_fit *fit, const char *path);

#endif
