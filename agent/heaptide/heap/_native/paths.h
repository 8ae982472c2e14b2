/* Describes a path, hop by hop, in the child: the objects may be gone when the parent reads the answer. */
#ifndef HEAPTIDE_PATHS_H
#define HEAPTIDE_PATHS_H

#include "walk.h"

#include <structmember.h>

/* How an object refers to the next one; heaptide.heap.paths knows the same letters. */
typedef enum {
    HW_EDGE_ROOT = 'r',
    HW_EDGE_ATTRIBUTE = '.',
    HW_EDGE_DICT = 'd',       /* its dict of attributes */
    HW_EDGE_VALUE = 'k',      /* a dict's value; the name is the key where that is a string */
    HW_EDGE_KEY = 'K',
    HW_EDGE_ITEM = 'i',
    HW_EDGE_MEMBER = 'm',     /* of a set */
    HW_EDGE_LOCAL = 'v',
    HW_EDGE_CLOSURE = 'c',
    HW_EDGE_CONTENT = 'o',    /* of a cell */
    HW_EDGE_DEFAULT = 'D',
    HW_EDGE_CACHED = 'a',     /* by functools.lru_cache */
    HW_EDGE_CONTEXT = 'C',    /* a contextvar's value */
    HW_EDGE_CALLBACK = 'w',   /* of a weak reference */
    HW_EDGE_FIELD = 'x',      /* of a C struct; the name says which */
    HW_EDGE_STORAGE = 's',    /* the block is the container's own table or buffer */
    HW_EDGE_UNKNOWN = '?',
} hw_edge_kind;

typedef struct {
    hw_edge_kind kind;
    PyObject *name;    /* borrowed; NULL where `text` is the name */
    const char *text;
    Py_ssize_t index;  /* -1: there is none */
} hw_edge;

/* `before` is what refers to `from`, or NULL. */
hw_edge hw_edge_between(PyObject *before, PyObject *from, PyObject *to);
/* Whether the member, such as a slot, is a reference to an object. */
bool hw_is_object(const PyMemberDef *member);
/* The value of a dict or of an instance's attribute, compared by name; NULL where there is none. */
PyObject *hw_dict_get(PyObject *dict, const char *name);
PyObject *hw_attribute(PyObject *object, const char *name);
bool hw_is_str(PyObject *object, const char *text);

/* Elements that a container holds; -1 where it is none. */
Py_ssize_t hw_length(PyObject *object);
/* The most elements that it may ever hold; -1 where there is no bound or none is known. */
Py_ssize_t hw_bound(PyObject *object);

/* A growing answer; what doesn't fit is left out, and `full` says so. */
typedef struct {
    char *bytes;
    size_t length;
    size_t room;
    bool full;
} hw_out;

void hw_put(hw_out *out, const void *bytes, size_t length);
void hw_put_text(hw_out *out, const char *text);
/* NULL gives "". At most `most` characters. */
void hw_put_str(hw_out *out, PyObject *str, int most);
void hw_put_type(hw_out *out, PyTypeObject *type);
/* What the object itself is called: a function's, class's, module's or thread's name; "" where it has none. */
void hw_put_name(hw_out *out, PyObject *object);
void hw_put_frame(hw_out *out, PyCodeObject *code, PyObject *globals);

#endif
