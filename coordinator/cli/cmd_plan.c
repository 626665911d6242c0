#include "coordinator/cli/cli.h"
int ff_command_plan(const struct ff_options *options) { (void)options; return 1; }
int ff_command_bench(const struct ff_options *options) { (void)options; return 1; }
