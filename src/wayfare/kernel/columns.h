/* Arrow buffers of one column, as a decoder fills them. Mirrored by kernel/buffers.py. */
#ifndef WAYFARE_COLUMNS_H
#define WAYFARE_COLUMNS_H
#include <stdint.h>

typedef struct {
    int32_t kind;       /* the decoder's own code for the wire type */
    int32_t scale;      /* of decimals */
    uint8_t *valid;     /* one bit a row, least significant first; zeroed before */
    void *data;         /* fixed-width values */
    int32_t *offsets;   /* variable-width values: offsets[0] == 0 */
    uint8_t *bytes;     /* … and their bytes */
    int64_t bytes_room; /* how many fit; 64 more may be touched */
    int64_t nulls;      /* counted while decoding */
} wf_column;
#endif
