/* The module `heaptide.heap._walker`: what Python may ask of the walker. */
#include "child.h"
#include "pymalloc.h"
#include "walk.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

enum { MOST_READ = 256 * 1024 };

static PyObject *count_types(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(args))
{
    return hw_count_types();
}

static void work(int fd)
{
    double began = hw_seconds();
    hw_run();
    hw_write_answer(fd, hw_seconds() - began);
}

/* The list of threads is locked while it is read; in the child that lock may be held for ever. */
static void note_threads(void)
{
    hw.asked.thread_count = 0;
    PyThreadState *thread = PyInterpreterState_ThreadHead(hw.asked.interpreter);
    for (; thread && hw.asked.thread_count < HW_MOST_THREADS; thread = PyThreadState_Next(thread))
        hw.asked.threads[hw.asked.thread_count++] = thread;
}

typedef struct {
    uint64_t address;
    uint64_t size;
    uint64_t wants_path;
} packed_target;

static bool note_targets(const char *packed, Py_ssize_t bytes)
{
    size_t count = (size_t)bytes / sizeof(packed_target);
    if (bytes % (Py_ssize_t)sizeof(packed_target) || count == 0 || count > HW_MOST_TARGETS) {
        PyErr_Format(PyExc_ValueError, "targets must be 1 to %d rows of address, size and whether a path is wanted",
                     HW_MOST_TARGETS);
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        packed_target target;
        memcpy(&target, packed + i * sizeof(target), sizeof(target));
        if (i && target.address <= hw.asked.targets[i - 1].address) {
            PyErr_SetString(PyExc_ValueError, "targets must be ordered by address, each once");
            return false;
        }
        hw.asked.targets[i] = (hw_target){.address = (uintptr_t)target.address, .size = (size_t)target.size,
                                          .wants_path = target.wants_path != 0};
    }
    hw.asked.target_count = count;
    return true;
}

static bool are_pairs(PyObject *list)
{
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(list); i++) {
        PyObject *pair = PyList_GET_ITEM(list, i);
        if (!PyTuple_CheckExact(pair) || PyTuple_GET_SIZE(pair) != 2 || !PyUnicode_Check(PyTuple_GET_ITEM(pair, 0))) {
            PyErr_SetString(PyExc_TypeError, "roots must be pairs of text and object");
            return false;
        }
    }
    return true;
}

static PyObject *fork_walk(PyObject *Py_UNUSED(module), PyObject *args)
{
    const char *packed;
    Py_ssize_t packed_bytes, most_bytes;
    double limit_s, fork_s;
    int fd;
    if (!PyArg_ParseTuple(args, "y#O!O!O!O!dn:fork_walk", &packed, &packed_bytes, &PyList_Type, &hw.asked.modules,
                          &PyList_Type, &hw.asked.named, &PyList_Type, &hw.asked.own, &PyType_Type, &hw.asked.deque,
                          &limit_s, &most_bytes) ||
        !note_targets(packed, packed_bytes) || !are_pairs(hw.asked.modules) || !are_pairs(hw.asked.named))
        return NULL;
    if (!(limit_s > 0 && limit_s < 3600)) {
        PyErr_SetString(PyExc_ValueError, "limit_s must lie between 0 and 3600");
        return NULL;
    }
    hw.asked.interpreter = PyInterpreterState_Get();
    hw.asked.asking = PyThreadState_Get();
    hw.asked.most_bytes = (size_t)most_bytes;
    note_threads();
    pid_t pid = hw_child_start(work, limit_s, &fd, &fork_s);
    if (pid < 0)
        return PyErr_SetFromErrno(PyExc_OSError);
    return Py_BuildValue("(iid)", (int)pid, fd, fork_s);
}

static PyObject *read_some(PyObject *Py_UNUSED(module), PyObject *args)
{
    int fd;
    double timeout_s;
    if (!PyArg_ParseTuple(args, "id:read_some", &fd, &timeout_s))
        return NULL;
    PyObject *bytes = PyBytes_FromStringAndSize(NULL, MOST_READ);
    if (!bytes)
        return NULL;
    ssize_t count;
    Py_BEGIN_ALLOW_THREADS
    count = hw_child_read(fd, PyBytes_AS_STRING(bytes), MOST_READ, timeout_s);
    Py_END_ALLOW_THREADS
    if (count >= 0) {
        _PyBytes_Resize(&bytes, count);
        return bytes;
    }
    Py_DECREF(bytes);
    if (count == -2)
        return PyErr_SetFromErrno(PyExc_OSError);
    Py_RETURN_NONE;
}

static PyObject *end_walk(PyObject *Py_UNUSED(module), PyObject *args)
{
    int pid, fd, status = 0, failed;
    if (!PyArg_ParseTuple(args, "ii:end_walk", &pid, &fd))
        return NULL;
    Py_BEGIN_ALLOW_THREADS
    close(fd);
    failed = hw_child_end(pid, &status);
    Py_END_ALLOW_THREADS
    return failed ? PyErr_SetFromErrno(PyExc_OSError) : PyLong_FromLong(status);
}

static PyObject *pymalloc(PyObject *Py_UNUSED(module), PyObject *args)
{
    unsigned int at, most;
    if (!PyArg_ParseTuple(args, "II:pymalloc", &at, &most))
        return NULL;
    hw_pymalloc_sums sums = {.at = at};
    if (!hw_pymalloc(PyInterpreterState_Get(), most, &sums))
        Py_RETURN_NONE;
    return Py_BuildValue("(Inn)", sums.at, (Py_ssize_t)sums.used_bytes, (Py_ssize_t)sums.free_bytes);
}

static PyMethodDef methods[] = {
    {"count_types", count_types, METH_NOARGS, "[(type, count), ...] of all objects that the collector tracks."},
    {"fork_walk", fork_walk, METH_VARARGS,
     "fork_walk(targets, modules, named, own, deque, limit_s, most_bytes): (process id, file descriptor, seconds)."},
    {"read_some", read_some, METH_VARARGS, "read_some(fd, timeout_s): bytes, b'' at the end, None after the timeout."},
    {"end_walk", end_walk, METH_VARARGS, "end_walk(pid, fd): kills and reaps the child; its wait status."},
    {"pymalloc", pymalloc, METH_VARARGS,
     "pymalloc(at, most): (arena to go on with, bytes in use, bytes free) of so many arenas; None where unknown."},
    {NULL, NULL, 0, NULL},
};

static int execute(PyObject *module)
{
    if (PyInterpreterState_Get() == PyInterpreterState_Main())
        return PyModule_AddObjectRef(module, "PYMALLOC_IN_STEPS", HW_PYMALLOC_IN_STEPS ? Py_True : Py_False);
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
