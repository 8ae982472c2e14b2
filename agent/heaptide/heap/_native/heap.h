/* What the interpreter knows of its heap: the collector's lists of tracked objects. Nothing here writes to an object,
 * so pages that a forked worker shares with its master stay shared. */
#ifndef HEAPTIDE_HEAP_H
#define HEAPTIDE_HEAP_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef bool (*hw_visit)(PyObject *object, void *context);

/* Visits all objects that the collector tracks, while `visit` returns true; frozen ones (gc.freeze) where `frozen`.
 * `visit` must make no object and run no Python code. */
bool hw_each_tracked(PyInterpreterState *interpreter, bool frozen, hw_visit visit, void *context);

/* [(type, count), ...] of all tracked objects; frozen ones are left out, as gc.get_objects() does. NULL with an
 * exception set. */
PyObject *hw_count_types(void);

#endif
