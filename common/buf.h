/* A growable byte buffer. Allocation failure ends the process: see ff_xalloc. */
#ifndef FF_COMMON_BUF_H
#define FF_COMMON_BUF_H

#include "common/error.h"

#include <stddef.h>
#include <stdint.h>

/* Borrowed bytes. */
struct ff_bytes {
    const uint8_t *data;
    size_t size;
};

struct ff_buf {
    uint8_t *data;
    size_t size;
    size_t capacity;
};

void ff_buf_fini(struct ff_buf *buf);
/* Makes room for more bytes behind size and returns where they go; size is not changed. */
void *ff_buf_reserve(struct ff_buf *buf, size_t more);
void ff_buf_append(struct ff_buf *buf, const void *data, size_t size);
void ff_buf_printf(struct ff_buf *buf, const char *format, ...) FF_PRINTF(2, 3);
/* Removes the first count bytes. */
void ff_buf_drop(struct ff_buf *buf, size_t count);
/* A terminating NUL behind the bytes (not counted in size); returns data as text. */
const char *ff_buf_text(struct ff_buf *buf);
static inline struct ff_bytes ff_buf_bytes(const struct ff_buf *buf)
{
    return (struct ff_bytes){buf->data, buf->size};
}

/* malloc/calloc/realloc/strdup for bookkeeping of our own making: a host without memory for these cannot go
 * on, so they print and abort. Sizes that a peer or a file chose are limited before they come here. */
void *ff_xalloc(size_t size);
void *ff_xcalloc(size_t count, size_t size);
void *ff_xrealloc(void *old, size_t size);
/* To be called where much was freed: returns it to the system if it is more than some tens of megabytes,
 * which takes a millisecond for about ten of them. */
void ff_give_back_memory(void);
char *ff_xstrdup(const char *text);
char *ff_xstrndup(const char *text, size_t size);
char *ff_xasprintf(const char *format, ...) FF_PRINTF(1, 2);

#endif
