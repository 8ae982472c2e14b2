/* The module `heaptide.tracemalloc_ng._sampler`: what Python may ask of the sampler. */
#include "sampler.h"

#include <string.h>

static void close_tables(void)
{
    ht.tracing = false;
    ht_draw();
    ht.ignored = 0;
    ht.live_bytes = ht.peak_bytes = 0;
    if (ht.table.slots)
        ht_table_close(&ht.table);
    ht_stacks_close(&ht.stacks);
}

static bool open_tables(size_t table_bytes)
{
    if (!ht_table_open(&ht.table, &ht_line.filter, table_bytes / 2))
        return false;
    if (ht_stacks_open(&ht.stacks, table_bytes / 2))
        return true;
    ht_table_close(&ht.table);
    return false;
}

static PyObject *refuse(const char *sentence)
{
    PyErr_SetString(PyExc_RuntimeError, sentence);
    return NULL;
}

static bool limits_hold(int frames, double sample_bytes, double samples_per_s, Py_ssize_t table_bytes)
{
    if (frames < 1 || frames > HT_MOST_FRAMES)
        PyErr_Format(PyExc_ValueError, "frames is %d: the sampling tracer keeps 1 to %d", frames, HT_MOST_FRAMES);
    else if (!(sample_bytes >= 1 && sample_bytes <= HT_MOST_INTERVAL))
        PyErr_SetString(PyExc_ValueError, "sample_bytes must lie between 1 and 1 GiB");
    else if (!(samples_per_s >= 1))
        PyErr_SetString(PyExc_ValueError, "samples_per_s must be at least 1");
    else if (table_bytes < 64 * 1024)
        PyErr_Format(PyExc_ValueError, "table_bytes is %zd: the tables need at least 65536", table_bytes);
    else
        return true;
    return false;
}

static PyObject *start(PyObject *Py_UNUSED(module), PyObject *args)
{
    int frames;
    double sample_bytes, samples_per_s;
    Py_ssize_t table_bytes;
    if (!PyArg_ParseTuple(args, "iddn:start", &frames, &sample_bytes, &samples_per_s, &table_bytes) ||
        !limits_hold(frames, sample_bytes, samples_per_s, table_bytes))
        return NULL;
    if (ht.tracing)
        Py_RETURN_NONE;
    const char *refusal = ht_hooks_installed() ? NULL : ht_hooks_install();
    if (refusal)
        return refuse(refusal);
    if (!ht_hooks_attached())
        return refuse("another tool replaced the sampling tracer's hooks: it can't trace in this process any more");
    if (!open_tables((size_t)table_bytes))
        return PyErr_NoMemory();
    ht.frames = frames;
    ht.base_interval = ht.interval = sample_bytes;
    ht.samples_per_s = samples_per_s;
    ht.window_start = ht_now();
    ht.window_samples = 0;
    memset(ht.places, 0, sizeof(ht.places));
    ht.paused = false;
    ht.lost = 0;
    ht_seed();
    ht.tracing = true;
    ht_draw();
    Py_RETURN_NONE;
}

static PyObject *stop(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(args))
{
    close_tables();
    Py_RETURN_NONE;
}

static PyObject *clear(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(args))
{
    if (!ht.tracing)
        Py_RETURN_NONE;
    size_t table_bytes = ht.stacks.max_bytes * 2;
    unsigned long ignored = ht.ignored;
    close_tables();
    if (ht.tracing) /* a dying code object's callback started it again */
        Py_RETURN_NONE;
    if (!open_tables(table_bytes))
        return PyErr_NoMemory();
    ht.ignored = ignored;
    ht.tracing = true;
    ht_draw();
    Py_RETURN_NONE;
}

static PyObject *set_interval(PyObject *Py_UNUSED(module), PyObject *arg)
{
    double sample_bytes = PyFloat_AsDouble(arg);
    if (sample_bytes == -1 && PyErr_Occurred())
        return NULL;
    if (sample_bytes != 0 && !limits_hold(1, sample_bytes, 1, PY_SSIZE_T_MAX))
        return NULL;
    ht.paused = sample_bytes == 0;
    if (!ht.paused)
        ht.base_interval = ht.interval = sample_bytes;
    ht_draw();
    Py_RETURN_NONE;
}

static PyObject *ignore_thread(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(args))
{
    ht.ignored = PyThread_get_thread_ident();
    Py_RETURN_NONE;
}

static PyObject *seed(PyObject *Py_UNUSED(module), PyObject *arg)
{
    unsigned long long number = PyLong_AsUnsignedLongLongMask(arg);
    if (PyErr_Occurred())
        return NULL;
    ht_random_seed(&ht.random, number);
    ht_draw();
    Py_RETURN_NONE;
}

static PyObject *reset_peak(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(args))
{
    ht.peak_bytes = ht.live_bytes;
    Py_RETURN_NONE;
}

static PyObject *look(PyObject *Py_UNUSED(module), PyObject *args)
{
    double survivor_age_s;
    unsigned int most;
    PyObject *keep;
    if (!PyArg_ParseTuple(args, "dIO!:look", &survivor_age_s, &most, &PyTuple_Type, &keep))
        return NULL;
    if (ht.tracing) {
        ht_relax(ht_now());
        ht_draw();
    }
    PyObject *rows = ht_look(survivor_age_s, most, keep);
    ht_stacks_sweep(&ht.stacks);
    ht_stacks_bury(&ht.stacks);
    return rows;
}

static PyObject *samples(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(args))
{
    return ht_samples();
}

static PyObject *frame_tuple(PyCodeObject *code, int32_t offset)
{
    return Py_BuildValue("(OOi)", code->co_filename, code->co_name, PyCode_Addr2Line(code, offset));
}

/* The stack may be evicted while its tuples are made: its frames are copied and held first. */
static PyObject *resolve_frames(const ht_stack *stack)
{
    int depth = stack->depth;
    ht_frame *frames = PyMem_RawMalloc((size_t)(depth ? depth : 1) * sizeof(ht_frame));
    if (!frames)
        return PyErr_NoMemory();
    for (int i = 0; i < depth; i++) {
        frames[i] = stack->frames[i];
        Py_INCREF(frames[i].code);
    }
    PyObject *tuples = PyTuple_New(depth);
    for (int i = 0; i < depth; i++) {
        PyObject *frame = tuples ? frame_tuple(frames[i].code, frames[i].offset) : NULL;
        if (frame)
            PyTuple_SET_ITEM(tuples, i, frame);
        else
            Py_CLEAR(tuples);
        Py_DECREF(frames[i].code);
    }
    PyMem_RawFree(frames);
    return tuples;
}

static PyObject *frames(PyObject *Py_UNUSED(module), PyObject *arg)
{
    unsigned long long key = PyLong_AsUnsignedLongLong(arg);
    if (PyErr_Occurred())
        return NULL;
    const ht_stack *stack = ht_stacks_get(&ht.stacks, key);
    if (!stack)
        Py_RETURN_NONE;
    return resolve_frames(stack);
}

static PyObject *key_of(PyObject *Py_UNUSED(module), PyObject *object)
{
    const ht_sample *sample = ht_table_find(&ht.table, (uintptr_t)object - ht_object_header(Py_TYPE(object)));
    if (!sample)
        Py_RETURN_NONE;
    return PyLong_FromUnsignedLongLong(ht.stacks.entries[sample->stack]->key);
}

static PyObject *status(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(args))
{
    return Py_BuildValue("{s:O,s:i,s:d,s:d,s:d,s:d,s:n,s:n,s:K,s:K,s:n}",
                         "tracing", ht.tracing ? Py_True : Py_False,
                         "frames", ht.frames,
                         "base_interval", ht.base_interval,
                         "interval", ht.paused ? 0.0 : ht.interval,
                         "live_bytes", ht.live_bytes,
                         "peak_bytes", ht.peak_bytes,
                         "samples", (Py_ssize_t)ht.table.live,
                         "stacks", (Py_ssize_t)ht.stacks.count,
                         "drawn", (unsigned long long)ht.ordinal,
                         "lost", (unsigned long long)ht.lost,
                         "held_bytes", (Py_ssize_t)(ht_table_bytes(&ht.table) + ht_stacks_bytes(&ht.stacks)));
}

static PyObject *attached(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(args))
{
    return PyBool_FromLong(ht_hooks_installed() && ht_hooks_attached());
}

static PyMethodDef methods[] = {
    {"start", start, METH_VARARGS, "start(frames, sample_bytes, samples_per_s, table_bytes)"},
    {"stop", stop, METH_NOARGS, "Ends tracing and forgets all samples."},
    {"clear", clear, METH_NOARGS, "Forgets all samples and goes on."},
    {"set_interval", set_interval, METH_O, "Sets the mean bytes between samples; 0 pauses."},
    {"ignore_thread", ignore_thread, METH_NOARGS, "Samples nothing that the calling thread allocates."},
    {"seed", seed, METH_O, "Makes the draws repeatable."},
    {"reset_peak", reset_peak, METH_NOARGS, "Sets the peak to what is live."},
    {"look", look, METH_VARARGS, "look(survivor_age_s, most, keep): packed rows, the first for all stacks not chosen."},
    {"samples", samples, METH_NOARGS, "One packed row for each live sample."},
    {"frames", frames, METH_O, "frames(key): ((file, function, line), ...), allocation first; None where it is gone."},
    {"key_of", key_of, METH_O, "The key of the stack that allocated this object; None where it wasn't sampled."},
    {"status", status, METH_NOARGS, "The sampler's own figures."},
    {"attached", attached, METH_NOARGS, "Whether allocations still reach the hooks."},
    {NULL, NULL, 0, NULL},
};

static int execute(PyObject *Py_UNUSED(module))
{
    if (PyInterpreterState_Get() == PyInterpreterState_Main())
        return 0;
    PyErr_SetString(PyExc_ImportError, "heaptide's sampling tracer works in the main interpreter only");
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
    .m_name = "heaptide.tracemalloc_ng._sampler",
    .m_doc = "Samples Python's allocations by bytes.",
    .m_methods = methods,
    .m_slots = slots,
};

PyMODINIT_FUNC PyInit__sampler(void)
{
    return PyModuleDef_Init(&definition);
}
