/* Rows of a running SQLite statement → Arrow buffers. What each kind accepts is said, and done again, in values.py.
 *
 * SQLite itself is not linked: native.py hands over the functions of the very library that Python's sqlite3 uses, as two
 * copies of SQLite in one process would drop each other's file locks. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <float.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "columns.h"

enum { INTEGER = 1, REAL = 2, TEXT = 3, BLOB = 4, NOTHING = 5 }; /* sqlite3_column_type */
enum { STEP_ROW = 100, STEP_DONE = 101 };
enum { AS_INT, AS_DOUBLE, AS_BOOL, AS_TEXT, AS_NUMBER, AS_BYTES, AS_DATE, AS_NAIVE, AS_ZONED, AS_UTC, AS_TIME, AS_UUID, AS_DECIMAL };
enum { FULL, DONE, ROOM, MISFIT, FAILED };  /* how a call ended */
enum { FITS, DOES_NOT, NO_ROOM };

typedef struct {
    int (*step)(void *);
    int (*type)(void *, int);
    int64_t (*integer)(void *, int);
    double (*real)(void *, int);
    const uint8_t *(*text)(void *, int);
    const uint8_t *(*blob)(void *, int);
    int (*bytes)(void *, int);
} library;

/* `scale` holds the digits after the point, of decimals and moments; precision is the decimal's. */
typedef struct {
    int32_t source;    /* which column of the statement */
    int32_t precision;
} origin;

/* -- small readers -------------------------------------------------------------------------------------------------- */

static const int64_t TENS[] = {1, 10, 100, 1000, 10000, 100000, 1000000, 10000000, 100000000, 1000000000, 10000000000,
                               100000000000, 1000000000000, 10000000000000, 100000000000000, 1000000000000000};

static int digits(const uint8_t *p, int n, int *value) {
    *value = 0;
    for (int i = 0; i < n; i++) {
        if (p[i] < '0' || p[i] > '9') return 0;
        *value = *value * 10 + p[i] - '0';
    }
    return 1;
}

static int valid_utf8(const uint8_t *p, int64_t n) {
    const uint8_t *end = p + n;
    while (p < end) {
        uint64_t eight;
        if (end - p >= 8 && (memcpy(&eight, p, 8), !(eight & 0x8080808080808080ULL))) { p += 8; continue; }
        if (*p < 0x80) { p++; continue; }
        int more = *p >= 0xF0 ? 3 : *p >= 0xE0 ? 2 : 1;
        if (*p < 0xC2 || *p > 0xF4 || end - p <= more) return 0;
        if (*p == 0xE0 && p[1] < 0xA0) return 0; /* overlong */
        if (*p == 0xED && p[1] > 0x9F) return 0; /* surrogates */
        if (*p == 0xF0 && p[1] < 0x90) return 0;
        if (*p == 0xF4 && p[1] > 0x8F) return 0; /* beyond U+10FFFF */
        for (int i = 1; i <= more; i++)
            if ((p[i] & 0xC0) != 0x80) return 0;
        p += more + 1;
    }
    return 1;
}

/* Days since 1970-01-01 of the proleptic Gregorian calendar (Howard Hinnant's days_from_civil). */
static int64_t days(int year, int month, int day) {
    year -= month <= 2;
    int64_t era = (year >= 0 ? year : year - 399) / 400;
    int64_t yoe = year - era * 400, doy = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    return era * 146097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719468;
}

static int read_date(const uint8_t *p, int n, int64_t *out) {
    static const int length[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int year, month, day;
    if (n < 10 || p[4] != '-' || p[7] != '-' || !digits(p, 4, &year) || !digits(p + 5, 2, &month) || !digits(p + 8, 2, &day)) return 0;
    if (month < 1 || month > 12 || day < 1) return 0;
    int leap = month == 2 && year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    if (day > length[month - 1] + leap) return 0;
    *out = days(year, month, day);
    return 1;
}

/* MM[:SS[.f]] after the hours; `used` is set to how far it reaches. */
static int read_clock(const uint8_t *p, int n, int hours, int fraction_max, int64_t *ticks, int *used) {
    int minutes, seconds = 0, places = 0;
    int64_t fraction = 0;
    if (n < 3 || p[0] != ':' || !digits(p + 1, 2, &minutes) || minutes > 59) return 0;
    int at = 3;
    if (n >= at + 3 && p[at] == ':') {
        if (!digits(p + at + 1, 2, &seconds) || seconds > 59) return 0;
        at += 3;
        if (n > at && p[at] == '.') {
            for (at++; at < n && p[at] >= '0' && p[at] <= '9'; at++) {
                if (++places > fraction_max) return 0;
                fraction = fraction * 10 + p[at] - '0';
            }
            if (!places) return 0;
        }
    }
    *ticks = ((int64_t)hours * 3600 + minutes * 60 + seconds) * TENS[fraction_max] + fraction * TENS[fraction_max - places];
    *used = at;
    return 1;
}

static int read_zone(const uint8_t *p, int n, int64_t *seconds) {
    int hours, minutes = 0;
    *seconds = 0;
    if (n == 1 && p[0] == 'Z') return 1;
    if (n < 3 || (p[0] != '+' && p[0] != '-') || !digits(p + 1, 2, &hours) || hours > 23) return 0;
    if (n > 3) {
        const uint8_t *m = p[3] == ':' ? p + 4 : p + 3;
        if (p + n - m != 2 || !digits(m, 2, &minutes) || minutes > 59) return 0;
    }
    *seconds = (hours * 60 + minutes) * 60 * (p[0] == '-' ? -1 : 1);
    return 1;
}

static int read_moment(const uint8_t *p, int n, int kind, int fraction_max, int64_t *out) {
    int64_t day, clock = 0, zone = 0, whole;
    int used = 0, hours;
    if (!read_date(p, n, &day)) return 0;
    p += 10, n -= 10;
    if (n) {
        if ((p[0] != ' ' && p[0] != 'T') || n < 3 || !digits(p + 1, 2, &hours) || hours > 23) return 0;
        if (!read_clock(p + 3, n - 3, hours, fraction_max, &clock, &used)) return 0;
        used += 3;
    }
    if (kind == AS_NAIVE ? used != n : !used || !read_zone(p + used, n - used, &zone)) return 0;
    if (kind == AS_UTC && zone) return 0;
    if (__builtin_mul_overflow(day * 86400 - zone, TENS[fraction_max], &whole)) return 0;
    return !__builtin_add_overflow(whole, clock, out);
}

static int read_time(const uint8_t *p, int n, int fraction_max, int64_t *out) {
    int negative = n && p[0] == '-', hours, wide, used;
    p += negative, n -= negative;
    wide = n > 2 && p[2] != ':';
    if (n < 5 || !digits(p, 2 + wide, &hours)) return 0;
    p += 2 + wide, n -= 2 + wide;
    if (!read_clock(p, n, hours, fraction_max, out, &used) || used != n) return 0;
    if (negative) *out = -*out;
    return 1;
}

static int hex(uint8_t c) {
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static int read_uuid(const uint8_t *p, int n, uint8_t *out) {
    if (n != 36 && n != 32) return 0;
    for (int i = 0; i < 16; i++) {
        if (n == 36 && (i == 4 || i == 6 || i == 8 || i == 10) && *p++ != '-') return 0;
        int high = hex(p[0]), low = hex(p[1]);
        if (high < 0 || low < 0) return 0;
        out[i] = (uint8_t)(high << 4 | low);
        p += 2;
    }
    return 1;
}

/* A number's significant digits and where its point is: value = digits × 10**exponent. 0 when it is no number. */
static int read_number(const uint8_t *p, int n, int *negative, uint8_t *significant, int room, int *count, int64_t *exponent) {
    const uint8_t *end = p + n;
    int seen = 0, point = 0, zeros = 0, places = 0, sign = 1, power = 0, width = 0;
    *count = 0;
    *negative = n && *p == '-';
    if (n && (*p == '-' || *p == '+')) p++;
    for (; p < end && ((*p >= '0' && *p <= '9') || (*p == '.' && !point)); p++) {
        if (*p == '.') { point = 1; continue; }
        seen = 1;
        places += point;
        if (*p == '0') { zeros += *count > 0; continue; }
        if (*count + zeros >= room) return -1; /* a number, of more digits than anybody asks for */
        while (zeros) significant[(*count)++] = 0, zeros--;
        significant[(*count)++] = (uint8_t)(*p - '0');
    }
    if (!seen) return 0;
    if (p < end && (*p == 'e' || *p == 'E')) {
        if (++p < end && (*p == '-' || *p == '+')) sign = *p++ == '-' ? -1 : 1;
        for (; p < end && *p >= '0' && *p <= '9' && width < 4; p++, width++) power = power * 10 + *p - '0';
        if (!width) return 0;
    }
    *exponent = (int64_t)sign * power - places + zeros;
    return p == end;
}

static int is_number(const uint8_t *p, int n) {
    uint8_t significant[64];
    int negative, count;
    int64_t exponent;
    if ((n == 3 && !memcmp(p, "NaN", 3)) || (n == 8 && !memcmp(p, "Infinity", 8)) || (n == 9 && !memcmp(p, "-Infinity", 9))) return 1;
    int found = read_number(p, n, &negative, significant, 64, &count, &exponent);
    if (found >= 0) return found;
    /* Too long for the buffer: only its form matters. */
    int i = *p == '-' || *p == '+', point = 0, seen = 0, width = 0;
    for (; i < n && ((p[i] >= '0' && p[i] <= '9') || (p[i] == '.' && !point)); i++) point |= p[i] == '.', seen |= p[i] != '.';
    if (i < n && (p[i] == 'e' || p[i] == 'E')) {
        if (++i < n && (p[i] == '-' || p[i] == '+')) i++;
        for (; i < n && p[i] >= '0' && p[i] <= '9' && width < 4; i++) width++;
        if (!width) return 0;
    }
    return seen && i == n;
}

static __int128 power_of_ten(int n) {
    __int128 value = 1;
    while (n-- > 0) value *= 10;
    return value;
}

static int decimal_of_text(const uint8_t *p, int n, int precision, int scale, __int128 *out) {
    uint8_t significant[40];
    int negative, count;
    int64_t exponent;
    if (read_number(p, n, &negative, significant, 38, &count, &exponent) != 1) return 0;
    *out = 0;
    if (!count) return 1;
    int64_t shift = exponent + scale; /* the last digit is not 0: nothing can be cut off */
    if (shift < 0 || count + shift > precision) return 0;
    for (int i = 0; i < count; i++) *out = *out * 10 + significant[i];
    *out *= power_of_ten((int)shift);
    if (negative) *out = -*out;
    return 1;
}

/* The shortest digits that read back as the same double, spelled as Python's repr does. Gives the length. */
static int spell(double x, char *out) {
    char raw[32], figures[20];
    int precision = fabs(x) < DBL_MIN ? 1 : 15, exponent, count = 0; /* below it there are fewer than 15 digits */
    if (isinf(x)) return sprintf(out, x < 0 ? "-Infinity" : "Infinity");
    do snprintf(raw, sizeof raw, "%.*e", precision - 1, x);
    while (strtod(raw, NULL) != x && ++precision <= 17);
    char *e = strchr(raw, 'e');
    exponent = atoi(e + 1);
    for (char *c = raw; c < e; c++)
        if (*c >= '0' && *c <= '9') figures[count++] = *c;
    while (count > 1 && figures[count - 1] == '0') count--;
    char *to = out;
    if (signbit(x)) *to++ = '-';
    if (exponent < -4 || exponent >= 16) {
        *to++ = figures[0];
        if (count > 1) { *to++ = '.'; memcpy(to, figures + 1, count - 1); to += count - 1; }
        return (int)(to - out) + sprintf(to, "e%c%02d", exponent < 0 ? '-' : '+', abs(exponent));
    }
    for (int place = exponent < 0 ? 0 : exponent; place >= -1 || exponent - place < count; place--) {
        int at = exponent - place; /* which figure stands at 10**place */
        if (place == -1) *to++ = '.';
        *to++ = at >= 0 && at < count ? figures[at] : '0';
    }
    return (int)(to - out);
}

static int decimal_of_double(double x, int precision, int scale, __int128 *out) {
    if (scale <= 15) { /* values.py tells why equality proves the digits */
        double power = (double)TENS[scale], scaled = rint(x * power), size = fabs(scaled);
        if (size < (double)TENS[precision < 15 ? precision : 15] && scaled / power == x) {
            *out = (int64_t)scaled;
            return 1;
        }
    }
    char text[48];
    return decimal_of_text((const uint8_t *)text, spell(x, text), precision, scale, out);
}

static int decimal_of_integer(int64_t x, int precision, int scale, __int128 *out) {
    __int128 limit = power_of_ten(precision - scale);
    if (x >= limit || -(__int128)x >= limit) return 0;
    *out = x * power_of_ten(scale);
    return 1;
}

/* -- one value into its column -------------------------------------------------------------------------------------- */

static inline void put_null(wf_column *c, int64_t row, int variable) {
    if (variable) c->offsets[row + 1] = c->offsets[row];
    c->nulls++;
}

static int put_bytes(wf_column *c, int64_t row, const void *p, int64_t n, int64_t *needed) {
    int64_t end = c->offsets[row] + n;
    if (end > c->bytes_room) {
        *needed = end;
        return NO_ROOM;
    }
    if (n) memcpy(c->bytes + c->offsets[row], p, n);
    c->offsets[row + 1] = (int32_t)end;
    return FITS;
}

static int put_text(const library *sql, void *statement, int at, int type, wf_column *c, int64_t row, int64_t *needed) {
    char spelled[48];
    if (type == INTEGER) return put_bytes(c, row, spelled, sprintf(spelled, "%lld", (long long)sql->integer(statement, at)), needed);
    if (type == REAL) return put_bytes(c, row, spelled, spell(sql->real(statement, at), spelled), needed);
    if (type != TEXT) return DOES_NOT;
    const uint8_t *p = sql->text(statement, at);
    int n = sql->bytes(statement, at);
    if (c->kind == AS_NUMBER ? !is_number(p, n) : !valid_utf8(p, n)) return DOES_NOT;
    return put_bytes(c, row, p, n, needed);
}

static int truth(const library *sql, void *statement, int at, int type, uint8_t *out) {
    if (type == INTEGER) {
        int64_t value = sql->integer(statement, at);
        *out = (uint8_t)value;
        return value == 0 || value == 1;
    }
    if (type != TEXT) return 0;
    const uint8_t *p = sql->text(statement, at);
    int n = sql->bytes(statement, at);
    *out = n == 4;
    const char *word = n == 4 ? "true" : "false";
    if (n != 4 && n != 5) return 0;
    for (int i = 0; i < n; i++)
        if ((p[i] | 32) != word[i]) return 0;
    return 1;
}

static int decimal(const library *sql, void *statement, int at, int type, const wf_column *c, int precision, __int128 *out) {
    if (type == INTEGER) return decimal_of_integer(sql->integer(statement, at), precision, c->scale, out);
    if (type == REAL) return decimal_of_double(sql->real(statement, at), precision, c->scale, out);
    if (type != TEXT) return 0;
    const uint8_t *p = sql->text(statement, at);
    return decimal_of_text(p, sql->bytes(statement, at), precision, c->scale, out);
}

static int moment(const library *sql, void *statement, int at, const wf_column *c, int64_t *out) {
    const uint8_t *p = sql->text(statement, at);
    int n = sql->bytes(statement, at);
    if (c->kind == AS_DATE) return n == 10 && read_date(p, n, out);
    if (c->kind == AS_TIME) return read_time(p, n, c->scale, out);
    return read_moment(p, n, c->kind, c->scale, out);
}

static int fixed(const library *sql, void *statement, int at, int type, wf_column *c, int64_t row, int precision) {
    int64_t ticks;
    __int128 amount;
    switch (c->kind) {
    case AS_INT:
        if (type != INTEGER) return 0;
        ((int64_t *)c->data)[row] = sql->integer(statement, at);
        return 1;
    case AS_DOUBLE: {
        double value = sql->real(statement, at);
        if (type == INTEGER) {
            int64_t whole = sql->integer(statement, at);
            if (value >= 9223372036854775808.0 || (int64_t)value != whole) return 0;
        } else if (type != REAL) return 0;
        ((double *)c->data)[row] = value;
        return 1;
    }
    case AS_BOOL: return truth(sql, statement, at, type, (uint8_t *)c->data + row);
    case AS_UUID: {
        uint8_t *to = (uint8_t *)c->data + 16 * row;
        if (type == TEXT) {
            const uint8_t *p = sql->text(statement, at);
            return read_uuid(p, sql->bytes(statement, at), to);
        }
        if (type != BLOB || sql->bytes(statement, at) != 16) return 0;
        memcpy(to, sql->blob(statement, at), 16);
        return 1;
    }
    case AS_DECIMAL:
        if (!decimal(sql, statement, at, type, c, precision, &amount)) return 0;
        memcpy((uint8_t *)c->data + 16 * row, &amount, 16);
        return 1;
    default:
        if (type != TEXT || !moment(sql, statement, at, c, &ticks)) return 0;
        if (c->kind == AS_DATE) ((int32_t *)c->data)[row] = (int32_t)ticks;
        else ((int64_t *)c->data)[row] = ticks;
        return 1;
    }
}

static int put(const library *sql, void *statement, int at, int type, wf_column *c, int64_t row, int precision, int64_t *needed) {
    int result = FITS, variable = c->kind == AS_TEXT || c->kind == AS_NUMBER || c->kind == AS_BYTES;
    if (type == NOTHING) {
        put_null(c, row, variable);
        return FITS;
    }
    if (c->kind == AS_BYTES) {
        if (type != BLOB && type != TEXT) return DOES_NOT;
        const uint8_t *p = sql->blob(statement, at);
        result = put_bytes(c, row, p, sql->bytes(statement, at), needed);
    } else if (variable) {
        result = put_text(sql, statement, at, type, c, row, needed);
    } else if (!fixed(sql, statement, at, type, c, row, precision)) {
        result = DOES_NOT;
    }
    if (result == FITS) c->valid[row >> 3] |= (uint8_t)(1 << (row & 7));
    return result;
}

/* Fill from row `row` up to `rows_max` rows or about `bytes_max` bytes of text, of which there are `held`. Gives the rows filled.
 * After ROOM (more bytes needed in column `where`) call again with the same `where`: the current row goes on there.
 * `where` is -1 when the next row is to be fetched. */
int64_t wf_sqlite_fill(const library *sql, void *statement, wf_column *columns, const origin *origins, int count, int64_t row,
                       int64_t rows_max, int64_t bytes_max, int64_t *held, int *status, int *where, int64_t *needed) {
    for (; row < rows_max && *held < bytes_max; row++) {
        if (*where < 0) {
            int code = sql->step(statement);
            if (code != STEP_ROW) {
                *status = code == STEP_DONE ? DONE : FAILED;
                return row;
            }
            *where = 0;
        }
        for (; *where < count; ++*where) {
            const origin *from = origins + *where;
            int type = sql->type(statement, from->source);
            int result = put(sql, statement, from->source, type, columns + *where, row, from->precision, needed);
            if (result != FITS) {
                *status = result == NO_ROOM ? ROOM : MISFIT;
                return row;
            }
            if (type == TEXT || type == BLOB) *held += sql->bytes(statement, from->source);
        }
        *where = -1;
    }
    *status = FULL;
    return row;
}

/* Look at every row: `out[i]` becomes 0 for a column one of whose values does not fit, and `seen[i]` collects the bits
 * 1 << storage class. Each column has room for one row; variable-width ones are grown here. Gives SQLite's last code. */
int wf_sqlite_look(const library *sql, void *statement, wf_column *columns, const origin *origins, int count, uint8_t *fits, int32_t *seen) {
    int code;
    while ((code = sql->step(statement)) == STEP_ROW) {
        for (int i = 0; i < count; i++) {
            int type = sql->type(statement, origins[i].source);
            int64_t needed;
            seen[i] |= 1 << type;
            if (fits[i]) fits[i] = put(sql, statement, origins[i].source, type, columns + i, 0, origins[i].precision, &needed) != DOES_NOT;
        }
    }
    return code;
}

static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "_native", NULL, -1, NULL, NULL, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit__native(void) {
    return PyModule_Create(&module);
}
