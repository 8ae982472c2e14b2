/* The running thread's Python frames, read from the interpreter's own structs. */
#ifndef HEAPTIDE_FRAMES_H
#define HEAPTIDE_FRAMES_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <stdint.h>

enum { HT_MOST_FRAMES = 512 };

typedef struct {
    PyCodeObject *code; /* borrowed as it is read, strong once its stack is interned */
    int32_t offset;     /* of the instruction in the code, in bytes; negative: before the first */
} ht_frame;

/* Fills `frames`, allocation first, and returns how many there were, at most `limit`. Creates no object and calls
 * nothing: it runs where the interpreter is in the middle of things. */
int ht_frames_read(PyThreadState *thread, ht_frame *frames, int limit);

/* Bytes between the address that the allocator gave and the object that lies there. */
size_t ht_object_header(PyTypeObject *type);

#endif
