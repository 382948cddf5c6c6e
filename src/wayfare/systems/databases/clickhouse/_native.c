/* Texts as ClickHouse's Native format has them: each after its length, in LEB128. block.py says the same in numpy. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdint.h>
#include <string.h>

/* `offsets` has rows + 1 entries; `out` needs room for all bytes and 5 more for each row. Gives the bytes written. */
int64_t wf_ch_strings(const int32_t *offsets, const uint8_t *data, int64_t rows, uint8_t *out) {
    uint8_t *place = out;
    for (int64_t row = 0; row < rows; row++) {
        uint32_t length = (uint32_t)(offsets[row + 1] - offsets[row]), left = length;
        while (left >= 128) {
            *place++ = (uint8_t)(left | 128);
            left >>= 7;
        }
        *place++ = (uint8_t)left;
        if (length) memcpy(place, data + offsets[row], length);
        place += length;
    }
    return place - out;
}

static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "_native", NULL, -1, NULL, NULL, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit__native(void) {
    return PyModule_Create(&module);
}
