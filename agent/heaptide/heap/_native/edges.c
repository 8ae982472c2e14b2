/* Finds by which of its references an object refers to another one. Runs no code of the objects. */
#define Py_BUILD_CORE 1
#include "paths.h"

#include <frameobject.h>
#include <string.h>

enum { MEMBER_OBJECT = 6, MEMBER_OBJECT_EX = 16 }; /* T_OBJECT and T_OBJECT_EX under the names of all versions */

static hw_edge named(hw_edge_kind kind, PyObject *name)
{
    return (hw_edge){.kind = kind, .name = name && PyUnicode_Check(name) ? name : NULL, .index = -1};
}

static hw_edge told(hw_edge_kind kind, const char *text)
{
    return (hw_edge){.kind = kind, .text = text, .index = -1};
}

static const hw_edge unknown = {.kind = HW_EDGE_UNKNOWN, .index = -1};

static hw_edge of_dict(PyObject *dict, PyObject *to)
{
    Py_ssize_t at = 0;
    PyObject *key, *value;
    while (PyDict_Next(dict, &at, &key, &value))
        if (value == to)
            return named(HW_EDGE_VALUE, key);
    return told(HW_EDGE_KEY, "");
}

static hw_edge of_sequence(PyObject **items, Py_ssize_t count, PyObject *to)
{
    for (Py_ssize_t i = 0; i < count; i++)
        if (items[i] == to)
            return (hw_edge){.kind = HW_EDGE_ITEM, .index = i};
    return unknown;
}

static hw_edge of_frame(const hw_frame *frame, PyObject *to)
{
    for (int i = 0; i < frame->local_count; i++)
        if (frame->locals[i] == to)
            return named(HW_EDGE_LOCAL, hw_local_name(frame->code, i));
    for (int i = 0; i < frame->stack_count; i++)
        if (frame->stack[i] == to)
            return told(HW_EDGE_FIELD, "stack");
    return unknown;
}

static hw_edge of_function(PyFunctionObject *function, PyObject *to)
{
    const struct { PyObject *field; const char *name; } fields[] = {
        {function->func_closure, "__closure__"}, {function->func_defaults, "__defaults__"},
        {function->func_kwdefaults, "__kwdefaults__"}, {function->func_globals, "__globals__"},
        {function->func_code, "__code__"}, {function->func_annotations, "__annotations__"},
        {function->func_module, "__module__"}, {function->func_doc, "__doc__"},
    };
    if (function->func_dict == to)
        return told(HW_EDGE_DICT, "");
    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
        if (fields[i].field == to)
            return told(HW_EDGE_FIELD, fields[i].name);
    return unknown;
}

static hw_edge of_exception(PyBaseExceptionObject *exception, PyObject *to)
{
    if (exception->dict == to)
        return told(HW_EDGE_DICT, "");
    if (exception->traceback == to)
        return told(HW_EDGE_FIELD, "__traceback__");
    if (exception->context == to)
        return told(HW_EDGE_FIELD, "__context__");
    if (exception->cause == to)
        return told(HW_EDGE_FIELD, "__cause__");
    return exception->args == to ? told(HW_EDGE_FIELD, "args") : unknown;
}

static hw_edge of_type(PyTypeObject *type, PyObject *to)
{
    if (type->tp_dict == to)
        return told(HW_EDGE_DICT, "");
    if ((PyObject *)type->tp_base == to || type->tp_bases == to)
        return told(HW_EDGE_FIELD, "__bases__");
    return type->tp_mro == to ? told(HW_EDGE_FIELD, "__mro__") : unknown;
}

bool hw_is_object(const PyMemberDef *member)
{
    return (member->type == MEMBER_OBJECT || member->type == MEMBER_OBJECT_EX) && member->offset > 0;
}

/* Slots, and the members that C types tell Python of. */
static hw_edge of_members(PyObject *from, PyObject *to)
{
    for (PyTypeObject *type = Py_TYPE(from); type; type = type->tp_base)
        for (PyMemberDef *member = type->tp_members; member && member->name; member++)
            if (hw_is_object(member) && *(PyObject **)((char *)from + member->offset) == to)
                return told(HW_EDGE_ATTRIBUTE, member->name);
    return unknown;
}

static hw_edge of_instance(PyObject *from, PyObject *to)
{
    hw_values values = hw_values_of(from);
    for (Py_ssize_t i = 0; i < values.count; i++)
        if (values.values[i] == to)
            return named(HW_EDGE_ATTRIBUTE, hw_values_key(&values, i));
    if (hw_dict_of(from) == to)
        return told(HW_EDGE_DICT, "");
    hw_edge edge = of_members(from, to);
    return edge.kind == HW_EDGE_UNKNOWN && (PyObject *)Py_TYPE(from) == to ? told(HW_EDGE_FIELD, "__class__") : edge;
}

/* What a tuple or dict is to the function before it. */
static hw_edge of_parts(PyFunctionObject *function, PyObject *from, PyObject *to, hw_edge plain)
{
    PyCodeObject *code = (PyCodeObject *)function->func_code;
    if (from == function->func_kwdefaults && plain.kind == HW_EDGE_VALUE) {
        plain.kind = HW_EDGE_DEFAULT;
    } else if (from == function->func_defaults && plain.kind == HW_EDGE_ITEM) {
        Py_ssize_t first = code->co_argcount - PyTuple_GET_SIZE(from);
        return named(HW_EDGE_DEFAULT, hw_local_name(code, (int)(first + plain.index)));
    } else if (from == function->func_closure && plain.kind == HW_EDGE_ITEM) {
#if PY_VERSION_HEX >= 0x030B0000
        return named(HW_EDGE_CLOSURE, hw_local_name(code, code->co_nlocalsplus - code->co_nfreevars + (int)plain.index));
#else
        return named(HW_EDGE_CLOSURE, PyTuple_GET_ITEM(code->co_freevars, plain.index));
#endif
    }
    return plain;
}

static bool is_generator(PyObject *object)
{
    return PyGen_CheckExact(object) || PyCoro_CheckExact(object) || PyAsyncGen_CheckExact(object);
}

/* The context's tree says under which variable it holds a value. */
static hw_edge of_context(PyObject *from, PyObject *to)
{
    PyObject *variable = hw_context_key(from, to);
    PyObject *name = variable ? hw_context_var_name(variable) : NULL;
    return name ? named(HW_EDGE_CONTEXT, name) : told(HW_EDGE_FIELD, "");
}

static hw_edge of_lru_cache(PyObject *from, PyObject *to)
{
    if (hw_dict_of(from) == to)
        return told(HW_EDGE_DICT, "");
    return PyFunction_Check(to) || PyType_Check(to) ? told(HW_EDGE_FIELD, "__wrapped__") : told(HW_EDGE_CACHED, "");
}

static hw_edge of_c_type(PyObject *from, PyObject *to)
{
    const char *type = Py_TYPE(from)->tp_name;
    if (!strncmp(type, "hamt", 4) || PyContext_CheckExact(from))
        return of_context(from, to);
    if (!strcmp(type, "functools._lru_cache_wrapper"))
        return of_lru_cache(from, to);
    if (PyWeakref_Check(from) && ((PyWeakReference *)from)->wr_callback == to)
        return told(HW_EDGE_CALLBACK, "");
    if (hw.asked.deque && PyType_IsSubtype(Py_TYPE(from), hw.asked.deque)) {
        hw_edge edge = of_instance(from, to);
        return edge.kind == HW_EDGE_UNKNOWN ? (hw_edge){.kind = HW_EDGE_ITEM, .index = -1} : edge;
    }
    return of_instance(from, to);
}

static hw_edge or_instance(hw_edge edge, PyObject *from, PyObject *to)
{
    return edge.kind == HW_EDGE_UNKNOWN || edge.kind == HW_EDGE_KEY ? of_instance(from, to) : edge;
}

static hw_edge of_plain(PyObject *from, PyObject *to)
{
    hw_frame frame;
    if (PyDict_Check(from)) {
        hw_edge edge = of_dict(from, to), other = or_instance(edge, from, to);
        return other.kind == HW_EDGE_UNKNOWN ? edge : other;
    }
    if (PyList_Check(from))
        return or_instance(of_sequence(((PyListObject *)from)->ob_item, Py_SIZE(from), to), from, to);
    if (PyTuple_Check(from))
        return or_instance(of_sequence(((PyTupleObject *)from)->ob_item, Py_SIZE(from), to), from, to);
    if (PyAnySet_CheckExact(from))
        return told(HW_EDGE_MEMBER, "");
    if (PyFunction_Check(from))
        return of_function((PyFunctionObject *)from, to);
    if (PyCell_Check(from))
        return told(HW_EDGE_CONTENT, "");
    if (PyType_Check(from))
        return or_instance(of_type((PyTypeObject *)from, to), from, to);
    if (PyExceptionInstance_Check(from))
        return or_instance(of_exception((PyBaseExceptionObject *)from, to), from, to);
    if (PyTraceBack_Check(from))
        return told(HW_EDGE_FIELD, (PyObject *)((PyTracebackObject *)from)->tb_frame == to ? "tb_frame" : "tb_next");
    if (is_generator(from))
        return hw_frame_of_generator(from, &frame) && (PyObject *)frame.frame != to ? of_frame(&frame, to)
                                                                                    : told(HW_EDGE_FIELD, "frame");
    if (PyFrame_Check(from)) {
        hw_edge edge = hw_frame_of_object(from, &frame) ? of_frame(&frame, to) : unknown;
        return edge.kind == HW_EDGE_UNKNOWN ? told(HW_EDGE_FIELD, "f_back") : edge;
    }
    return of_c_type(from, to);
}

hw_edge hw_edge_between(PyObject *before, PyObject *from, PyObject *to)
{
    hw_edge edge = of_plain(from, to);
    if (before && PyFunction_Check(before) && (PyTuple_Check(from) || PyDict_Check(from)))
        return of_parts((PyFunctionObject *)before, from, to, edge);
    return edge;
}
