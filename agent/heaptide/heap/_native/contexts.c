/* contextvars: a context keeps its variables in a tree whose nodes hold pairs of variable and value. */
#define Py_BUILD_CORE 1
#include "layout.h"

#include <internal/pycore_context.h>
#include <internal/pycore_hamt.h>

#include <string.h>

PyObject *hw_context_var_name(PyObject *object)
{
    return PyContextVar_CheckExact(object) ? ((PyContextVar *)object)->var_name : NULL;
}

#if PY_VERSION_HEX < 0x030C0000
/* Private to hamt.c in these versions. */
typedef struct {
    PyObject_VAR_HEAD
    uint32_t b_bitmap;
    PyObject *b_array[1];
} PyHamtNode_Bitmap;
#endif

/* Private to hamt.c in all versions. */
typedef struct {
    PyObject_VAR_HEAD
    int32_t c_hash;
    PyObject *c_array[1];
} collision_node;

static PyObject *key_in(PyObject **pairs, Py_ssize_t count, PyObject *value)
{
    for (Py_ssize_t i = 0; i + 1 < count; i += 2)
        if (pairs[i] && pairs[i + 1] == value)
            return pairs[i];
    return NULL;
}

PyObject *hw_context_key(PyObject *node, PyObject *value)
{
    const char *kind = Py_TYPE(node)->tp_name;
    if (!strcmp(kind, "hamt_bitmap_node"))
        return key_in(((PyHamtNode_Bitmap *)node)->b_array, Py_SIZE(node), value);
    if (!strcmp(kind, "hamt_collision_node"))
        return key_in(((collision_node *)node)->c_array, Py_SIZE(node), value);
    return NULL;
}
