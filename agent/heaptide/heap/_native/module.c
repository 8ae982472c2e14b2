/* The module `heaptide.heap._walker`: what Python may ask of the walker. */
#include "heap.h"

static PyObject *count_types(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(args))
{
    return hw_count_types();
}

static PyMethodDef methods[] = {
    {"count_types", count_types, METH_NOARGS, "[(type, count), ...] of all objects that the collector tracks."},
    {NULL, NULL, 0, NULL},
};

static int execute(PyObject *Py_UNUSED(module))
{
    if (PyInterpreterState_Get() == PyInterpreterState_Main())
        return 0;
    PyErr_SetString(PyExc_ImportError, "heaptide's heap walker works in the main interpreter only");
    return -1;
}

static PyModuleDef_Slot slots[] = {
    {Py_mod_exec, execute},
#if PY_VERSION_HEX >= 0x030C0000
    {Py_mod_multiple_interpreters, Py_MOD_MULTIPLE_INTERPRETERS_NOT_SUPPORTED},
#endif
    {0, NULL},
};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT,
    .m_name = "heaptide.heap._walker",
    .m_doc = "Walks the heap: counts objects per type, and finds what holds an object.",
    .m_methods = methods,
    .m_slots = slots,
};

PyMODINIT_FUNC PyInit__walker(void)
{
    return PyModuleDef_Init(&definition);
}
