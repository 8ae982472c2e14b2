/* What an object is: its type's and its own name, its length and its bound. */
#define Py_BUILD_CORE 1
#include "paths.h"

#include <frameobject.h>
#include <string.h>

enum { MOST_NAME = 100 };

bool hw_is_str(PyObject *object, const char *text)
{
    if (!object || !PyUnicode_Check(object) || !PyUnicode_IS_READY(object) || PyUnicode_KIND(object) != PyUnicode_1BYTE_KIND)
        return false;
    size_t length = strlen(text);
    return (size_t)PyUnicode_GET_LENGTH(object) == length && !memcmp(PyUnicode_1BYTE_DATA(object), text, length);
}

PyObject *hw_dict_get(PyObject *dict, const char *name)
{
    Py_ssize_t at = 0;
    PyObject *key, *value;
    while (dict && PyDict_Check(dict) && PyDict_Next(dict, &at, &key, &value))
        if (hw_is_str(key, name))
            return value;
    return NULL;
}

static PyObject *slot(PyObject *object, const char *name)
{
    for (PyTypeObject *type = Py_TYPE(object); type; type = type->tp_base)
        for (PyMemberDef *member = type->tp_members; member && member->name; member++)
            if (hw_is_object(member) && !strcmp(member->name, name))
                return *(PyObject **)((char *)object + member->offset);
    return NULL;
}

PyObject *hw_attribute(PyObject *object, const char *name)
{
    hw_values values = hw_values_of(object);
    for (Py_ssize_t i = 0; i < values.count; i++)
        if (values.values[i] && hw_is_str(hw_values_key(&values, i), name))
            return values.values[i];
    PyObject *found = hw_dict_get(hw_dict_of(object), name);
    return found ? found : slot(object, name);
}

static bool is_deque(PyObject *object)
{
    return hw.asked.deque && PyType_IsSubtype(Py_TYPE(object), hw.asked.deque);
}

/* -1 where it isn't a whole number; makes no object. */
static Py_ssize_t number_of(PyObject *object)
{
    int overflow;
    long long number = object && PyLong_CheckExact(object) ? PyLong_AsLongLongAndOverflow(object, &overflow) : -1;
    return number > 0 && number < PY_SSIZE_T_MAX ? (Py_ssize_t)number : -1;
}

Py_ssize_t hw_length(PyObject *object)
{
    if (PyList_Check(object) || PyTuple_Check(object) || PyBytes_Check(object) || PyByteArray_Check(object) ||
        is_deque(object))
        return Py_SIZE(object);
    if (PyDict_Check(object))
        return ((PyDictObject *)object)->ma_used;
    if (PyAnySet_Check(object))
        return ((PySetObject *)object)->used;
    if (PyUnicode_Check(object))
        return PyUnicode_GET_LENGTH(object);
    /* cachetools counts in what its maxsize counts in: entries, or whatever the user's getsizeof tells. */
    return PyType_HasFeature(Py_TYPE(object), Py_TPFLAGS_HEAPTYPE) ? number_of(hw_attribute(object, "_Cache__currsize")) : -1;
}

/* As in collections' C code; the same in CPython 3.10 to 3.13. */
typedef struct {
    PyObject_VAR_HEAD
    void *left, *right;
    Py_ssize_t left_index, right_index;
    size_t state;
    Py_ssize_t most;
} deque_object;

/* functools leaves the function cache_parameters on the wrapper; it closes over what the decorator was given. */
static Py_ssize_t lru_cache_bound(PyObject *wrapper)
{
    PyObject *parameters = hw_attribute(wrapper, "cache_parameters");
    if (!parameters || !PyFunction_Check(parameters))
        return -1;
    PyObject *closure = ((PyFunctionObject *)parameters)->func_closure;
    for (Py_ssize_t i = 0; closure && i < PyTuple_GET_SIZE(closure); i++) {
        hw_edge edge = hw_edge_between(parameters, closure, PyTuple_GET_ITEM(closure, i));
        if (hw_is_str(edge.name, "maxsize"))
            return number_of(PyCell_GET(PyTuple_GET_ITEM(closure, i)));
    }
    return -1;
}

Py_ssize_t hw_bound(PyObject *object)
{
    /* Of queues, of asyncpg's pools, of cachetools, of psycopg_pool's. */
    static const char *const names[] = {"maxsize", "_maxsize", "_Cache__maxsize", "max_size", "_max_size"};
    if (is_deque(object))
        return ((deque_object *)object)->most > 0 ? ((deque_object *)object)->most : -1;
    if (!strcmp(Py_TYPE(object)->tp_name, "functools._lru_cache_wrapper"))
        return lru_cache_bound(object);
    for (size_t i = 0; PyType_HasFeature(Py_TYPE(object), Py_TPFLAGS_HEAPTYPE) && i < sizeof(names) / sizeof(names[0]); i++) {
        Py_ssize_t bound = number_of(hw_attribute(object, names[i]));
        if (bound > 0)
            return bound;
    }
    return -1;
}

void hw_put(hw_out *out, const void *bytes, size_t length)
{
    if (out->full || out->room - out->length < length) {
        out->full = true;
        return;
    }
    memcpy(out->bytes + out->length, bytes, length);
    out->length += length;
}

static void put_short(hw_out *out, const char *bytes, size_t length)
{
    uint16_t shorter = length > UINT16_MAX ? UINT16_MAX : (uint16_t)length;
    hw_put(out, &shorter, sizeof(shorter));
    hw_put(out, bytes, shorter);
}

void hw_put_text(hw_out *out, const char *text)
{
    put_short(out, text ? text : "", text ? strlen(text) : 0);
}

static size_t encode(Py_UCS4 c, char *into)
{
    if (c < 0x80)
        return into[0] = (char)c, 1;
    if (c < 0x800)
        return into[0] = (char)(0xC0 | c >> 6), into[1] = (char)(0x80 | (c & 63)), 2;
    if (c >= 0xD800 && c < 0xE000)
        c = 0xFFFD;
    if (c < 0x10000)
        return into[0] = (char)(0xE0 | c >> 12), into[1] = (char)(0x80 | (c >> 6 & 63)),
               into[2] = (char)(0x80 | (c & 63)), 3;
    return into[0] = (char)(0xF0 | c >> 18), into[1] = (char)(0x80 | (c >> 12 & 63)),
           into[2] = (char)(0x80 | (c >> 6 & 63)), into[3] = (char)(0x80 | (c & 63)), 4;
}

typedef struct {
    char bytes[1024];
    size_t length;
} name_buffer;

static void append_text(name_buffer *buffer, const char *text)
{
    for (; *text && buffer->length < sizeof(buffer->bytes); text++)
        buffer->bytes[buffer->length++] = *text;
}

static void append(name_buffer *buffer, PyObject *str, int most)
{
    if (!str || !PyUnicode_Check(str) || !PyUnicode_IS_READY(str))
        return;
    Py_ssize_t length = PyUnicode_GET_LENGTH(str) < most ? PyUnicode_GET_LENGTH(str) : most;
    for (Py_ssize_t i = 0; i < length && buffer->length + 4 <= sizeof(buffer->bytes); i++)
        buffer->length += encode(PyUnicode_READ_CHAR(str, i), buffer->bytes + buffer->length);
}

static void append_qualified(name_buffer *buffer, PyObject *module, PyObject *name)
{
    if (module && PyUnicode_Check(module) && !hw_is_str(module, "builtins")) {
        append(buffer, module, MOST_NAME);
        append_text(buffer, ".");
    }
    append(buffer, name, MOST_NAME);
}

void hw_put_str(hw_out *out, PyObject *str, int most)
{
    name_buffer buffer = {.length = 0};
    append(&buffer, str, most);
    put_short(out, buffer.bytes, buffer.length);
}

void hw_put_type(hw_out *out, PyTypeObject *type)
{
    name_buffer buffer = {.length = 0};
    if (PyType_HasFeature(type, Py_TPFLAGS_HEAPTYPE))
        append_qualified(&buffer, hw_dict_get(type->tp_dict, "__module__"), ((PyHeapTypeObject *)type)->ht_qualname);
    else
        append_text(&buffer, type->tp_name);
    put_short(out, buffer.bytes, buffer.length);
}

static void put_qualified(hw_out *out, PyObject *globals, PyObject *name)
{
    name_buffer buffer = {.length = 0};
    append_qualified(&buffer, hw_dict_get(globals, "__name__"), name);
    put_short(out, buffer.bytes, buffer.length);
}

void hw_put_frame(hw_out *out, PyCodeObject *code, PyObject *globals)
{
    put_qualified(out, globals, hw_code_name(code));
}

static bool is_generator(PyObject *object)
{
    return PyGen_CheckExact(object) || PyCoro_CheckExact(object) || PyAsyncGen_CheckExact(object);
}

void hw_put_name(hw_out *out, PyObject *object)
{
    hw_frame frame;
    if (PyType_Check(object))
        hw_put_type(out, (PyTypeObject *)object);
    else if (PyFunction_Check(object))
        put_qualified(out, ((PyFunctionObject *)object)->func_globals, ((PyFunctionObject *)object)->func_qualname);
    else if (PyModule_Check(object))
        hw_put_str(out, hw_dict_get(PyModule_GetDict(object), "__name__"), MOST_NAME);
    else if (PyFrame_Check(object) && hw_frame_of_object(object, &frame))
        hw_put_frame(out, frame.code, frame.globals);
    else if (is_generator(object) && hw_frame_of_generator(object, &frame))
        put_qualified(out, frame.globals, ((PyGenObject *)object)->gi_qualname);
    else if (is_generator(object))
        hw_put_str(out, ((PyGenObject *)object)->gi_qualname, MOST_NAME);
    else if (hw_context_var_name(object))
        hw_put_str(out, hw_context_var_name(object), MOST_NAME);
    else
        hw_put_str(out, hw_dict_get(hw_dict_of(object), "__name__"), MOST_NAME);
}
