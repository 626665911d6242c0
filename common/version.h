/* Which fitfleet this is. Alone in its file, so that tests link programs of another version from the same
 * objects. */
#ifndef FF_COMMON_VERSION_H
#define FF_COMMON_VERSION_H

extern const char ff_version[]; /* "0.1.0" */
/* Of the wire: programs that speak different ones refuse each other. Raised when they would misunderstand
 * each other. */
extern const unsigned ff_protocol;

#endif
