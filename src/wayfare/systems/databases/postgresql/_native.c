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
static const int64_t POWERS[] = {1, 10, 100, 1000, 10000};

static inline uint16_t get16(const uint8_t *p) { uint16_t v; memcpy(&v, p, 2); return __builtin_bswap16(v); }
static inline uint32_t get32(const uint8_t *p) { uint32_t v; memcpy(&v, p, 4); return __builtin_bswap32(v); }
static inline uint64_t get64(const uint8_t *p) { uint64_t v; memcpy(&v, p, 8); return __builtin_bswap64(v); }
static inline uint8_t *put16(uint8_t *p, uint16_t v) { v = __builtin_bswap16(v); memcpy(p, &v, 2); return p + 2; }
static inline uint8_t *put32(uint8_t *p, uint32_t v) { v = __builtin_bswap32(v); memcpy(p, &v, 4); return p + 4; }
static inline uint8_t *put64(uint8_t *p, uint64_t v) { v = __builtin_bswap64(v); memcpy(p, &v, 8); return p + 8; }

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

/* A numeric as an integer of 10**-scale, in `count` little-endian limbs. S_VALUE when it is NaN or infinite, has more
 * integer digits than precision - scale, or fraction digits beyond the scale. */
static int decimal_of(const uint8_t *p, int32_t length, int32_t shape, uint64_t *limbs, int count) {
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

static void put_null(wf_column *c, int64_t row) {
    c->nulls++;
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

/* One value that is not NULL. */
static inline int put_value(wf_column *c, int64_t row, const uint8_t *p, int32_t length, int64_t *needed) {
    static const int8_t WIDTHS[] = {1, 2, 4, 8, 4, 8, -1, -1, 16};
    if (c->kind <= K_UUID && WIDTHS[c->kind] >= 0 && length != WIDTHS[c->kind]) return S_MALFORMED;
    switch (c->kind) {
    case K_BOOL: ((uint8_t *)c->data)[row] = *p; break;
    case K_I16: ((uint16_t *)c->data)[row] = get16(p); break;
    case K_I32: ((uint32_t *)c->data)[row] = get32(p); break;
    case K_I64: ((uint64_t *)c->data)[row] = get64(p); break;
    case K_DATE: {
        int32_t days = (int32_t)get32(p);
        ((int32_t *)c->data)[row] = days == INT32_MAX || days == INT32_MIN ? days : days + DAYS_TO_2000;
        break;
    }
    case K_TIMESTAMP: {
        int64_t ticks = (int64_t)get64(p);
        if (ticks != INT64_MAX && ticks != INT64_MIN) {
            if (ticks >= INT64_MAX - TICKS_TO_2000) return S_VALUE;
            ticks += TICKS_TO_2000;
        }
        ((int64_t *)c->data)[row] = ticks;
        break;
    }
    case K_UUID: memcpy((uint8_t *)c->data + 16 * row, p, 16); break;
    case K_DECIMAL128: case K_DECIMAL256: {
        int count = c->kind == K_DECIMAL128 ? 2 : 4;
        int status = decimal_of(p, length, c->scale, (uint64_t *)c->data + count * row, count);
        if (status) return status;
        break;
    }
    default: {
        int skip = c->kind == K_JSONB;
        int64_t end = (int64_t)c->offsets[row] + length - skip;
        if (end > c->bytes_room) { *needed = end; return S_ROOM; }
        memcpy(c->bytes + c->offsets[row], p + skip, (size_t)(length - skip));
        c->offsets[row + 1] = (int32_t)end;
    }
    }
    c->valid[row >> 3] |= (uint8_t)(1 << (row & 7));
    return 0;
}

/* Where the tuples begin in a frame's content: behind the file's signature, in the first frame. */
static inline const uint8_t *after_signature(const uint8_t *p, const uint8_t *end) {
    if (end - p >= 19 && !memcmp(p, SIGNATURE, 11)) p += 19 + get32(p + 15);
    return p;
}

static int decode_tuple(const uint8_t *p, const uint8_t *end, wf_column *columns, int count, int64_t row, int *where, int64_t *needed) {
    int status = 0, k = 0;
    if ((int16_t)get16(p) != count) return S_MALFORMED;
    p += 2;
    for (; k < count; k++) {
        if (end - p < 4) { status = S_MALFORMED; break; }
        int32_t length = (int32_t)get32(p);
        p += 4;
        if (length < 0) { put_null(columns + k, row); continue; }
        if (end - p < length) { status = S_MALFORMED; break; }
        if ((status = put_value(columns + k, row, p, length, needed))) break;
        p += length;
    }
    *where = k;
    if (status)
        for (int j = 0; j < k; j++) /* this row comes again: what it counted is taken back */
            if (!(columns[j].valid[row >> 3] >> (row & 7) & 1)) columns[j].nulls--;
    return status;
}

/* Decode frames from `buffer` into rows from `row` on. Returns the rows there are now; `used` bytes of frames are done. */
int64_t wf_pg_decode(const uint8_t *buffer, int64_t size, wf_column *columns, int count, int64_t row, int64_t rows_max, int64_t *used, int *status, int *where, int64_t *needed) {
    int64_t i = 0;
    *status = S_MORE;
    while (i + 5 <= size) {
        if (buffer[i] != 'd') { *status = S_CONTROL; break; }
        int64_t length = get32(buffer + i + 1);
        if (i + 1 + length > size) break;
        const uint8_t *end = buffer + i + 1 + length, *p = after_signature(buffer + i + 5, end);
        while (end - p >= 2 && (int16_t)get16(p) >= 0) {
            if (row >= rows_max) { *status = S_FULL; break; }
            if ((*status = decode_tuple(p, end, columns, count, row, where, needed))) break;
            row++;
            p = end; /* the server sends a tuple a frame */
        }
        if (*status) break;
        i += 1 + length;
    }
    *used = i;
    return row;
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
            int status = put_value(column, element, p, length, &needed);
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

/* At most 10**15 in hundreds of cents: the common case, without text. */
static uint8_t *put_small_decimal(uint8_t *out, uint64_t value, int scale, int negative) {
    uint16_t groups[6];
    int count = 0, behind = (scale + 3) / 4;
    value *= (uint64_t)POWERS[behind * 4 - scale];
    while (value) {
        groups[count++] = (uint16_t)(value % 10000);
        value /= 10000;
    }
    int low = 0;
    while (low < count && !groups[low]) low++;
    int kept = count - low;
    out = put32(out, (uint32_t)(8 + 2 * kept));
    out = put16(out, (uint16_t)kept);
    out = put16(out, (uint16_t)(kept ? count - 1 - behind : 0));
    out = put16(out, kept && negative ? NUMERIC_NEGATIVE : 0);
    out = put16(out, (uint16_t)scale);
    for (int g = count - 1; g >= low; g--) out = put16(out, groups[g]);
    return out;
}

static uint8_t *put_decimal(uint8_t *out, const uint64_t *value, int count, int scale) {
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
    if (!limbs[1] && !limbs[2] && !limbs[3] && limbs[0] < 1000000000000000ULL && scale <= 16)
        return put_small_decimal(out, limbs[0], scale, negative);
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
static uint8_t *put_field(uint8_t *out, const uint8_t *end, const source *s, int64_t row, int *status) {
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
    for (int32_t i = from; i < to && out; i++) out = put_field(out, end, s->child, i, status);
    if (out) put32(start, (uint32_t)(out - start - 4));
    return out;
}

/* Encode rows from `row` to `rows` as tuples into `out`. Returns the bytes written; `row` says how far it came. Ends with
 * S_ROOM when the next row does not fit, S_VALUE when column `where` of row `row` cannot be said. */
int64_t wf_pg_encode(const source *sources, int count, int64_t *row, int64_t rows, uint8_t *out, int64_t room, int *status, int *where) {
    uint8_t *p = out, *end = out + room;
    *status = 0;
    for (; *row < rows; (*row)++) {
        if (end - p < 2) { *status = S_ROOM; break; }
        uint8_t *field = put16(p, (uint16_t)count);
        for (int k = 0; k < count && field; k++) {
            field = put_field(field, end, sources + k, *row, status);
            *where = k;
        }
        if (!field) break;
        p = field;
        *status = 0;
    }
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

/* Unwrap frames into `out` (as large as the input). Returns the bytes written; rows and digest are added to. */
int64_t wf_pg_pass(const uint8_t *buffer, int64_t size, int form, uint8_t *out, int64_t *used, int *status, int64_t *rows, uint64_t *digest) {
    int64_t i = 0;
    uint8_t *p = out;
    *status = S_MORE;
    while (i + 5 <= size) {
        if (buffer[i] != 'd') { *status = S_CONTROL; break; }
        int64_t length = get32(buffer + i + 1);
        if (i + 1 + length > size) break;
        const uint8_t *content = buffer + i + 5, *end = buffer + i + 1 + length;
        if (form == NEUTRAL) {
            p = put_neutral(p, content, end);
            ++*rows;
        } else {
            memcpy(p, content, (size_t)(end - content));
            p += end - content;
            hash_row(content, end, form == BINARY, rows, digest);
        }
        i += 1 + length;
    }
    *used = i;
    return p - out;
}

/* Only so that Python can load the file; the functions are reached through ctypes. */
static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "_native", 0, 0, 0, 0, 0, 0, 0};
PyMODINIT_FUNC PyInit__native(void) { return PyModule_Create(&module); }
