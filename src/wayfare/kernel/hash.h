/* The row hash, as kernel/hashing.py specifies it. Both must give the same numbers: tests/property proves it.
 *
 * Every stripe of 16 bytes is mixed with keys of its own position and the results are summed, so that numpy can do the same
 * without a loop over bytes. It guards against accidents, not against an adversary. */
#ifndef WAYFARE_HASH_H
#define WAYFARE_HASH_H
#include <stdint.h>
#include <string.h>

#define WF_K0 0xa0761d6478bd642fULL
#define WF_K1 0xe7037ed1a0b428dbULL
#define WF_K2 0x8ebc6af09c88c6e3ULL
#define WF_K3 0x589965cc75374cc3ULL
#define WF_K4 0x1d8e4e27c47d124fULL
#define WF_G0 0x9e3779b97f4a7c15ULL
#define WF_G1 0xd1b54a32d192ed03ULL
#define WF_NULL 0x2d358dccaa6c78a5ULL

static inline uint64_t wf_mum(uint64_t a, uint64_t b) {
    __uint128_t r = (__uint128_t)a * b;
    return (uint64_t)r ^ (uint64_t)(r >> 64);
}

/* The last 1 to 15 bytes of a value as two words, zero above: overlapping loads, since a memcpy of unknown length is a call. */
static inline void wf_tail(const uint8_t *p, uint64_t left, uint64_t *a, uint64_t *b) {
    uint32_t low, high;
    *b = 0;
    if (left >= 8) {
        memcpy(a, p, 8);
        memcpy(b, p + left - 8, 8);
        *b = *b >> 8 * (15 - left) >> 8;
    } else if (left >= 4) {
        memcpy(&low, p, 4);
        memcpy(&high, p + left - 4, 4);
        *a = low | (uint64_t)high >> 8 * (8 - left) << 32;
    } else {
        *a = p[0];
        if (left > 1) *a |= (uint64_t)p[1] << 8;
        if (left > 2) *a |= (uint64_t)p[2] << 16;
    }
}

/* One value: its bytes, little-endian as they lie in memory. */
static inline uint64_t wf_hash_value(const uint8_t *p, uint64_t length) {
    uint64_t sum = 0, k0 = WF_K0, k1 = WF_K1, left = length, a, b;
    while (left >= 16) {
        memcpy(&a, p, 8);
        memcpy(&b, p + 8, 8);
        sum += wf_mum(a ^ k0, b ^ k1);
        k0 += WF_G0;
        k1 += WF_G1;
        p += 16;
        left -= 16;
    }
    if (left) {
        wf_tail(p, left, &a, &b);
        sum += wf_mum(a ^ k0, b ^ k1);
    }
    return wf_mum(sum ^ WF_K2, length ^ WF_K3);
}

/* What a value (or WF_NULL) in column number `column` (from 0) adds to its row. */
static inline uint64_t wf_in_column(uint64_t value_hash, uint64_t column) {
    return wf_mum(value_hash ^ ((column + 1) * WF_G0), WF_K4);
}

/* The row's hash, from the sum over its columns. */
static inline uint64_t wf_finish_row(uint64_t sum) {
    return wf_mum(sum ^ (sum >> 29) ^ WF_K0, WF_K1);
}

/* Add a row's hash to the digest of a set of rows: two independent sums. */
static inline void wf_fold(uint64_t row_hash, uint64_t digest[2]) {
    digest[0] += row_hash;
    digest[1] += wf_mum(row_hash ^ WF_K2, WF_K3);
}
#endif
