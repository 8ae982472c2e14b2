/* The answer as it goes through the pipe; heaptide.heap.answer reads it. All numbers are of the machine's own order. */
#include "paths.h"

#include <errno.h>
#include <unistd.h>

enum {
    MOST_HOPS = 48,      /* of a longer path the middle is left out */
    KEPT_AT_END = 16,
    MOST_ANSWER = 16 << 20,
    MOST_KEY = 100,
};

/* HELD is followed by the path, which nobody asked for where it is JUST_HELD. */
typedef enum { HELD = 'h', JUST_HELD = 'H', GARBAGE = 'g', OWN = 'o', MISSING = '-' } hw_fate;

static uint32_t hops[MOST_HOPS];

/* Fills `hops` from the root on and returns how many there are; `left_out` in the middle. */
static int climb(uint32_t holder, uint32_t *root, uint32_t *left_out)
{
    uint32_t length = 0, at = holder;
    for (; !(at & HW_ROOT); at = hw.store.parents[at])
        length++;
    *root = at;
    *left_out = length > MOST_HOPS ? length - MOST_HOPS : 0;
    int count = (int)(length - *left_out);
    uint32_t position = length;
    for (at = holder; !(at & HW_ROOT); at = hw.store.parents[at]) {
        position--;
        if (*left_out == 0 || position >= length - KEPT_AT_END)
            hops[position - *left_out] = at;
        else if (position < (uint32_t)(MOST_HOPS - KEPT_AT_END))
            hops[position] = at;
    }
    return count;
}

static void put_number(hw_out *out, int64_t number)
{
    hw_put(out, &number, sizeof(number));
}

static void put_edge(hw_out *out, const hw_edge *edge)
{
    char kind = (char)edge->kind;
    hw_put(out, &kind, 1);
    if (edge->name)
        hw_put_str(out, edge->name, MOST_KEY);
    else
        hw_put_text(out, edge->text);
    put_number(out, edge->index);
}

static void put_node(hw_out *out, PyObject *object)
{
    hw_put_type(out, Py_TYPE(object));
    hw_put_name(out, object);
    put_number(out, hw_length(object));
    put_number(out, hw_bound(object));
}

static void put_root(hw_out *out, const hw_root *root)
{
    char kind = (char)root->kind;
    hw_put(out, &kind, 1);
    if (root->label)
        hw_put_str(out, root->label, MOST_KEY);
    else
        hw_put_text(out, root->text);
    if (root->globals)
        hw_put_frame(out, root->code, root->globals);
    else
        hw_put_text(out, "");
    put_number(out, (int64_t)root->thread);
}

static void put_path(hw_out *out, const hw_target *target, uint32_t root, int count, uint32_t left_out)
{
    put_root(out, &hw.roots[root & ~HW_ROOT]);
    put_number(out, left_out);
    put_number(out, count);
    PyObject *before = NULL, *from = NULL;
    for (int i = 0; i <= count; i++) {
        PyObject *to = i < count ? hw_object(hops[i]) : target->object;
        if (left_out && i == count - KEPT_AT_END) {
            before = NULL;
            from = hw_object(hw.store.parents[hops[i]]);
        }
        hw_edge edge = from ? hw_edge_between(before, from, to) : (hw_edge){.kind = HW_EDGE_ROOT, .index = -1};
        put_edge(out, &edge);
        put_node(out, to);
        before = from;
        from = to;
    }
}

static hw_fate fate_of(const hw_target *target, uint32_t root)
{
    if (!target->found)
        return MISSING;
    return root == HW_CANDIDATE ? GARBAGE : root == HW_OWN ? OWN : target->wants_path ? HELD : JUST_HELD;
}

static hw_out out;
static size_t complete; /* length of the answer up to the last whole target */

/* A target whose description crashes is left out. */
static void put_target(uint32_t number)
{
    const hw_target *target = &hw.asked.targets[number];
    out.length = complete;
    uint32_t root = 0, left_out = 0;
    int count = target->found ? climb(target->holder, &root, &left_out) : 0;
    char head[2] = {(char)fate_of(target, root), (char)target->storage};
    put_number(&out, (int64_t)target->address);
    hw_put(&out, head, sizeof(head));
    hw_put_type(&out, target->found ? Py_TYPE(target->object) : &PyBaseObject_Type);
    if (head[0] == HELD)
        put_path(&out, target, root, count, left_out);
    if (!out.full)
        complete = out.length;
}

static void write_all(int fd, const char *bytes, size_t length)
{
    while (length > 0) {
        ssize_t written = write(fd, bytes, length);
        if (written < 0 && errno != EINTR)
            return;
        bytes += written > 0 ? written : 0;
        length -= written > 0 ? (size_t)written : 0;
    }
}

void hw_write_answer(int fd, double elapsed_s)
{
    out = (hw_out){.bytes = hw_pages(MOST_ANSWER), .room = MOST_ANSWER};
    if (!out.bytes)
        return;
    uint64_t length = 0;
    hw_put(&out, &length, sizeof(length));
    hw_put(&out, &elapsed_s, sizeof(elapsed_s));
    put_number(&out, hw.store.count);
    put_number(&out, hw.skipped);
    hw_put_text(&out, hw.ended);
    uint32_t at = 0, end = (uint32_t)hw.asked.target_count;
    complete = out.length;
    hw.done = false;
    hw_expired = 0;
    hw_each(&at, &end, put_target);
    length = complete;
    memcpy(out.bytes, &length, sizeof(length));
    write_all(fd, out.bytes, complete);
}
