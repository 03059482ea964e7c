/* Faults of files and connections, by a library that is loaded before the system's: cc -shared -fPIC -O1 -o shim.so shim.c
 *
 * It counts operations on some paths, and lets the n-th of them be the process's last, or fail.
 *
 * FAULT_PATHS  operations count whose path has this text; sockets are "socket:[..."
 * FAULT_KINDS  letters of the operations that count: o opening to write, O opening to read, w writing, r reading, n renaming,
 *              l linking, m making a folder, u removing, t truncating, s forcing onto the disk, c closing, M mapping
 * FAULT_AT     the operation at which something happens, from 1; 0 for none
 * FAULT_ACT    kill: the process is killed before the operation; error: the operation fails; short: half of the bytes are written
 *              or read; onward: this operation and all later ones fail; slow: this operation and all later ones take a while
 * FAULT_ERRNO  the number of the error, or the milliseconds of a slow operation
 * FAULT_COUNT  a file that gets the number of operations when the process ends
 * FAULT_LOG    a file that gets a line for each operation: letter, path, and the new path of a renamed one
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

enum act { PASS, KILL, FAIL, SHORT, ONWARD, SLOW };

static const char *paths, *kinds;
static long at, counted;
static enum act act;
static int number, journal = -1;

/* Child processes have the library too, and are left alone. */
__attribute__((constructor)) static void begin(void) {
    const char *text = getenv("FAULT_ACT");
    if (getenv("FAULT_OWNER") || !getenv("FAULT_PATHS"))
        return;
    setenv("FAULT_OWNER", "taken", 1);
    kinds = getenv("FAULT_KINDS");
    at = getenv("FAULT_AT") ? atol(getenv("FAULT_AT")) : 0;
    number = getenv("FAULT_ERRNO") ? atoi(getenv("FAULT_ERRNO")) : EIO;
    if (text)
        act = !strcmp(text, "kill")    ? KILL
              : !strcmp(text, "error") ? FAIL
              : !strcmp(text, "short") ? SHORT
              : !strcmp(text, "slow")  ? SLOW
                                       : ONWARD;
    if (getenv("FAULT_LOG"))
        journal = syscall(SYS_openat, AT_FDCWD, getenv("FAULT_LOG"), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    paths = getenv("FAULT_PATHS");
}

__attribute__((destructor)) static void end(void) {
    char text[32];
    const char *file = getenv("FAULT_COUNT");
    if (!paths || !file)
        return;
    int length = snprintf(text, sizeof text, "%ld", counted);
    int to = syscall(SYS_openat, AT_FDCWD, file, O_WRONLY | O_CREAT | O_TRUNC, 0644);
    if (to >= 0 && syscall(SYS_write, to, text, length) == length)
        syscall(SYS_close, to);
}

static void note(char kind, const char *path, const char *other) {
    char line[16500];
    int length = snprintf(line, sizeof line, "%c\t%s\t%s\n", kind, path, other ? other : "");
    if (journal >= 0 && length > 0 && syscall(SYS_write, journal, line, length) < 0)
        journal = -1;
}

/* The path of an open file; false if it has none. */
static int path_of(int file, char *path, size_t size) {
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    ssize_t length = readlink(link, path, size - 1);
    if (length >= 0)
        path[length] = 0;
    return length >= 0;
}

/* The absolute path of one that a call has, from a folder. */
static const char *whole(int folder, const char *path, char *buffer) {
    char from[4096];
    if (!path || path[0] == '/')
        return path;
    if (folder == AT_FDCWD ? !getcwd(from, sizeof from) : !path_of(folder, from, sizeof from))
        return path;
    snprintf(buffer, 8192, "%s/%s", from, path);
    return buffer;
}

/* Counts an operation, and says what becomes of it. */
static enum act of_path(char kind, const char *path, const char *other) {
    char first[8192], second[8192];
    if (paths) {
        path = whole(AT_FDCWD, path, first);
        other = whole(AT_FDCWD, other, second);
    }
    if (!paths || !path || !(strstr(path, paths) || (other && strstr(other, paths))))
        return PASS;
    int counts = kinds && strchr(kinds, kind);
    long now = counts ? __atomic_add_fetch(&counted, 1, __ATOMIC_SEQ_CST) : 0;
    int struck = counts && at && (now == at || (now > at && (act == ONWARD || act == SLOW)));
    if (struck && act == KILL) {
        kill(getpid(), SIGKILL);
        for (;;)
            pause();
    }
    if (struck && act == SLOW) {
        usleep(1000 * number);
        struck = 0;
    }
    if (!struck || act == SHORT)
        note(kind, path, other);
    return struck ? act : PASS;
}

static enum act of_file(char kind, int file) {
    char path[4096];
    return paths && path_of(file, path, sizeof path) ? of_path(kind, path, NULL) : PASS;
}

/* A path from a folder. */
static enum act of_path_at(char kind, int folder, const char *path) {
    char buffer[8192];
    return paths ? of_path(kind, whole(folder, path, buffer), NULL) : PASS;
}

#define SYSTEMS(result, name, ...)                                                                                         \
    static result (*real)(__VA_ARGS__);                                                                                    \
    if (!real)                                                                                                             \
        real = (result(*)(__VA_ARGS__))dlsym(RTLD_NEXT, name)

#define FAILS(struck)                                                                                                      \
    do {                                                                                                                   \
        if ((struck) != PASS) {                                                                                            \
            errno = number;                                                                                                \
            return -1;                                                                                                     \
        }                                                                                                                  \
    } while (0)

#define MODE(flags)                                                                                                        \
    mode_t mode = 0;                                                                                                       \
    if ((flags) & (O_CREAT | O_TMPFILE)) {                                                                                 \
        va_list list;                                                                                                      \
        va_start(list, flags);                                                                                             \
        mode = va_arg(list, mode_t);                                                                                       \
        va_end(list);                                                                                                      \
    }

static char opening(int flags) { return flags & (O_WRONLY | O_RDWR | O_CREAT | O_TRUNC) ? 'o' : 'O'; }

#define OPEN(name)                                                                                                         \
    int name(const char *path, int flags, ...) {                                                                           \
        MODE(flags)                                                                                                        \
        SYSTEMS(int, #name, const char *, int, ...);                                                                       \
        FAILS(of_path(opening(flags), path, NULL));                                                                        \
        return real(path, flags, mode);                                                                                    \
    }
OPEN(open)
OPEN(open64)

#define OPENAT(name)                                                                                                       \
    int name(int folder, const char *path, int flags, ...) {                                                               \
        MODE(flags)                                                                                                        \
        SYSTEMS(int, #name, int, const char *, int, ...);                                                                  \
        FAILS(of_path_at(opening(flags), folder, path));                                                                   \
        return real(folder, path, flags, mode);                                                                            \
    }
OPENAT(openat)
OPENAT(openat64)

/* Reading and writing: a short one does half of it. */
#define MOVE(name, kind, bytes, ...)                                                                                       \
    enum act struck = of_file(kind, file);                                                                                 \
    if (struck == SHORT && length > 1)                                                                                     \
        length /= 2;                                                                                                       \
    else                                                                                                                   \
        FAILS(struck);                                                                                                     \
    return real(file, bytes, length, ##__VA_ARGS__)

ssize_t write(int file, const void *bytes, size_t length) {
    SYSTEMS(ssize_t, "write", int, const void *, size_t);
    MOVE(write, 'w', bytes);
}
ssize_t pwrite(int file, const void *bytes, size_t length, off_t place) {
    SYSTEMS(ssize_t, "pwrite", int, const void *, size_t, off_t);
    MOVE(pwrite, 'w', bytes, place);
}
ssize_t pwrite64(int file, const void *bytes, size_t length, off64_t place) {
    SYSTEMS(ssize_t, "pwrite64", int, const void *, size_t, off64_t);
    MOVE(pwrite64, 'w', bytes, place);
}
ssize_t read(int file, void *bytes, size_t length) {
    SYSTEMS(ssize_t, "read", int, void *, size_t);
    MOVE(read, 'r', bytes);
}
ssize_t pread(int file, void *bytes, size_t length, off_t place) {
    SYSTEMS(ssize_t, "pread", int, void *, size_t, off_t);
    MOVE(pread, 'r', bytes, place);
}
ssize_t pread64(int file, void *bytes, size_t length, off64_t place) {
    SYSTEMS(ssize_t, "pread64", int, void *, size_t, off64_t);
    MOVE(pread64, 'r', bytes, place);
}
ssize_t send(int file, const void *bytes, size_t length, int flags) {
    SYSTEMS(ssize_t, "send", int, const void *, size_t, int);
    MOVE(send, 'w', bytes, flags);
}
ssize_t recv(int file, void *bytes, size_t length, int flags) {
    SYSTEMS(ssize_t, "recv", int, void *, size_t, int);
    MOVE(recv, 'r', bytes, flags);
}
/* The first of the pieces, for a short one. */
ssize_t writev(int file, const struct iovec *pieces, int length) {
    SYSTEMS(ssize_t, "writev", int, const struct iovec *, int);
    MOVE(writev, 'w', pieces);
}

int rename(const char *from, const char *to) {
    SYSTEMS(int, "rename", const char *, const char *);
    FAILS(of_path('n', from, to));
    return real(from, to);
}
int link(const char *from, const char *to) {
    SYSTEMS(int, "link", const char *, const char *);
    FAILS(of_path('l', from, to));
    return real(from, to);
}
int linkat(int folder, const char *from, int other, const char *to, int flags) {
    SYSTEMS(int, "linkat", int, const char *, int, const char *, int);
    FAILS(of_path('l', from, to));
    return real(folder, from, other, to, flags);
}
int mkdir(const char *path, mode_t mode) {
    SYSTEMS(int, "mkdir", const char *, mode_t);
    FAILS(of_path('m', path, NULL));
    return real(path, mode);
}
int unlink(const char *path) {
    SYSTEMS(int, "unlink", const char *);
    FAILS(of_path('u', path, NULL));
    return real(path);
}
int rmdir(const char *path) {
    SYSTEMS(int, "rmdir", const char *);
    FAILS(of_path('u', path, NULL));
    return real(path);
}
int unlinkat(int folder, const char *path, int flags) {
    SYSTEMS(int, "unlinkat", int, const char *, int);
    FAILS(of_path_at('u', folder, path));
    return real(folder, path, flags);
}
int ftruncate(int file, off_t length) {
    SYSTEMS(int, "ftruncate", int, off_t);
    FAILS(of_file('t', file));
    return real(file, length);
}
int ftruncate64(int file, off64_t length) {
    SYSTEMS(int, "ftruncate64", int, off64_t);
    FAILS(of_file('t', file));
    return real(file, length);
}
int fsync(int file) {
    SYSTEMS(int, "fsync", int);
    FAILS(of_file('s', file));
    return real(file);
}
int fdatasync(int file) {
    SYSTEMS(int, "fdatasync", int);
    FAILS(of_file('s', file));
    return real(file);
}
/* A file that cannot be closed is closed nevertheless. */
int close(int file) {
    SYSTEMS(int, "close", int);
    enum act struck = of_file('c', file);
    int closed = real(file);
    FAILS(struck);
    return closed;
}
void *mmap(void *place, size_t length, int rights, int flags, int file, off_t offset) {
    SYSTEMS(void *, "mmap", void *, size_t, int, int, int, off_t);
    if (file >= 0 && of_file('M', file) != PASS) {
        errno = number;
        return MAP_FAILED;
    }
    return real(place, length, rights, flags, file, offset);
}
void *mmap64(void *place, size_t length, int rights, int flags, int file, off64_t offset) {
    SYSTEMS(void *, "mmap64", void *, size_t, int, int, int, off64_t);
    if (file >= 0 && of_file('M', file) != PASS) {
        errno = number;
        return MAP_FAILED;
    }
    return real(place, length, rights, flags, file, offset);
}
