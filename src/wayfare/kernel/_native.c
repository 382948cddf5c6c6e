/* The row hash over Arrow buffers, one column at a time. kernel/hashing.py calls these through ctypes and gives the same
 * numbers without them. `column` < 0 stores each value's own hash in `out` (the elements of a list); else what the value adds
 * to its row is added to `out`. `valid` may be NULL; its bits, and those of booleans, begin at `first`. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "hash.h"

#if defined(_WIN32)
#define EXPORT __declspec(dllexport)
#else
#define EXPORT __attribute__((visibility("default")))
#endif

static inline int bit(const uint8_t *bits, int64_t i) { return bits[i >> 3] >> (i & 7) & 1; }

static inline void put(uint64_t *out, int64_t i, uint64_t hash, int64_t column) {
    if (column < 0)
        out[i] = hash;
    else
        out[i] += wf_in_column(hash, (uint64_t)column);
}

static inline void fixed(const uint8_t *valid, int64_t first, const uint8_t *data, uint64_t width, int64_t rows,
                         int64_t column, uint64_t *out) {
    if (!valid) {
        for (int64_t i = 0; i < rows; i++) put(out, i, wf_hash_value(data + i * width, width), column);
        return;
    }
    for (int64_t i = 0; i < rows; i++)
        put(out, i, bit(valid, first + i) ? wf_hash_value(data + i * width, width) : WF_NULL, column);
}

EXPORT void wf_hash_fixed(const uint8_t *valid, int64_t first, const uint8_t *data, int64_t width, int64_t rows,
                          int64_t column, uint64_t *out) {
    switch (width) { /* a constant width lets the compiler unroll the loop over stripes away */
    case 1: fixed(valid, first, data, 1, rows, column, out); break;
    case 2: fixed(valid, first, data, 2, rows, column, out); break;
    case 4: fixed(valid, first, data, 4, rows, column, out); break;
    case 8: fixed(valid, first, data, 8, rows, column, out); break;
    case 16: fixed(valid, first, data, 16, rows, column, out); break;
    default: fixed(valid, first, data, (uint64_t)width, rows, column, out);
    }
}

EXPORT void wf_hash_bool(const uint8_t *valid, int64_t first, const uint8_t *bits, int64_t rows, int64_t column,
                         uint64_t *out) {
    for (int64_t i = 0; i < rows; i++) {
        uint8_t value = (uint8_t)bit(bits, first + i);
        put(out, i, !valid || bit(valid, first + i) ? wf_hash_value(&value, 1) : WF_NULL, column);
    }
}

/* Every NaN is one NaN; -0.0 and 0.0 are two values. */
EXPORT void wf_hash_float32(const uint8_t *valid, int64_t first, const uint32_t *data, int64_t rows, int64_t column,
                            uint64_t *out) {
    for (int64_t i = 0; i < rows; i++) {
        uint32_t value = (data[i] & 0x7fffffffU) > 0x7f800000U ? 0x7fc00000U : data[i];
        uint64_t hash = wf_hash_value((const uint8_t *)&value, 4);
        put(out, i, !valid || bit(valid, first + i) ? hash : WF_NULL, column);
    }
}

EXPORT void wf_hash_float64(const uint8_t *valid, int64_t first, const uint64_t *data, int64_t rows, int64_t column,
                            uint64_t *out) {
    for (int64_t i = 0; i < rows; i++) {
        uint64_t value = (data[i] & 0x7fffffffffffffffULL) > 0x7ff0000000000000ULL ? 0x7ff8000000000000ULL : data[i];
        uint64_t hash = wf_hash_value((const uint8_t *)&value, 8);
        put(out, i, !valid || bit(valid, first + i) ? hash : WF_NULL, column);
    }
}

/* Text and bytes (width 1), and lists by the hashes of their elements (width 8). */
EXPORT void wf_hash_variable(const uint8_t *valid, int64_t first, const int32_t *offsets, const uint8_t *data,
                             int64_t width, int64_t rows, int64_t column, uint64_t *out) {
    for (int64_t i = 0; i < rows; i++) {
        if (valid && !bit(valid, first + i)) {
            put(out, i, WF_NULL, column);
            continue;
        }
        int64_t length = ((int64_t)offsets[i + 1] - offsets[i]) * width;
        put(out, i, wf_hash_value(data + offsets[i] * width, (uint64_t)length), column);
    }
}

EXPORT void wf_finish_rows(uint64_t *sums, int64_t rows) {
    for (int64_t i = 0; i < rows; i++) sums[i] = wf_finish_row(sums[i]);
}

EXPORT void wf_fold_rows(const uint64_t *hashes, int64_t rows, uint64_t digest[2]) {
    for (int64_t i = 0; i < rows; i++) wf_fold(hashes[i], digest);
}

static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "_native", "Called through ctypes.", -1, NULL};

PyMODINIT_FUNC PyInit__native(void) { return PyModule_Create(&module); }
