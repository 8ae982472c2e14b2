/* The forked child in which the walk runs. */
#ifndef HEAPTIDE_CHILD_H
#define HEAPTIDE_CHILD_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* Forks a child that calls `work` with the pipe's end and exits; no handler of fork runs in either process, and its end
 * signals nobody. Returns its process id and sets `fd` to the other end of the pipe and `fork_s` to the seconds that
 * forking took; -1 with errno set. Called with the GIL held. */
pid_t hw_child_start(void (*work)(int fd), double limit_s, int *fd, double *fork_s);
/* Waits until bytes come, `timeout_s` at most. Returns how many it read, 0 at the end, -1 on a timeout, and -2 with
 * errno set. */
ssize_t hw_child_read(int fd, void *bytes, size_t most, double timeout_s);
/* Kills it if it lives, and takes its status; -1 with errno set. */
int hw_child_end(pid_t pid, int *status);
double hw_seconds(void);

#endif
