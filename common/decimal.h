/* Numbers as decimal text that reads back as the same double. Pure. */
#ifndef FF_COMMON_DECIMAL_H
#define FF_COMMON_DECIMAL_H

enum { FF_DECIMAL_SIZE = 32 };

/* What printf's %.15g gives if strtod makes the same double of it, else %.16g, else %.17g; value is finite.
 *
 * Faster than trying them, by far for what people measure (at most 15 digits). */
void ff_decimal(double value, char text[FF_DECIMAL_SIZE]);

#endif
