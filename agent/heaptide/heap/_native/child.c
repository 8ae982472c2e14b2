#include "walk.h" /* first: Python.h asks for the functions of GNU */

#include "child.h"

#include <errno.h>

#ifdef __linux__

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
    LAST_SIGNAL = 64,
    MOST_FILES = 65536,  /* closed one by one where the kernel can't close a range */
    NICENESS = 10,       /* the service's threads go first */
};

double hw_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* fork() would run the handlers of pthread_atfork in both processes, and its child would send SIGCHLD when it ends,
 * which servers take for one of their own. With 0 for the signal only __WALL waits for it. */
static pid_t bare_fork(void)
{
    return (pid_t)syscall(SYS_clone, 0, 0, 0, 0, 0);
}

static void crashed(int signal)
{
    if (hw.may_escape)
        siglongjmp(hw.escape, 1);
    _exit(128 + signal);
}

static void expired(int signal)
{
    (void)signal;
    hw_expired = 1;
}

static void set_handler(int signal, void (*handler)(int), int flags)
{
    struct sigaction action = {.sa_handler = handler, .sa_flags = flags};
    sigaction(signal, &action, NULL);
}

/* A traverse function may crash or run out of stack; that costs its object, not the walk. */
static void take_signals(void)
{
    static char stack[64 * 1024];
    stack_t alternate = {.ss_sp = stack, .ss_size = sizeof(stack)};
    sigaltstack(&alternate, NULL);
    for (int i = 1; i <= LAST_SIGNAL; i++)
        set_handler(i, SIG_DFL, 0);
    const int crashes[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};
    for (size_t i = 0; i < sizeof(crashes) / sizeof(crashes[0]); i++)
        set_handler(crashes[i], crashed, SA_NODEFER | SA_ONSTACK);
    set_handler(SIGALRM, expired, 0);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

/* The service's connections must not stay open because a copy of them is. Returns the pipe's new number. */
static int close_files(int fd)
{
    int null = open("/dev/null", O_RDWR);
    int kept = fcntl(fd, F_DUPFD, 3);
    for (int i = 0; i < 3; i++)
        dup2(null, i);
    if (kept != 3) {
        dup2(kept, 3);
        kept = 3;
    }
#ifdef SYS_close_range
    if (syscall(SYS_close_range, 4, ~0u, 0) == 0)
        return kept;
#endif
    for (int i = 4; i < MOST_FILES; i++)
        close(i);
    return kept;
}

/* Where memory is short the kernel shall kill this copy, not the service. */
static void offer_to_die(void)
{
    int file = open("/proc/self/oom_score_adj", O_WRONLY);
    if (file < 0)
        return;
    ssize_t written = write(file, "1000", 4);
    (void)written;
    close(file);
}

static void limit(double limit_s)
{
    struct rlimit none = {0, 0};
    setrlimit(RLIMIT_CORE, &none);
    setpriority(PRIO_PROCESS, 0, NICENESS);
    struct itimerval timer = {.it_value = {.tv_sec = (time_t)limit_s,
                                           .tv_usec = (suseconds_t)((limit_s - (double)(time_t)limit_s) * 1e6)}};
    setitimer(ITIMER_REAL, &timer, NULL);
}

static void live(pid_t parent, int fd, void (*work)(int fd), double limit_s)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (syscall(SYS_getppid) != parent)
        _exit(1);
    prctl(PR_SET_NAME, "heaptide-walk");
    fd = close_files(fd);
    offer_to_die();
    take_signals();
    limit(limit_s);
    work(fd);
    _exit(0);
}

pid_t hw_child_start(void (*work)(int fd), double limit_s, int *fd, double *fork_s)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) < 0)
        return -1;
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    pid_t parent = (pid_t)syscall(SYS_getpid);
    double began = hw_seconds();
    pid_t pid = bare_fork();
    if (pid == 0)
        live(parent, ends[1], work, limit_s);
    int error = errno;
    *fork_s = hw_seconds() - began;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    close(ends[1]);
    if (pid < 0)
        close(ends[0]);
    *fd = pid < 0 ? -1 : ends[0];
    errno = error;
    return pid;
}

ssize_t hw_child_read(int fd, void *bytes, size_t most, double timeout_s)
{
    struct pollfd wanted = {.fd = fd, .events = POLLIN};
    int ready = poll(&wanted, 1, (int)(timeout_s * 1e3));
    if (ready == 0 || (ready < 0 && errno == EINTR))
        return -1;
    ssize_t count = ready < 0 ? -2 : read(fd, bytes, most);
    return count == -1 ? -2 : count;
}

int hw_child_end(pid_t pid, int *status)
{
    kill(pid, SIGKILL);
    pid_t ended;
    do
        ended = waitpid(pid, status, __WALL);
    while (ended < 0 && errno == EINTR);
    return ended < 0 ? -1 : 0;
}

#else

/* Elsewhere forking runs handlers of others, and the walk counts objects only. */
pid_t hw_child_start(void (*work)(int fd), double limit_s, int *fd, double *fork_s)
{
    errno = ENOSYS;
    return -1;
}

ssize_t hw_child_read(int fd, void *bytes, size_t most, double timeout_s)
{
    errno = ENOSYS;
    return -2;
}

int hw_child_end(pid_t pid, int *status)
{
    errno = ENOSYS;
    return -1;
}

double hw_seconds(void)
{
    return 0;
}

#endif
