// The door to Linux: headers and macros that Swift's Glibc module does not carry. Names only, no logic.
//
// _GNU_SOURCE must stay undefined here: with it, structures differ from those of the Glibc module and the compiler
// refuses both. GNU functions that are needed are declared by name below.
#pragma once

#include <linux/audit.h>
#include <linux/falloc.h>
#include <linux/filter.h>
#include <linux/fs.h>
#include <linux/kvm.h>
#include <pthread.h>
#include <stdint.h>
#include <linux/memfd.h>
#include <linux/if_packet.h>
#include <linux/seccomp.h>
#include <net/if.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/reboot.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "KVMRequests.h"

// GNU extensions of the C library.
int memfd_create(const char *name, unsigned int flags);
int pthread_setname_np(pthread_t thread, const char *name);
int pipe2(int ends[2], int flags);
int accept4(int socket, void *address, unsigned int *length, int flags);
int fallocate(int fd, int mode, long offset, long length);

// Many messages in one call; the structure is `mmsghdr` by another name.
#include <sys/socket.h>
struct message_in_batch {
    struct msghdr header;
    unsigned int length;
};
int sendmmsg(int socket, struct message_in_batch *messages, unsigned int count, int flags);
int recvmmsg(int socket, struct message_in_batch *messages, unsigned int count, int flags, struct timespec *timeout);

// Macros with a type cast or an expression, which Swift does not import.
static const unsigned long FICLONE_REQUEST = FICLONE;
static const unsigned long BLKDISCARD_REQUEST = BLKDISCARD;
static const unsigned long BLKGETSIZE64_REQUEST = BLKGETSIZE64;
static const unsigned int AUDIT_ARCHITECTURE_X86_64 = AUDIT_ARCH_X86_64;

// syscall(2) is variadic, which Swift cannot call; these are its fixed forms for calls that the C library has no name for.
static inline long syscall3(long number, long a, long b, long c) { return syscall(number, a, b, c); }
static inline long syscall4(long number, long a, long b, long c, long d) { return syscall(number, a, b, c, d); }
static inline long syscall5(long number, long a, long b, long c, long d, long e) { return syscall(number, a, b, c, d, e); }

// More GNU extensions: spawning.
#include <spawn.h>
int posix_spawn_file_actions_addchdir_np(posix_spawn_file_actions_t *actions, const char *path);
int posix_spawn_file_actions_addclosefrom_np(posix_spawn_file_actions_t *actions, int from);
static const int SPAWN_SETSID = 0x80;

// The processor's time stamp counter; 0 where there is none.
static inline unsigned long long time_stamp_counter(void) {
#if defined(__x86_64__)
    return __builtin_ia32_rdtsc();
#else
    return 0;
#endif
}

// The linker's names for the bounds of a program's code.
extern char __executable_start[];
extern char __etext[];
static inline unsigned long code_start(void) { return (unsigned long)__executable_start; }
static inline unsigned long code_end(void) { return (unsigned long)__etext; }
