#include "common/version.h"

#ifdef FITFLEET_OTHER_VERSION /* a program of a test */
const char ff_version[] = FITFLEET_OTHER_VERSION;
const unsigned ff_protocol = FITFLEET_OTHER_PROTOCOL;
#else
const char ff_version[] = FITFLEET_VERSION;
const unsigned ff_protocol = 2;
#endif
