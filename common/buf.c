#include "common/buf.h"

#include <malloc.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *checked(void *block, size_t size)
{
    if (block || size == 0)
        return block;
    fprintf(stderr, "fitfleet: out of memory (%zu bytes)\n", size);
    abort();
}

void *ff_xalloc(size_t size)
{
    return checked(malloc(size), size);
}

void *ff_xcalloc(size_t count, size_t size)
{
    return checked(calloc(count, size), count * size);
}

void *ff_xrealloc(void *old, size_t size)
{
    return checked(realloc(old, size), size);
}

void ff_give_back_memory(void)
{
    enum { WORTH_IT = 32 << 20 };
    if (mallinfo2().fordblks > WORTH_IT)
        malloc_trim(0);
}

char *ff_xstrdup(const char *text)
{
    return ff_xstrndup(text, strlen(text));
}

char *ff_xstrndup(const char *text, size_t size)
{
    char *copy = ff_xalloc(size + 1);
    memcpy(copy, text, size);
    copy[size] = '\0';
    return copy;
}

char *ff_xasprintf(const char *format, ...)
{
    char *text = NULL;
    va_list args;
    va_start(args, format);
    int length = vasprintf(&text, format, args);
    va_end(args);
    return checked(length < 0 ? NULL : text, 1);
}

void ff_buf_fini(struct ff_buf *buf)
{
    free(buf->data);
    *buf = (struct ff_buf){0};
}

void *ff_buf_reserve(struct ff_buf *buf, size_t more)
{
    if (!buf->data || buf->capacity - buf->size < more) {
        size_t capacity = buf->capacity ? buf->capacity : 256;
        while (capacity - buf->size < more)
            capacity *= 2;
        buf->data = ff_xrealloc(buf->data, capacity);
        buf->capacity = capacity;
    }
    return buf->data + buf->size;
}

void ff_buf_append(struct ff_buf *buf, const void *data, size_t size)
{
    if (size == 0)
        return;
    memcpy(ff_buf_reserve(buf, size), data, size);
    buf->size += size;
}

void ff_buf_printf(struct ff_buf *buf, const char *format, ...)
{
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int length = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (length > 0) {
        vsnprintf(ff_buf_reserve(buf, (size_t)length + 1), (size_t)length + 1, format, again);
        buf->size += (size_t)length;
    }
    va_end(again);
}

void ff_buf_drop(struct ff_buf *buf, size_t count)
{
    if (count == 0)
        return;
    memmove(buf->data, buf->data + count, buf->size - count);
    buf->size -= count;
}

const char *ff_buf_text(struct ff_buf *buf)
{
    *(char *)ff_buf_reserve(buf, 1) = '\0';
    return (const char *)buf->data;
}
