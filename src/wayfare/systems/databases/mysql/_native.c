/* MySQL's binary protocol → Arrow buffers, Arrow buffers → the lines of LOAD DATA, and the first straight into the second.
 *
 * fallback.py does the same in numpy and Arrow's own functions; tests/systems/mysql proves that both agree. All input is
 * bounded by the packet it came in: a malformed packet ends with a status, never with a read outside of it. */
#include <Python.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "columns.h"
#include "hash.h"
#include "stream.h"

#define EXPORT __attribute__((visibility("default")))

/* How a value lies in a row packet, and what becomes of it. Mirrored by wire.py. */
enum kind {
    FIXED1, FIXED2, FIXED4, FIXED8, /* integers and floats: as Arrow keeps them */
    DECIMAL, /* text → 128 bits */
    DATE, MOMENT, TIME,
    VARIABLE, /* text and bytes */
    SIGNED1, SIGNED2, SIGNED4, SIGNED8, UNSIGNED1, UNSIGNED2, UNSIGNED4, UNSIGNED8, FLOAT4, FLOAT8, /* only for lines */
    HEX, /* bytes, only for lines */
    PLAIN, /* text without anything to escape, only for lines */
};

enum status { MORE, OTHER_PACKET, FULL, ROOM, NO_DATE, MALFORMED, LONG_PACKET };

typedef struct {
    int64_t rows_max, bytes_max;
    int64_t row, bytes;     /* so far in this batch */
    int64_t column, needed; /* what ROOM, NO_DATE and MALFORMED speak of */
    uint64_t digest[2];     /* of lines */
    int64_t *lost;          /* of batches: how many values of each column were no dates, and became NULL */
} wf_progress;

static const uint8_t *lenenc(const uint8_t *p, const uint8_t *end, uint64_t *length) {
    if (p >= end) return NULL;
    int64_t left = end - p;
    uint64_t n = 0;
    int size = *p < 0xfb ? 0 : *p == 0xfc ? 2 : *p == 0xfd ? 3 : *p == 0xfe ? 8 : -1;
    if (size < 0 || left < 1 + size) return NULL;
    if (!size) n = *p;
    for (int i = 0; i < size; i++) n |= (uint64_t)p[1 + i] << (8 * i);
    p += 1 + size;
    if (n > (uint64_t)(end - p)) return NULL;
    *length = n;
    return p;
}

/* ---- the stream -------------------------------------------------------------------------------------------------- */

/* MORE with *packet and *length of the next row when all of it is there; else why there is none. */
static inline int next_row(const wf_window *w, const uint8_t **packet, int64_t *length) {
    const uint8_t *p = w->buffer + w->start;
    int64_t left = w->end - w->start;
    *packet = NULL;
    if (left < 4) return MORE;
    *length = p[0] | p[1] << 8 | p[2] << 16;
    if (*length == 0xffffff) return LONG_PACKET;
    if (left < 4 + *length) return MORE;
    if (*length == 0) return MALFORMED;
    if (p[4] != 0) return OTHER_PACKET;
    *packet = p + 4;
    return MORE;
}

/* ---- row packets → Arrow ----------------------------------------------------------------------------------------- */

/* Days since 1970-01-01 in the proleptic Gregorian calendar (Howard Hinnant's days_from_civil). */
static int32_t days(int32_t y, int32_t m, int32_t d) {
    y -= m <= 2;
    int32_t era = (y >= 0 ? y : y - 399) / 400, yoe = y - era * 400;
    int32_t doy = (153 * (m + (m > 2 ? -3 : 9)) + 2) / 5 + d - 1, doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;
    return era * 146097 + doe - 719468;
}

static void civil(int64_t day, int32_t *y, int32_t *m, int32_t *d) {
    int64_t z = day + 719468, era = (z >= 0 ? z : z - 146096) / 146097;
    int32_t doe = (int32_t)(z - era * 146097), yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    int32_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100), mp = (5 * doy + 2) / 153;
    *d = doy - (153 * mp + 2) / 5 + 1;
    *m = mp + (mp < 10 ? 3 : -9);
    *y = (int32_t)(yoe + era * 400) + (*m <= 2);
}

static int real_date(int y, int m, int d) {
    static const uint8_t last[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    if (m < 1 || m > 12 || d < 1) return 0;
    int leap = m == 2 && y % 4 == 0 && (y % 100 != 0 || y % 400 == 0);
    return d <= last[m - 1] + leap;
}

/* "-12.50" → the integer of its digits at `scale`. 0 when it is not such a number. */
static int decimal(const uint8_t *p, const uint8_t *end, int32_t scale, __int128 *out) {
    int negative = p < end && *p == '-', point = 0;
    int32_t fraction = 0;
    __int128 v = 0;
    p += negative;
    if (end - p <= 18) { /* in one register */
        uint64_t w = 0;
        for (; p < end; p++) {
            if (*p == '.') { point++; continue; }
            unsigned digit = (unsigned)*p - '0';
            if (digit > 9) return 0;
            w = w * 10 + digit;
            fraction += point;
        }
        v = (__int128)w;
    } else {
        for (; p < end; p++) {
            if (*p == '.') { point++; continue; }
            unsigned digit = (unsigned)*p - '0';
            if (digit > 9) return 0;
            v = v * 10 + digit;
            fraction += point;
        }
    }
    if (point > 1 || fraction > scale) return 0;
    for (; fraction < scale; fraction++) v *= 10;
    *out = negative ? -v : v;
    return 1;
}

static int64_t width_of(int32_t kind) {
    switch (kind) {
    case FIXED1: return 1;
    case FIXED2: return 2;
    case FIXED4: case DATE: return 4;
    case DECIMAL: return 16;
    case VARIABLE: return 0;
    default: return 8;
    }
}

/* A null's value is unspecified, but the same on every machine. */
static void put_null(wf_column *c, int64_t row) {
    int64_t width = width_of(c->kind);
    c->nulls++;
    if (width) memset((uint8_t *)c->data + row * width, 0, (size_t)width);
    else c->offsets[row + 1] = c->offsets[row];
}

/* One value; moves *at past it. */
static int put_value(wf_column *c, int64_t row, const uint8_t **at, const uint8_t *end, int64_t *needed) {
    const uint8_t *p = *at;
    uint64_t length = 0;
    switch (c->kind) {
    case FIXED1: case FIXED2: case FIXED4: case FIXED8: {
        int64_t width = 1LL << (c->kind - FIXED1);
        if (end - p < width) return MALFORMED;
        switch (c->kind) { /* constant sizes become single moves */
        case FIXED1: memcpy((uint8_t *)c->data + row, p, 1); break;
        case FIXED2: memcpy((uint8_t *)c->data + row * 2, p, 2); break;
        case FIXED4: memcpy((uint8_t *)c->data + row * 4, p, 4); break;
        default: memcpy((uint8_t *)c->data + row * 8, p, 8);
        }
        *at = p + width;
        return MORE;
    }
    case DECIMAL: {
        __int128 v;
        if (!(p = lenenc(p, end, &length)) || !decimal(p, p + length, c->scale, &v)) return MALFORMED;
        memcpy((uint8_t *)c->data + row * 16, &v, 16);
        *at = p + length;
        return MORE;
    }
    case VARIABLE: {
        if (!(p = lenenc(p, end, &length))) return MALFORMED;
        int64_t start = c->offsets[row];
        if (start + (int64_t)length > c->bytes_room) {
            *needed = start + (int64_t)length;
            return ROOM;
        }
        memcpy(c->bytes + start, p, length);
        c->offsets[row + 1] = (int32_t)(start + (int64_t)length);
        *at = p + length;
        return MORE;
    }
    }
    if (p >= end) return MALFORMED;
    int size = *p++;
    if (end - p < size) return MALFORMED;
    uint32_t micros = 0;
    if (c->kind == TIME) {
        int64_t v = 0;
        if (size >= 8) {
            uint32_t day;
            memcpy(&day, p + 1, 4);
            if (size >= 12) memcpy(&micros, p + 8, 4);
            v = (((int64_t)day * 24 + p[5]) * 60 + p[6]) * 60 + p[7];
            v = v * 1000000 + micros;
            if (p[0]) v = -v;
        }
        ((int64_t *)c->data)[row] = v;
    } else {
        int y = 0, m = 0, d = 0;
        if (size >= 4) y = p[0] | p[1] << 8, m = p[2], d = p[3];
        if (!real_date(y, m, d)) return NO_DATE;
        if (c->kind == DATE) {
            ((int32_t *)c->data)[row] = days(y, m, d);
        } else {
            int64_t v = (int64_t)days(y, m, d) * 86400;
            if (size >= 7) v += p[4] * 3600 + p[5] * 60 + p[6];
            if (size >= 11) memcpy(&micros, p + 7, 4);
            ((int64_t *)c->data)[row] = v * 1000000 + micros;
        }
    }
    *at = p + size;
    return MORE;
}

/* As if the first `count` values of the row had never been put. `nulls` is the packet's own word on them. */
static void take_back(wf_column *columns, int64_t count, int64_t row, const uint8_t *nulls, wf_progress *to) {
    uint8_t mark = (uint8_t)(1 << (row & 7));
    for (int64_t k = 0; k < count; k++) {
        wf_column *c = columns + k;
        if (c->valid[row >> 3] & mark) {
            c->valid[row >> 3] &= (uint8_t)~mark;
            continue;
        }
        c->nulls--;
        if (!(nulls[(k + 2) >> 3] >> ((k + 2) & 7) & 1)) to->lost[k]--;
    }
}

/* One row: the packet after its header byte. On ROOM the row is as if never begun. `scale` 1 of a date makes NULL of what
 * is no date. */
static int put_row(const uint8_t *p, const uint8_t *end, wf_column *columns, int64_t count, wf_progress *to) {
    const uint8_t *nulls = p;
    int64_t row = to->row;
    p += (count + 9) / 8;
    if (p > end) return MALFORMED;
    for (int64_t k = 0; k < count; k++) {
        wf_column *c = columns + k;
        int64_t bit = k + 2;
        if (nulls[bit >> 3] >> (bit & 7) & 1) {
            put_null(c, row);
            continue;
        }
        const uint8_t *start = p;
        int status = put_value(c, row, &p, end, &to->needed);
        if (status == NO_DATE && c->scale == 1) {
            p = start + 1 + *start;
            put_null(c, row);
            to->lost[k]++;
        } else if (status) {
            to->column = k;
            take_back(columns, k, row, nulls, to);
            return status;
        } else {
            c->valid[row >> 3] |= (uint8_t)(1 << (row & 7));
        }
    }
    if (p != end) return to->column = count, MALFORMED;
    return MORE;
}

/* A row of 16 MiB or more, put together from its packets by the caller. */
EXPORT int32_t wf_my_row(const uint8_t *payload, int64_t size, wf_column *columns, int64_t count, wf_progress *to) {
    int status = size < 1 ? MALFORMED : put_row(payload + 1, payload + size, columns, count, to);
    if (status) return status;
    to->row++;
    to->bytes += size;
    return MORE;
}

static int decode_window(wf_window *w, wf_column *columns, int64_t count, wf_progress *to) {
    const uint8_t *p;
    int64_t length;
    int status;
    while (!(status = next_row(w, &p, &length)) && p) {
        if (to->row >= to->rows_max || (to->row && to->bytes + length > to->bytes_max)) return FULL;
        if ((status = put_row(p + 1, p + length, columns, count, to))) return status;
        to->row++;
        to->bytes += length;
        w->start += 4 + length;
    }
    return status;
}

/* Row packets into the batch, reading on, until it is full or something else is to be done. */
EXPORT int32_t wf_my_decode(wf_window *w, wf_column *columns, int64_t count, wf_progress *to) {
    int status;
    do status = decode_window(w, columns, count, to);
    while (status == MORE && wf_fill(w));
    return status;
}

/* ---- lines ------------------------------------------------------------------------------------------------------- */

static const char PAIRS[] =
    "0001020304050607080910111213141516171819202122232425262728293031323334353637383940414243444546474849"
    "5051525354555657585960616263646566676869707172737475767778798081828384858687888990919293949596979899";

static uint8_t *two(uint8_t *o, unsigned v) {
    memcpy(o, PAIRS + 2 * (v % 100), 2); /* whatever a packet claims, the table ends at 99 */
    return o + 2;
}

static uint8_t *whole(uint8_t *o, uint64_t v) {
    uint8_t digits[20], *p = digits + 20;
    while (v >= 100) {
        p -= 2;
        memcpy(p, PAIRS + 2 * (v % 100), 2);
        v /= 100;
    }
    if (v >= 10) p -= 2, memcpy(p, PAIRS + 2 * v, 2);
    else *--p = (uint8_t)('0' + v);
    memcpy(o, p, (size_t)(digits + 20 - p));
    return o + (digits + 20 - p);
}

static uint8_t *signed_whole(uint8_t *o, int64_t v) {
    if (v >= 0) return whole(o, (uint64_t)v);
    *o++ = '-';
    return whole(o, 0 - (uint64_t)v);
}

static uint8_t *fraction(uint8_t *o, uint32_t micros) {
    if (!micros) return o;
    *o++ = '.';
    o = two(o, micros / 10000);
    o = two(o, micros / 100 % 100);
    o = two(o, micros % 100);
    while (o[-1] == '0') o--; /* never the point: there is a digit other than 0 */
    return o;
}

static uint8_t *date(uint8_t *o, int y, int m, int d) {
    o = two(o, (unsigned)(y / 100));
    o = two(o, (unsigned)(y % 100));
    *o++ = '-';
    o = two(o, (unsigned)m);
    *o++ = '-';
    return two(o, (unsigned)d);
}

static uint8_t *clock_text(uint8_t *o, int64_t hours, int minutes, int seconds, uint32_t micros) {
    if (hours < 100) o = two(o, (unsigned)hours);
    else o = whole(o, (uint64_t)hours);
    *o++ = ':';
    o = two(o, (unsigned)minutes);
    *o++ = ':';
    o = two(o, (unsigned)seconds);
    return fraction(o, micros);
}

#define EACH(byte) ((byte) * 0x0101010101010101ULL)

/* Is one of eight bytes a backslash, or below 14? (May say so of a byte behind one that is.) */
static int has_special(uint64_t w) {
    uint64_t slash = w ^ EACH('\\');
    return (((w - EACH(14)) & ~w) | ((slash - EACH(1)) & ~slash)) & EACH(0x80) ? 1 : 0;
}

/* As COPY and LOAD DATA write text: core/lines.py. */
static uint8_t *escaped(uint8_t *o, const uint8_t *p, uint64_t length) {
    static const char letters[14] = {'0', 0, 0, 0, 0, 0, 0, 0, 'b', 't', 'n', 0, 0, 'r'};
    const uint8_t *end = p + length;
    while (p < end) {
        uint64_t w;
        if (end - p >= 8) {
            memcpy(&w, p, 8);
            if (!has_special(w)) {
                memcpy(o, &w, 8);
                p += 8;
                o += 8;
                continue;
            }
        }
        char letter = *p == '\\' ? '\\' : *p < sizeof letters ? letters[*p] : 0;
        if (letter) {
            *o++ = '\\';
            *o++ = (uint8_t)letter;
        } else {
            *o++ = *p;
        }
        p++;
    }
    return o;
}

static uint8_t *hex(uint8_t *o, const uint8_t *p, uint64_t length) {
    static const char digits[] = "0123456789abcdef";
    for (uint64_t i = 0; i < length; i++) {
        *o++ = (uint8_t)digits[p[i] >> 4];
        *o++ = (uint8_t)digits[p[i] & 15];
    }
    return o;
}

#define FIXED_TEXT_MAX 64 /* the longest text of any value of fixed width, its tab included */

/* One value of a row packet as text. NULL when it is malformed; *room is set when there is not enough of it. */
static uint8_t *value_line(int32_t kind, const uint8_t **at, const uint8_t *end, uint8_t *o, uint8_t *limit, int *room) {
    const uint8_t *p = *at;
    uint64_t length = 0, u = 0;
    int64_t width = 0;
    if (limit - o < FIXED_TEXT_MAX) return *room = 1, o;
    switch (kind) {
    case VARIABLE: case HEX: case PLAIN:
        if (!(p = lenenc(p, end, &length))) return NULL;
        if ((uint64_t)(limit - o) < 2 * length + FIXED_TEXT_MAX) return *room = 1, o;
        *at = p + length;
        if (kind == HEX) return hex(o, p, length);
        if (kind == VARIABLE) return escaped(o, p, length);
        memcpy(o, p, length);
        return o + length;
    case SIGNED1: case UNSIGNED1: width = 1; break;
    case SIGNED2: case UNSIGNED2: width = 2; break;
    case SIGNED4: case UNSIGNED4: case FLOAT4: width = 4; break;
    case SIGNED8: case UNSIGNED8: case FLOAT8: width = 8; break;
    }
    if (width) {
        if (end - p < width) return NULL;
        memcpy(&u, p, (size_t)width);
        *at = p + width;
        switch (kind) {
        case SIGNED1: return signed_whole(o, (int8_t)u);
        case SIGNED2: return signed_whole(o, (int16_t)u);
        case SIGNED4: return signed_whole(o, (int32_t)u);
        case SIGNED8: return signed_whole(o, (int64_t)u);
        case FLOAT4: case FLOAT8: {
            double v;
            float narrow;
            memcpy(&narrow, p, 4);
            memcpy(&v, p, (size_t)width == 8 ? 8 : 4);
            return o + snprintf((char *)o, FIXED_TEXT_MAX, "%.17g", kind == FLOAT4 ? (double)narrow : v);
        }
        }
        return whole(o, u);
    }
    if (p >= end) return NULL;
    int size = *p++;
    if (end - p < size) return NULL;
    uint32_t micros = 0;
    *at = p + size;
    if (kind == TIME) {
        if (size < 8) return clock_text(o, 0, 0, 0, 0);
        uint32_t day;
        memcpy(&day, p + 1, 4);
        if (size >= 12) memcpy(&micros, p + 8, 4);
        if (p[0]) *o++ = '-';
        return clock_text(o, (int64_t)day * 24 + p[5], p[6], p[7], micros);
    }
    int y = 0, m = 0, d = 0;
    if (size >= 4) y = p[0] | p[1] << 8, m = p[2], d = p[3];
    if (y > 9999 || m > 99 || d > 99) return NULL;
    o = date(o, y, m, d);
    if (kind == DATE) return o;
    if (size >= 11) memcpy(&micros, p + 7, 4);
    *o++ = ' ';
    return size >= 7 ? clock_text(o, p[4], p[5], p[6], micros) : clock_text(o, 0, 0, 0, 0);
}

static int row_line(const uint8_t *p, const uint8_t *end, const int32_t *kinds, int64_t count, uint8_t **out,
                    uint8_t *limit, wf_progress *to) {
    const uint8_t *nulls = p;
    uint8_t *o = *out;
    p += (count + 9) / 8;
    if (p > end) return MALFORMED;
    for (int64_t k = 0; k < count; k++) {
        int64_t bit = k + 2;
        int room = 0;
        if (nulls[bit >> 3] >> (bit & 7) & 1) {
            if (limit - o < FIXED_TEXT_MAX) return ROOM;
            *o++ = '\\';
            *o++ = 'N';
        } else if (!(o = value_line(kinds[k], &p, end, o, limit, &room))) {
            return to->column = k, MALFORMED;
        } else if (room) {
            return ROOM;
        }
        *o++ = '\t';
    }
    if (p != end) return to->column = count, MALFORMED;
    if (count) o[-1] = '\n';
    else *o++ = '\n';
    wf_fold(wf_finish_row(wf_in_column(wf_hash_value(*out, (uint64_t)(o - *out)), 0)), to->digest);
    *out = o;
    to->row++;
    return MORE;
}

static int lines_window(wf_window *w, const int32_t *kinds, int64_t count, uint8_t *out, int64_t room, wf_progress *to) {
    const uint8_t *p;
    uint8_t *o = out + to->bytes;
    int64_t length;
    int status;
    while (!(status = next_row(w, &p, &length)) && p) {
        if ((status = row_line(p + 1, p + length, kinds, count, &o, out + room, to))) break;
        w->start += 4 + length;
    }
    to->bytes = o - out;
    return status;
}

/* Row packets → lines in `out`, reading on until there are to->bytes_max of them; to->bytes says how many there are. ROOM:
 * empty `out` first, or with nothing in it bring a larger one. */
EXPORT int32_t wf_my_lines(wf_window *w, const int32_t *kinds, int64_t count, uint8_t *out, int64_t room, wf_progress *to) {
    int status;
    do status = lines_window(w, kinds, count, out, room, to);
    while (status == MORE && to->bytes < to->bytes_max && wf_fill(w));
    return status;
}

EXPORT int32_t wf_my_row_line(const uint8_t *payload, int64_t size, const int32_t *kinds, int64_t count, uint8_t *out,
                              int64_t room, wf_progress *to) {
    uint8_t *o = out + to->bytes;
    int status = size < 1 ? MALFORMED : row_line(payload + 1, payload + size, kinds, count, &o, out + room, to);
    to->bytes = o - out;
    return status;
}

/* ---- Arrow → lines ----------------------------------------------------------------------------------------------- */

/* How a column of a batch is written. Mirrored by encode.py. */
enum text { T_BOOL, T_SIGNED, T_UNSIGNED, T_DECIMAL, T_DATE, T_MOMENT, T_TIME, T_TEXT, T_HEX, T_UUID };

typedef struct {
    int32_t text, scale;    /* scale: of decimals; of integers and fixed bytes the width */
    const uint8_t *valid;   /* or NULL */
    const uint8_t *data;    /* values of fixed width, bits of booleans, bytes of text */
    const int32_t *offsets;
    int64_t first;          /* the slice's offset, for all three */
} wf_source;

static uint8_t *decimal_text(uint8_t *o, const uint8_t *p, int32_t scale) {
    __int128 v;
    uint8_t digits[48], *q = digits + 48;
    memcpy(&v, p, 16);
    unsigned __int128 u = v < 0 ? -(unsigned __int128)v : (unsigned __int128)v;
    if (v < 0) *o++ = '-';
    int32_t written = 0;
    if (u >> 64 == 0) {
        for (uint64_t w = (uint64_t)u; w || written <= scale; w /= 10) {
            if (scale && written == scale) *--q = '.';
            *--q = (uint8_t)('0' + w % 10);
            written++;
        }
    } else {
        for (; u || written <= scale; u /= 10) {
            if (scale && written == scale) *--q = '.';
            *--q = (uint8_t)('0' + (int)(u % 10));
            written++;
        }
    }
    memcpy(o, q, (size_t)(digits + 48 - q));
    return o + (digits + 48 - q);
}

static uint8_t *integer_text(uint8_t *o, const wf_source *s, int64_t i) {
    int is_signed = s->text == T_SIGNED;
    switch (s->scale) {
    case 1: return is_signed ? signed_whole(o, ((const int8_t *)s->data)[i]) : whole(o, s->data[i]);
    case 2: return is_signed ? signed_whole(o, ((const int16_t *)s->data)[i]) : whole(o, ((const uint16_t *)s->data)[i]);
    case 4: return is_signed ? signed_whole(o, ((const int32_t *)s->data)[i]) : whole(o, ((const uint32_t *)s->data)[i]);
    default: return is_signed ? signed_whole(o, ((const int64_t *)s->data)[i]) : whole(o, ((const uint64_t *)s->data)[i]);
    }
}

static uint8_t *uuid_text(uint8_t *o, const uint8_t *p) {
    static const uint8_t parts[] = {4, 2, 2, 2, 6};
    for (int i = 0; i < 5; i++) {
        if (i) *o++ = '-';
        o = hex(o, p, parts[i]);
        p += parts[i];
    }
    return o;
}

/* NULL when the value has no text in MySQL (a year outside 0…9999). */
static uint8_t *source_text(const wf_source *s, int64_t i, uint8_t *o, uint8_t *limit, int *room) {
    int32_t y, m, d;
    if (limit - o < FIXED_TEXT_MAX) return *room = 1, o;
    switch (s->text) {
    case T_BOOL: return *o = (uint8_t)('0' + (s->data[i >> 3] >> (i & 7) & 1)), o + 1;
    case T_SIGNED: case T_UNSIGNED: return integer_text(o, s, i);
    case T_DECIMAL: return decimal_text(o, s->data + 16 * i, s->scale);
    case T_UUID: return uuid_text(o, s->data + 16 * i);
    case T_DATE:
        civil(((const int32_t *)s->data)[i], &y, &m, &d);
        return y < 0 || y > 9999 ? NULL : date(o, y, m, d);
    case T_MOMENT: {
        int64_t t = ((const int64_t *)s->data)[i], seconds = t / 1000000, micros = t % 1000000;
        if (micros < 0) micros += 1000000, seconds--;
        int64_t day = seconds / 86400, rest = seconds % 86400;
        if (rest < 0) rest += 86400, day--;
        civil(day, &y, &m, &d);
        if (y < 0 || y > 9999) return NULL;
        o = date(o, y, m, d);
        *o++ = ' ';
        return clock_text(o, rest / 3600, (int)(rest / 60 % 60), (int)(rest % 60), (uint32_t)micros);
    }
    case T_TIME: {
        int64_t t = ((const int64_t *)s->data)[i];
        if (t < 0) *o++ = '-';
        uint64_t u = t < 0 ? 0 - (uint64_t)t : (uint64_t)t, seconds = u / 1000000;
        return clock_text(o, (int64_t)(seconds / 3600), (int)(seconds / 60 % 60), (int)(seconds % 60), (uint32_t)(u % 1000000));
    }
    default: {
        int64_t length = s->offsets[i + 1] - s->offsets[i];
        if (limit - o < 2 * length + FIXED_TEXT_MAX) return *room = 1, o;
        const uint8_t *p = s->data + s->offsets[i];
        return s->text == T_HEX ? hex(o, p, (uint64_t)length) : escaped(o, p, (uint64_t)length);
    }
    }
}

/* Rows from to->row on, as lines in `out` until it is full (ROOM) or all rows are written (MORE). */
EXPORT int32_t wf_my_encode(const wf_source *sources, int64_t count, int64_t rows, uint8_t *out, int64_t room,
                            wf_progress *to) {
    uint8_t *o = out, *limit = out + room;
    to->bytes = 0;
    for (; to->row < rows; to->row++) {
        for (int64_t k = 0; k < count; k++) {
            const wf_source *s = sources + k;
            int64_t i = s->first + to->row;
            int full = 0;
            if (s->valid && !(s->valid[i >> 3] >> (i & 7) & 1)) {
                if (limit - o < FIXED_TEXT_MAX) return ROOM;
                *o++ = '\\';
                *o++ = 'N';
            } else if (!(o = source_text(s, i, o, limit, &full))) {
                return to->column = k, NO_DATE;
            } else if (full) {
                return ROOM;
            }
            *o++ = '\t';
        }
        o[-1] = '\n';
        to->bytes = o - out;
    }
    return MORE;
}

static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "_native", "Called through ctypes.", -1, NULL};

PyMODINIT_FUNC PyInit__native(void) { return PyModule_Create(&module); }
