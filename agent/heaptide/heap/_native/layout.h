/* Where each CPython version keeps what the walk must read without running anything: instance attributes, frames,
 * the interpreter's registries. */
#ifndef HEAPTIDE_LAYOUT_H
#define HEAPTIDE_LAYOUT_H

#include "heap.h"

/* Attributes that an instance holds without a dict. */
typedef struct {
    PyObject **values; /* NULL: this instance has none; entries may be NULL */
    void *block;       /* the allocator's block that holds them where it isn't the object's own; else NULL */
    Py_ssize_t count;
    void *keys;
} hw_values;

/* One Python frame, borrowed. `stack_count` is -1 where the frame executes: nobody knows then how deep its stack is. */
typedef struct {
    void *frame;
    PyCodeObject *code;
    PyObject *globals;
    PyObject **locals;
    int local_count;
    PyObject **stack;
    int stack_count;
    int stack_room;
} hw_frame;

hw_values hw_values_of(PyObject *object);
PyObject *hw_values_key(const hw_values *values, Py_ssize_t index);
/* The instance's dict, or NULL where it has none yet; makes none. */
PyObject *hw_dict_of(PyObject *object);

/* False where there is no (further) frame. */
bool hw_frame_first(PyThreadState *thread, hw_frame *frame);
bool hw_frame_next(hw_frame *frame);
bool hw_frame_of_object(PyObject *frame_object, hw_frame *frame);
bool hw_frame_of_generator(PyObject *generator, hw_frame *frame);
/* NULL where the code has no such local variable. */
PyObject *hw_local_name(PyCodeObject *code, int index);
PyObject *hw_code_name(PyCodeObject *code);

typedef void (*hw_root_visit)(const char *label, PyObject *object, void *context);
void hw_each_registry(PyInterpreterState *interpreter, hw_root_visit visit, void *context);
void hw_each_of_thread(PyThreadState *thread, hw_root_visit visit, void *context);
/* The context of contextvars is told apart: it has a name of its own. */
PyObject *hw_context_of(PyThreadState *thread);
/* The name of a ContextVar, or NULL where `object` is none. */
PyObject *hw_context_var_name(PyObject *object);
/* The key under which a node of a context's tree holds this value; NULL where it doesn't. */
PyObject *hw_context_key(PyObject *node, PyObject *value);

/* The key table and the value table of a dict, which are blocks of their own; NULL where it has none. */
void hw_dict_blocks(PyObject *dict, void **keys, void **values);

#endif
