/* Lines that allocate most have an interval of their own, so that churn on a few leaves the budget of samples to others. */
#ifndef HEAPTIDE_PLACES_H
#define HEAPTIDE_PLACES_H

#include "table.h"

enum {
    HT_PLACES = 512,
    HT_PLACE_SHARE = 16, /* so many busy places fill the budget; one alone may take this part of it */
};

/* What one instruction allocates. Instructions whose hashes are equal share a place and its budget: that costs them
 * samples, never truth. */
typedef struct {
    double interval;         /* mean bytes between samples; what the sampler's own exceeds doesn't count */
    uint32_t window_start;   /* hundredths of a second */
    uint32_t window_samples;
} ht_place;

ht_place *ht_place_of(ht_place *places, uintptr_t code, int32_t offset);

/* Whether a block that was drawn at `sample->interval` is kept, so that the place stays within its part of the budget.
 * One that is kept counts as drawn at the place's interval, which then stands in the sample: estimates stay unbiased. */
bool ht_place_keeps(ht_place *place, ht_sample *sample, uint32_t now, double samples_per_s, ht_random *random);

#endif
