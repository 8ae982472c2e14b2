/* Memory for the walk. It comes from the kernel alone: the walk runs in a forked child, where a lock of the C library's
 * allocator may be held for ever by a thread that wasn't forked. */
#ifndef HEAPTIDE_STORE_H
#define HEAPTIDE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HW_NONE UINT32_MAX

/* Objects in the order in which they were found, with what they were found from, and their index by address. */
typedef struct {
    uintptr_t *objects; /* owned, as all here */
    uint32_t *parents;
    uint32_t count;
    uint32_t room;
    uint32_t *slots;    /* number of the object plus 1; 0: free */
    uint32_t mask;      /* number of slots minus 1 */
    size_t bytes;
    size_t most_bytes;
} hw_store;

/* NULL where there is no memory. */
void *hw_pages(size_t bytes);
bool hw_store_open(hw_store *store, size_t most_bytes);
/* The number of the object, or HW_NONE. */
uint32_t hw_store_find(const hw_store *store, uintptr_t object);
/* Adds an object that isn't in the store; false where the budget is spent or memory is short. */
bool hw_store_add(hw_store *store, uintptr_t object, uint32_t parent);

#endif
