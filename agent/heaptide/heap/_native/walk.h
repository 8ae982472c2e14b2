/* One walk from the roots to everything, in a forked child. All state is one static struct that the parent fills with
 * what is asked, so that the child makes no call to find it. */
#ifndef HEAPTIDE_WALK_H
#define HEAPTIDE_WALK_H

#include "layout.h"
#include "store.h"

#include <setjmp.h>

enum {
    HW_MOST_TARGETS = 8192,
    HW_MOST_THREADS = 4096,
    HW_MOST_ROOTS = 1 << 18,
};

/* What stands in hw_store.parents and hw_hit.holder beside the number of an object. */
#define HW_ROOT 0x80000000u      /* with the number of a root in the low bits */
#define HW_OWN 0xFFFFFFFEu       /* the agent's own */
#define HW_CANDIDATE 0xFFFFFFFDu /* reached from no root */

typedef enum {
    HW_OF_MODULE = 1,  /* a module's dict; label: the module's name */
    HW_NAMED,          /* text tells what it is */
    HW_OF_FRAME,       /* a local variable of a running frame; label: the variable, code and globals: whose */
    HW_TEMPORARY,      /* on a running frame's stack of values */
    HW_GLOBALS,        /* a running frame's globals that belong to no module */
    HW_OF_THREAD,      /* something of a thread; text tells what */
    HW_CONTEXT,        /* the thread's current context of contextvars */
    HW_HELD_FROM_C,    /* referred to by something that no traverse function tells of */
} hw_root_kind;

typedef struct {
    hw_root_kind kind;
    unsigned long thread; /* the thread's identity; 0 where there is none */
    const char *text;
    PyObject *label;
    PyCodeObject *code;
    PyObject *globals;
} hw_root;

/* A block whose holder is asked for. */
typedef struct {
    uintptr_t address;
    size_t size;
    bool wants_path;   /* else whether it is held is all that is asked */
    bool found;
    bool storage;      /* the block is a table or buffer that belongs to `object` */
    uint32_t holder;   /* number of the object that refers to `object`, or one of the values above */
    PyObject *object;
} hw_target;

typedef struct {
    PyInterpreterState *interpreter;
    PyThreadState *threads[HW_MOST_THREADS];
    size_t thread_count;
    PyThreadState *asking;      /* the thread that asks: its frames may be the agent's */
    PyObject *modules;          /* borrowed: list of (name, module) */
    PyObject *named;            /* borrowed: list of (text, object) */
    PyObject *own;              /* borrowed: list of objects that the agent owns */
    PyTypeObject *deque;        /* borrowed */
    hw_target targets[HW_MOST_TARGETS]; /* by address, ascending */
    size_t target_count;
    size_t most_bytes;
} hw_question;

typedef struct {
    hw_question asked;
    hw_store store;
    hw_root *roots;
    uint32_t root_count;
    uint32_t cursor;            /* objects before it were expanded */
    uint32_t current;           /* what is expanded now, as a parent */
    uint32_t skipped;           /* objects whose traverse function failed */
    size_t to_find;
    bool done;                  /* everything was found, or there is no more time or memory */
    const char *ended;          /* NULL, or why the walk ended early */
    uint32_t first_candidate;
    uint32_t *counts;           /* of candidates: references that candidates hold */
    uint32_t *queue;            /* of objects held from C */
    uint32_t queue_head, queue_tail, queue_room;
    sigjmp_buf escape;          /* out of a traverse function that crashed */
    volatile bool may_escape;
    uint64_t filter[1024];      /* pages with a target, hashed */
} hw_walk;

extern hw_walk hw __attribute__((visibility("hidden")));
extern volatile int hw_expired __attribute__((visibility("hidden")));

/* walk.c: everything that is reached from a root. */
void hw_run(void);
void hw_expand(PyObject *object, visitproc visit);
static inline PyObject *hw_object(uint32_t number) { return (PyObject *)hw.store.objects[number]; }
void hw_each(uint32_t *cursor, const uint32_t *end, void (*visit)(uint32_t number));
bool hw_is_static_type(PyObject *object);

/* roots.c */
uint32_t hw_add_root(hw_root root);
void hw_seed_own(void);
void hw_seed_modules(void);
void hw_seed_registries(void);
void hw_seed_threads(void);
void hw_seed_own_frames(void);
/* Calls with each word of a running frame's stack that may be a reference. */
void hw_each_stack_word(void (*visit)(uintptr_t word, const hw_frame *frame, PyThreadState *thread));

/* unreached.c: what no root reaches is held from C, or garbage that awaits collection. */
void hw_run_unreached(void);

/* targets.c */
void hw_targets_begin(void);
void hw_match(PyObject *object, uint32_t holder);
/* The blocks that belong to a container. */
void hw_match_storage(PyObject *object, uint32_t holder);

/* answer.c: writes what was found to a file descriptor. */
void hw_write_answer(int fd, double elapsed_s);

#endif
