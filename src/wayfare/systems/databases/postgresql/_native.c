/* COPY BINARY ↔ Arrow buffers, and COPY streams passed on with their rows counted and hashed.
 *
 * The formats are those of PostgreSQL's documentation: "Message Formats" for frames ('d', length, content), "COPY" for the
 * binary file (signature, tuples of int16 count and int32-length fields, trailer -1), and backend/utils/adt for the values.
 * fallback.py does the same in numpy; tests/systems/postgresql proves that they agree. */
#include <Python.h>
#include <stdint.h>
#include <string.h>

#include "columns.h"
#include "hash.h"
#include "stream.h"

typedef unsigned __int128 u128;

/* Mirrored by kinds.py. */
enum { K_BOOL, K_I16, K_I32, K_I64, K_DATE, K_TIMESTAMP, K_BYTES, K_JSONB, K_UUID, K_DECIMAL128, K_DECIMAL256, K_NUMBER, K_BITS, K_LIST };
enum { S_MORE = 0, S_CONTROL = 1, S_FULL = 2, S_ROOM = 3, S_MALFORMED = -1, S_VALUE = -2 };

#define DAYS_TO_2000 10957
#define TICKS_TO_2000 946684800000000LL
#define NUMERIC_NEGATIVE 0x4000
#define NUMERIC_NAN 0xC000
#define NUMERIC_INFINITY 0xD000
#define NUMERIC_MINUS_INFINITY 0xF000
#define NUMERIC_GROUPS_MAX 65535

static const uint8_t SIGNATURE[11] = {'P', 'G', 'C', 'O', 'P', 'Y', '\n', 0xff, '\r', '\n', 0};
static const int64_t POWERS[] = {
    1, 10, 100, 1000, 10000, 100000, 1000000, 10000000, 100000000, 1000000000, 10000000000, 100000000000, 1000000000000,
    10000000000000, 100000000000000, 1000000000000000, 10000000000000000, 100000000000000000, 1000000000000000000,
};
#define POWER_MAX 18

static inline uint16_t get16(const uint8_t *p) { uint16_t v; memcpy(&v, p, 2); return __builtin_bswap16(v); }
static inline uint32_t get32(const uint8_t *p) { uint32_t v; memcpy(&v, p, 4); return __builtin_bswap32(v); }
static inline uint64_t get64(const uint8_t *p) { uint64_t v; memcpy(&v, p, 8); return __builtin_bswap64(v); }
static inline uint8_t *put16(uint8_t *p, uint16_t v) { v = __builtin_bswap16(v); memcpy(p, &v, 2); return p + 2; }
static inline uint8_t *put32(uint8_t *p, uint32_t v) { v = __builtin_bswap32(v); memcpy(p, &v, 4); return p + 4; }
static inline uint8_t *put64(uint8_t *p, uint64_t v) { v = __builtin_bswap64(v); memcpy(p, &v, 8); return p + 8; }

/* ---- the stream ----------------------------------------------------------------------------------------------- */

/* The end of the next frame of data, all of which is there; NULL with S_MORE or S_CONTROL when there is none. */
static inline const uint8_t *next_frame(const wf_window *w, int *status) {
    const uint8_t *p = w->buffer + w->start;
    int64_t left = w->end - w->start;
    *status = S_MORE;
    if (left < 5) return 0;
    int64_t length = get32(p + 1); /* itself included */
    if (*p != 'd' || length < 4) { *status = S_CONTROL; return 0; }
    return left < 1 + length ? 0 : p + 1 + length;
}

/* ---- decoding ------------------------------------------------------------------------------------------------- */

static inline void times_plus(uint64_t *limbs, int count, uint64_t factor, uint64_t addend) {
    u128 carry = addend;
    for (int i = 0; i < count; i++) {
        carry += (u128)limbs[i] * factor;
        limbs[i] = (uint64_t)carry;
        carry >>= 64;
    }
}

static inline int digits_of_group(int group) { return group < 10 ? 1 : group < 100 ? 2 : group < 1000 ? 3 : 4; }

/* The common numeric, of at most four groups and 18 digits: the same in 64 bits. False: decimal_of is to say. */
static inline int small_decimal(const uint8_t *p, int32_t length, int32_t shape, uint64_t *limbs) {
    if (length < 8) return 0;
    int groups = get16(p), weight = (int16_t)get16(p + 2), sign = get16(p + 4);
    if (groups > 4 || length != 8 + 2 * groups || (sign & ~NUMERIC_NEGATIVE)) return 0;
    if (!groups) { limbs[0] = limbs[1] = 0; return 1; }
    int precision = shape >> 16, exponent = 4 * (weight - groups + 1) + (shape & 0xffff);
    if (precision > POWER_MAX) precision = POWER_MAX;
    if (exponent <= -4 || exponent > precision) return 0;
    int64_t value = 0, last;
    for (p += 8; --groups; p += 2) value = value * 10000 + get16(p);
    last = get16(p);
    if (exponent < 0) { /* the last group reaches behind the scale */
        int64_t whole = exponent == -1 ? last / 10 : exponent == -2 ? last / 100 : last / 1000;
        if (whole * POWERS[-exponent] != last) return 0;
        value = value * POWERS[4 + exponent] + whole;
        if (value >= POWERS[precision]) return 0;
    } else {
        value = value * 10000 + last;
        if (value >= POWERS[precision - exponent]) return 0;
        value *= POWERS[exponent];
    }
    if (sign) value = -value;
    limbs[0] = (uint64_t)value;
    limbs[1] = (uint64_t)(value >> 63);
    return 1;
}

/* A numeric as an integer of 10**-scale, in `count` little-endian limbs. S_VALUE when it is NaN or infinite, has more
 * integer digits than precision - scale, or fraction digits beyond the scale. */
static __attribute__((noinline)) int decimal_of(const uint8_t *p, int32_t length, int32_t shape, uint64_t *limbs, int count) {
    int scale = shape & 0xffff, precision = shape >> 16;
    if (length < 8) return S_MALFORMED;
    int groups = get16(p), weight = (int16_t)get16(p + 2), sign = get16(p + 4);
    const uint8_t *digits = p + 8;
    if (length < 8 + 2 * groups) return S_MALFORMED;
    if (sign != 0 && sign != NUMERIC_NEGATIVE) return S_VALUE;
    memset(limbs, 0, 8 * (size_t)count);
    if (groups && weight >= 0 && 4 * weight + digits_of_group(get16(digits)) > precision - scale) return S_VALUE;
    int next = 0;
    for (int g = 0; g <= weight && groups; g++, next++) times_plus(limbs, count, 10000, g < groups ? get16(digits + 2 * g) : 0);
    for (int g = weight + 1, done = 0; done < scale; g++, done += 4) {
        int group = g >= 0 && g < groups ? get16(digits + 2 * g) : 0, kept = scale - done < 4 ? scale - done : 4;
        if (group % POWERS[4 - kept]) return S_VALUE;
        times_plus(limbs, count, (uint64_t)POWERS[kept], (uint64_t)(group / POWERS[4 - kept]));
        next = g + 1;
    }
    if (!groups) return 0;
    for (int g = next < 0 ? 0 : next; g < groups; g++)
        if (get16(digits + 2 * g)) return S_VALUE;
    if (sign) {
        u128 carry = 1;
        for (int i = 0; i < count; i++) {
            carry += ~limbs[i];
            limbs[i] = (uint64_t)carry;
            carry >>= 64;
        }
    }
    return 0;
}

/* The bits of `valid` are only kept from a column's first NULL on: without any, nobody looks at them. */
static void put_null(wf_column *c, int64_t row) {
    if (!c->nulls++) {
        memset(c->valid, 0xff, (size_t)(row >> 3));
        c->valid[row >> 3] = (uint8_t)((1 << (row & 7)) - 1);
    }
    switch (c->kind) {
    case K_BOOL: ((uint8_t *)c->data)[row] = 0; break;
    case K_I16: ((int16_t *)c->data)[row] = 0; break;
    case K_I32: case K_DATE: ((int32_t *)c->data)[row] = 0; break;
    case K_I64: case K_TIMESTAMP: ((int64_t *)c->data)[row] = 0; break;
    case K_UUID: case K_DECIMAL128: memset((uint8_t *)c->data + 16 * row, 0, 16); break;
    case K_DECIMAL256: memset((uint8_t *)c->data + 32 * row, 0, 32); break;
    default: c->offsets[row + 1] = c->offsets[row];
    }
}

/* Short texts are copied by 16 bytes, for a memcpy of unknown length is a call: before `end` there is as much to read, and
 * the buffers of kernel/buffers.py have 64 bytes more than their room. */
static inline void put_bytes(uint8_t *out, const uint8_t *p, const uint8_t *end, int32_t length) {
    if (length <= 16 && end - p >= 16) memcpy(out, p, 16);
    else memcpy(out, p, (size_t)length);
}

/* One value that is not NULL, at p; `end` is behind it. */
static inline __attribute__((always_inline)) int put_value(wf_column *c, int64_t row, const uint8_t *p, const uint8_t *end, int32_t length, int64_t *needed) {
    switch (c->kind) {
    case K_BOOL:
        if (length != 1) return S_MALFORMED;
        ((uint8_t *)c->data)[row] = *p;
        break;
    case K_I16:
        if (length != 2) return S_MALFORMED;
        ((uint16_t *)c->data)[row] = get16(p);
        break;
    case K_I32:
        if (length != 4) return S_MALFORMED;
        ((uint32_t *)c->data)[row] = get32(p);
        break;
    case K_I64:
        if (length != 8) return S_MALFORMED;
        ((uint64_t *)c->data)[row] = get64(p);
        break;
    case K_DATE: {
        if (length != 4) return S_MALFORMED;
        int32_t days = (int32_t)get32(p);
        ((int32_t *)c->data)[row] = days == INT32_MAX || days == INT32_MIN ? days : days + DAYS_TO_2000;
        break;
    }
    case K_TIMESTAMP: {
        if (length != 8) return S_MALFORMED;
        int64_t ticks = (int64_t)get64(p);
        if (ticks != INT64_MAX && ticks != INT64_MIN) {
            if (ticks >= INT64_MAX - TICKS_TO_2000) return S_VALUE;
            ticks += TICKS_TO_2000;
        }
        ((int64_t *)c->data)[row] = ticks;
        break;
    }
    case K_UUID:
        if (length != 16) return S_MALFORMED;
        memcpy((uint8_t *)c->data + 16 * row, p, 16);
        break;
    case K_DECIMAL128: {
        uint64_t *limbs = (uint64_t *)c->data + 2 * row;
        if (small_decimal(p, length, c->scale, limbs)) break;
        int status = decimal_of(p, length, c->scale, limbs, 2);
        if (status) return status;
        break;
    }
    case K_DECIMAL256: {
        int status = decimal_of(p, length, c->scale, (uint64_t *)c->data + 4 * row, 4);
        if (status) return status;
        break;
    }
    case K_JSONB: /* a version comes first */
        if (!length) return S_MALFORMED;
        p++, length--; /* fall through */
    default: {
        int32_t place = c->offsets[row];
        int64_t behind = (int64_t)place + length;
        if (behind > c->bytes_room) { *needed = behind; return S_ROOM; }
        put_bytes(c->bytes + place, p, end, length);
        c->offsets[row + 1] = (int32_t)behind;
    }
    }
    if (c->nulls) c->valid[row >> 3] |= (uint8_t)(1 << (row & 7));
    return 0;
}

/* Where the tuples begin in a frame's content: behind the file's signature, in the first frame. */
static inline const uint8_t *after_signature(const uint8_t *p, const uint8_t *end) {
    if (end - p >= 19 && !memcmp(p, SIGNATURE, 11)) p += 19 + get32(p + 15);
    return p;
}

/* One row. Unless it is whole, it comes again, and the NULLs it counted are taken back. */
static int decode_tuple(const uint8_t *p, const uint8_t *end, wf_column *columns, int count, int64_t row, int *where, int64_t *needed) {
    int status = 0, k = 0;
    if ((int16_t)get16(p) != count) return S_MALFORMED;
    const uint8_t *first = p += 2;
    for (; k < count; k++) {
        if (end - p < 4) { status = S_MALFORMED; break; }
        int32_t length = (int32_t)get32(p);
        p += 4;
        if (length < 0) { put_null(columns + k, row); continue; }
        if (end - p < length) { status = S_MALFORMED; break; }
        if ((status = put_value(columns + k, row, p, end, length, needed))) break;
        p += length;
    }
    if (!status) return 0;
    *where = k;
    p = first;
    for (int j = 0; j < k; j++) {
        int32_t length = (int32_t)get32(p);
        p += 4;
        if (length < 0) columns[j].nulls--;
        else p += length;
    }
    return status;
}

/* Mirrored by decode.py. */
typedef struct {
    int64_t row, rows_max;
    int64_t taken, bytes_max; /* of frames; the last row may go beyond */
    int64_t needed;           /* S_ROOM: bytes in all in column `where` */
    int32_t where;            /* the column that could not be filled */
} batch;

static int decode_window(wf_window *w, wf_column *columns, int count, batch *b) {
    int status;
    const uint8_t *end;
    while ((end = next_frame(w, &status))) {
        const uint8_t *frame = w->buffer + w->start, *p = after_signature(frame + 5, end);
        if (end - p >= 2 && (int16_t)get16(p) >= 0) { /* the server sends a tuple a frame */
            if (b->row >= b->rows_max || b->taken >= b->bytes_max) return S_FULL;
            if ((status = decode_tuple(p, end, columns, count, b->row, &b->where, &b->needed))) return status;
            b->row++;
        }
        b->taken += end - frame;
        w->start += end - frame;
    }
    return status;
}

/* Decode frames into the batch, reading on, until it is full or something else is to be done. */
int wf_pg_decode(wf_window *w, wf_column *columns, int count, batch *b) {
    for (;;) {
        int status = decode_window(w, columns, count, b);
        if (status != S_MORE || !wf_fill(w)) return status;
    }
}

/* ---- arrays: each value is dimensions, a flag, the element type, size and lower bound, then fields ---------------- */

/* Fill `starts` (rows + 1 element positions). Returns the number of elements; S_VALUE for arrays that are no plain lists. */
int64_t wf_pg_count(const int32_t *offsets, const uint8_t *bytes, int64_t rows, int32_t *starts) {
    int64_t total = 0;
    starts[0] = 0;
    for (int64_t row = 0; row < rows; row++) {
        const uint8_t *p = bytes + offsets[row];
        int32_t length = offsets[row + 1] - offsets[row];
        if (length >= 12) {
            uint32_t dimensions = get32(p);
            if (dimensions > 1 || (dimensions == 1 && (length < 20 || get32(p + 16) != 1))) return S_VALUE;
            if (dimensions) total += get32(p + 12);
        }
        if (total > INT32_MAX) return S_VALUE;
        starts[row + 1] = (int32_t)total;
    }
    return total;
}

/* Decode all elements into one column that has the rows and the room. */
int wf_pg_elements(const int32_t *offsets, const uint8_t *bytes, int64_t rows, wf_column *column) {
    int64_t element = 0, needed = 0;
    for (int64_t row = 0; row < rows; row++) {
        const uint8_t *p = bytes + offsets[row], *end = bytes + offsets[row + 1];
        if (end - p < 20) continue;
        uint32_t left = get32(p + 12);
        for (p += 20; left; left--, element++) {
            if (end - p < 4) return S_MALFORMED;
            int32_t length = (int32_t)get32(p);
            p += 4;
            if (length < 0) { put_null(column, element); continue; }
            if (end - p < length) return S_MALFORMED;
            int status = put_value(column, element, p, end, length, &needed);
            if (status) return status;
            p += length;
        }
    }
    return 0;
}

/* ---- encoding ------------------------------------------------------------------------------------------------- */

typedef struct source {
    int32_t kind;
    int32_t scale;
    uint32_t element;      /* lists: the elements' type */
    int64_t first;         /* Arrow's offset: of bits in `valid` and of values in bool `data` */
    const uint8_t *valid;  /* NULL: no NULLs */
    const void *data;      /* values, already at the offset (but bits) */
    const int32_t *offsets;
    const uint8_t *bytes;
    const struct source *child;
} source;

/* Groups of four decimal digits as numeric keeps them. `digits` are ASCII, `scale` of them behind the point (it may exceed
 * their number or be negative). Returns the end of what was written. */
static uint8_t *put_numeric(uint8_t *out, const char *digits, int64_t count, int64_t scale, int negative) {
    while (count && *digits == '0' && count > scale) digits++, count--;
    int64_t whole = count - scale; /* digits before the point; negative: zeros right behind it */
    int64_t lead = ((whole % 4) + 4) % 4, weight = (whole + (4 - lead) % 4) / 4 - 1, i = 0;
    uint8_t *groups = out + 12, *end = groups, *last = groups;
    int64_t first_weight = weight;
    int started = 0;
    while (i < count) {
        int size = i == 0 && lead ? (int)lead : 4, group = 0;
        for (int j = 0; j < size; j++, i++) group = group * 10 + (i < count ? digits[i] - '0' : 0);
        if (!started && !group) { first_weight--; continue; }
        started = 1;
        end = put16(end, (uint16_t)group);
        if (group) last = end;
    }
    int64_t kept = (last - groups) / 2;
    put32(out, (uint32_t)(8 + 2 * kept));
    put16(out + 4, (uint16_t)kept);
    put16(out + 6, (uint16_t)(kept ? first_weight : 0));
    put16(out + 8, kept && negative ? NUMERIC_NEGATIVE : 0);
    put16(out + 10, (uint16_t)(scale < 0 ? 0 : scale));
    return last;
}

static uint8_t *put_special(uint8_t *out, uint16_t sign) {
    out = put32(out, 8);
    out = put16(out, 0);
    out = put16(out, 0);
    out = put16(out, sign);
    return put16(out, 0);
}

/* The common decimal, of at most four groups, without text: NULL when it has more. */
static inline uint8_t *put_small_decimal(uint8_t *out, uint64_t value, int scale, int negative) {
    int behind = (scale + 3) / 4, low = 0, kept = 0;
    uint64_t groups = 0;
    if (value >= (uint64_t)POWERS[16 - (behind * 4 - scale)]) return 0;
    value *= (uint64_t)POWERS[behind * 4 - scale];
    if (value)
        for (; !(value % 10000); value /= 10000) low++;
    for (; value; value /= 10000, kept++) groups = groups >> 16 | (value % 10000) << 48;
    uint16_t weight = (uint16_t)(kept ? low + kept - 1 - behind : 0), sign = kept && negative ? NUMERIC_NEGATIVE : 0;
    out = put32(out, (uint32_t)(8 + 2 * kept));
    out = put64(out, (uint64_t)kept << 48 | (uint64_t)weight << 32 | (uint64_t)sign << 16 | (uint16_t)scale);
    put64(out, groups);
    return out + 2 * kept;
}

static __attribute__((noinline)) uint8_t *put_large_decimal(uint8_t *out, const uint64_t *value, int count, int scale) {
    uint64_t limbs[4] = {0, 0, 0, 0};
    memcpy(limbs, value, 8 * (size_t)count);
    int negative = limbs[count - 1] >> 63;
    if (negative) {
        u128 carry = 1;
        for (int i = 0; i < count; i++) {
            carry += ~limbs[i];
            limbs[i] = (uint64_t)carry;
            carry >>= 64;
        }
    }
    char text[80];
    int place = 80;
    while (limbs[0] | limbs[1] | limbs[2] | limbs[3]) {
        u128 rest = 0;
        for (int i = count - 1; i >= 0; i--) {
            rest = rest << 64 | limbs[i];
            limbs[i] = (uint64_t)(rest / 1000000000ULL);
            rest %= 1000000000ULL;
        }
        uint64_t nine = (uint64_t)rest;
        for (int i = 0; i < 9 && place; i++, nine /= 10) text[--place] = (char)('0' + nine % 10);
    }
    return put_numeric(out, text + place, 80 - place, scale, negative);
}

static inline uint8_t *put_decimal(uint8_t *out, const uint64_t *value, int count, int scale) {
    int64_t low = (int64_t)value[0], high = low >> 63;
    int small = 1;
    for (int i = 1; i < count; i++) small &= (int64_t)value[i] == high;
    if (small) { /* two's complement in 64 bits */
        uint8_t *end = put_small_decimal(out, ((uint64_t)low ^ (uint64_t)high) - (uint64_t)high, scale, (int)-high);
        if (end) return end;
    }
    return put_large_decimal(out, value, count, scale);
}

static int same_word(const char *p, int64_t length, const char *word) {
    if (length != (int64_t)strlen(word)) return 0;
    for (int64_t i = 0; i < length; i++)
        if ((p[i] | 32) != word[i]) return 0;
    return 1;
}

/* A NUMBER's text, of at most `room` bytes of working space. NULL: not a number, or it does not fit. */
static uint8_t *put_number(uint8_t *out, int64_t room, const char *p, int64_t length, int *status) {
    int negative = 0;
    int64_t digits = 0, behind = 0, exponent = 0, i = 0;
    *status = S_VALUE;
    if (length && (*p == '-' || *p == '+')) negative = *p == '-', p++, length--;
    if (same_word(p, length, "nan")) return put_special(out, NUMERIC_NAN);
    if (same_word(p, length, "infinity") || same_word(p, length, "inf"))
        return put_special(out, negative ? NUMERIC_MINUS_INFINITY : NUMERIC_INFINITY);
    int64_t needed = 64 + 2 * length;
    if (room < needed) { *status = S_ROOM; return 0; }
    char *text = (char *)out + needed - length; /* behind where the groups go: they take at most as many bytes */
    int point = 0;
    for (; i < length; i++) {
        if (p[i] == '.' && !point) { point = 1; continue; }
        if (p[i] < '0' || p[i] > '9') break;
        text[digits++] = p[i];
        behind += point;
    }
    if (!digits) return 0;
    if (i < length) {
        int down = 0;
        if ((p[i] | 32) != 'e' || ++i == length) return 0;
        if (p[i] == '-' || p[i] == '+') down = p[i++] == '-';
        if (i == length) return 0;
        for (; i < length; i++) {
            if (p[i] < '0' || p[i] > '9' || exponent > 100000) return 0;
            exponent = exponent * 10 + p[i] - '0';
        }
        behind -= down ? -exponent : exponent;
    }
    if (digits > 4 * NUMERIC_GROUPS_MAX || behind > 16383) return 0;
    return put_numeric(out, text, digits, behind, negative);
}

static uint8_t *put_bits(uint8_t *out, const uint8_t *p, int32_t length, int *status) {
    int32_t octets = (length + 7) / 8;
    out = put32(out, (uint32_t)(4 + octets));
    out = put32(out, (uint32_t)length);
    memset(out, 0, (size_t)octets);
    for (int32_t i = 0; i < length; i++) {
        if (p[i] != '0' && p[i] != '1') { *status = S_VALUE; return 0; }
        out[i >> 3] |= (uint8_t)((p[i] - '0') << (7 - (i & 7)));
    }
    return out + octets;
}

static uint8_t *put_list(uint8_t *out, const uint8_t *end, const source *s, int64_t row, int *status);

/* One field: length and value. NULL with S_ROOM when it does not fit before `end`, with S_VALUE when it cannot be said. */
static inline __attribute__((always_inline)) uint8_t *put_field(uint8_t *out, const uint8_t *end, const source *s, int64_t row, int *status) {
    *status = S_ROOM;
    if (end - out < 64) return 0;
    int64_t bit = s->first + row;
    if (s->valid && !(s->valid[bit >> 3] >> (bit & 7) & 1)) return put32(out, 0xffffffff);
    switch (s->kind) {
    case K_BOOL:
        out = put32(out, 1);
        *out = ((const uint8_t *)s->data)[bit >> 3] >> (bit & 7) & 1;
        return out + 1;
    case K_I16: return put16(put32(out, 2), ((const uint16_t *)s->data)[row]);
    case K_I32: return put32(put32(out, 4), ((const uint32_t *)s->data)[row]);
    case K_I64: return put64(put32(out, 8), ((const uint64_t *)s->data)[row]);
    case K_DATE: {
        int32_t days = ((const int32_t *)s->data)[row];
        if (days != INT32_MAX && days != INT32_MIN) {
            if (days < INT32_MIN + DAYS_TO_2000 + 1) { *status = S_VALUE; return 0; }
            days -= DAYS_TO_2000;
        }
        return put32(put32(out, 4), (uint32_t)days);
    }
    case K_TIMESTAMP: {
        int64_t ticks = ((const int64_t *)s->data)[row];
        if (ticks != INT64_MAX && ticks != INT64_MIN) {
            if (ticks < INT64_MIN + TICKS_TO_2000 + 1) { *status = S_VALUE; return 0; }
            ticks -= TICKS_TO_2000;
        }
        return put64(put32(out, 8), (uint64_t)ticks);
    }
    case K_UUID: memcpy(put32(out, 16), (const uint8_t *)s->data + 16 * row, 16); return out + 20;
    case K_DECIMAL128: return put_decimal(out, (const uint64_t *)s->data + 2 * row, 2, s->scale);
    case K_DECIMAL256: return put_decimal(out, (const uint64_t *)s->data + 4 * row, 4, s->scale);
    case K_LIST: return put_list(out, end, s, row, status);
    }
    const uint8_t *p = s->bytes + s->offsets[row];
    int32_t length = s->offsets[row + 1] - s->offsets[row];
    if (s->kind == K_NUMBER) return put_number(out, end - out, (const char *)p, length, status);
    if (end - out < (int64_t)length + 16) return 0;
    if (s->kind == K_BITS) return put_bits(out, p, length, status);
    out = put32(out, (uint32_t)(length + (s->kind == K_JSONB)));
    if (s->kind == K_JSONB) *out++ = 1;
    memcpy(out, p, (size_t)length);
    return out + length;
}

static __attribute__((noinline)) uint8_t *put_element(uint8_t *out, const uint8_t *end, const source *s, int64_t row, int *status) {
    return put_field(out, end, s, row, status);
}

static uint8_t *put_list(uint8_t *out, const uint8_t *end, const source *s, int64_t row, int *status) {
    int32_t from = s->offsets[row], to = s->offsets[row + 1];
    uint8_t *start = out;
    out = put32(out + 4, to > from);
    out = put32(out, 1); /* there may be NULLs */
    out = put32(out, s->element);
    if (to > from) {
        out = put32(out, (uint32_t)(to - from));
        out = put32(out, 1);
    }
    for (int32_t i = from; i < to && out; i++) out = put_element(out, end, s->child, i, status);
    if (out) put32(start, (uint32_t)(out - start - 4));
    return out;
}

/* Encode rows from `row` to `rows` as tuples into `out`. Returns the bytes written; `row` says how far it came. Ends with
 * S_ROOM when the next row does not fit, S_VALUE when column `where` of row `row` cannot be said. */
int64_t wf_pg_encode(const source *sources, int count, int64_t *row, int64_t rows, uint8_t *out, int64_t room, int *status, int *where) {
    uint8_t *p = out, *end = out + room;
    int64_t i = *row;
    int failed = 0, k = 0;
    for (; i < rows; i++) {
        if (end - p < 2) { failed = S_ROOM; break; }
        uint8_t *field = put16(p, (uint16_t)count);
        for (k = 0; k < count && field; k++) field = put_field(field, end, sources + k, i, &failed);
        if (!field) break;
        p = field;
        failed = 0;
    }
    *row = i;
    *status = failed;
    *where = k - 1;
    return p - out;
}

/* ---- passing on ------------------------------------------------------------------------------------------------ */

/* A row's digest is that of one value: its bytes. A frame is a row ("messages sent from the backend will always correspond
 * to single data rows"), but for the binary file's signature before the first tuple and its trailer, whose count is -1. */
static inline void hash_row(const uint8_t *p, const uint8_t *end, int binary, int64_t *rows, uint64_t *digest) {
    if (binary) {
        p = after_signature(p, end);
        if (end - p < 2 || (int16_t)get16(p) < 0) return;
    }
    wf_fold(wf_finish_row(wf_in_column(wf_hash_value(p, (uint64_t)(end - p)), 0)), digest);
    ++*rows;
}

/* Copy text, with the escapes of form feed and vertical tab written out as LOAD DATA wants them. */
static uint8_t *put_neutral(uint8_t *out, const uint8_t *p, const uint8_t *end) {
    const uint8_t *found;
    while (p < end && (found = memchr(p, '\\', (size_t)(end - p)))) {
        size_t plain = (size_t)(found - p);
        memcpy(out, p, plain);
        out += plain;
        if (found + 1 == end) { *out++ = '\\'; return out; }
        if (found[1] == 'f') *out++ = '\f';
        else if (found[1] == 'v') *out++ = '\v';
        else { *out++ = '\\'; *out++ = found[1]; }
        p = found + 2;
    }
    memcpy(out, p, (size_t)(end - p));
    return out + (end - p);
}

enum { BINARY = 0, TEXT = 1, NEUTRAL = 2 };

/* Mirrored by relay.py. */
typedef struct {
    uint8_t *out;
    int64_t room, filled;
    int64_t needed; /* S_FULL: bytes of the next frame */
    int64_t rows;
    uint64_t digest[2];
} parcel;

static int pass_window(wf_window *w, int form, parcel *b) {
    int status;
    const uint8_t *end;
    while ((end = next_frame(w, &status))) {
        const uint8_t *content = w->buffer + w->start + 5;
        uint8_t *p = b->out + b->filled;
        b->needed = end - content;
        if (b->needed > b->room - b->filled) return S_FULL;
        if (form == NEUTRAL) {
            uint8_t *line_end = put_neutral(p, content, end);
            hash_row(p, line_end, 0, &b->rows, b->digest);
            b->filled = line_end - b->out;
        } else {
            memcpy(p, content, (size_t)b->needed);
            b->filled += b->needed;
            hash_row(content, end, form == BINARY, &b->rows, b->digest);
        }
        w->start += 5 + b->needed;
    }
    return status;
}

/* Unwrap frames into the parcel, reading on, until it is full or something else is to be done. */
int wf_pg_pass(wf_window *w, int form, parcel *b) {
    for (;;) {
        int status = pass_window(w, form, b);
        if (status != S_MORE || !wf_fill(w)) return status;
    }
}

/* Only so that Python can load the file; the functions are reached through ctypes. */
static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "_native", 0, 0, 0, 0, 0, 0, 0};
PyMODINIT_FUNC PyInit__native(void) { return PyModule_Create(&module); }
