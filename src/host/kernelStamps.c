// When the kernel had what a socket gave us: SO_TIMESTAMPNS, for sockets that are read by Node.
//
// Node reads its sockets with `read`, which tells no stamps. Preloaded (LD_PRELOAD, see scripts/ready.sh), this library is that `read`: sockets
// that were asked for are read with `recvmsg` instead, and the stamp that came along is left where JavaScript finds it, in the thread that has
// read. Everything else is read as ever. Loaded once more as an addon, it shows that place and takes the sockets' numbers. Linux only.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

// Of a file's number: read with its stamps. Stays when the file is closed: whatever has the number next is found out when it is read.
enum { most_files = 1 << 20 };
static unsigned char is_watched[most_files];

// Of this thread's last read of a watched socket: nanoseconds of CLOCK_MONOTONIC, 0 where the kernel gave no stamp.
static __thread double arrived[1];

static int64_t nanoseconds(const struct timespec *time) {
  return (int64_t)time->tv_sec * 1000000000 + time->tv_nsec;
}

static int64_t now(clockid_t clock) {
  struct timespec time;
  clock_gettime(clock, &time);
  return nanoseconds(&time);
}

// The kernel stamps on the wall clock. Both clocks are looked at again where something came between the looks.
static double on_monotonic_clock(int64_t stamp) {
  int64_t before, wall, after;
  int looks = 0;
  do {
    before = now(CLOCK_MONOTONIC);
    wall = now(CLOCK_REALTIME);
    after = now(CLOCK_MONOTONIC);
  } while (after - before > 2000 && ++looks < 5);
  int64_t age = wall - stamp;
  return age < 0 ? 0 : (double)((before + after) / 2 - age);
}

static double stamp_in(struct msghdr *message) {
  for (struct cmsghdr *control = CMSG_FIRSTHDR(message); control; control = CMSG_NXTHDR(message, control)) {
    if (control->cmsg_level != SOL_SOCKET || control->cmsg_type != SO_TIMESTAMPNS) continue;
    struct timespec stamp;
    memcpy(&stamp, CMSG_DATA(control), sizeof stamp);
    return on_monotonic_clock(nanoseconds(&stamp));
  }
  return 0;
}

static ssize_t stamped_read(int file, void *buffer, size_t size) {
  if ((unsigned)file >= most_files || !is_watched[file]) return syscall(SYS_read, file, buffer, size);
  char control[64];
  struct iovec into = {buffer, size};
  struct msghdr message = {.msg_iov = &into, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
  ssize_t length = recvmsg(file, &message, 0);
  if (length < 0 && errno == ENOTSOCK) {
    is_watched[file] = 0;
    return syscall(SYS_read, file, buffer, size);
  }
  arrived[0] = length > 0 ? stamp_in(&message) : 0;
  return length;
}

ssize_t read(int file, void *buffer, size_t size) __attribute__((alias("stamped_read")));

// Node-API, as far as it is used: its headers come with no package, and its calls are promised not to change. Weak: whatever starts Node for us
// (a shell, taskset) passes through here too, and has none of it.
#pragma weak napi_create_external_arraybuffer
#pragma weak napi_create_function
#pragma weak napi_set_named_property
#pragma weak napi_get_boolean
#pragma weak napi_get_cb_info
#pragma weak napi_get_value_int32
typedef struct napi_env__ *napi_env;
typedef struct napi_value__ *napi_value;
typedef struct napi_callback_info__ *napi_callback_info;
extern int napi_create_external_arraybuffer(napi_env, void *, size_t, void *finalize, void *hint, napi_value *);
extern int napi_create_function(napi_env, const char *, size_t, napi_value (*)(napi_env, napi_callback_info), void *, napi_value *);
extern int napi_set_named_property(napi_env, napi_value, const char *, napi_value);
extern int napi_get_boolean(napi_env, _Bool, napi_value *);
extern int napi_get_cb_info(napi_env, napi_callback_info, size_t *, napi_value *, napi_value *, void **);
extern int napi_get_value_int32(napi_env, napi_value, int32_t *);

static _Bool is_in_place;

// Finds out whether this process was started with it, and takes itself out of LD_PRELOAD, where it is first: what this process starts is none of
// its business.
__attribute__((constructor)) static void leave_environment(void) {
  Dl_info own;
  const char *preload = getenv("LD_PRELOAD");
  if (!napi_create_function || !preload || !dladdr((void *)stamped_read, &own)) return;
  size_t length = strlen(own.dli_fname);
  if (strncmp(preload, own.dli_fname, length) || (preload[length] && preload[length] != ':')) return;
  is_in_place = 1;
  char *others = preload[length] ? strdup(preload + length + 1) : 0;
  if (others) setenv("LD_PRELOAD", others, 1);
  else unsetenv("LD_PRELOAD");
  free(others);
}

// watch(file): whether the kernel will stamp what this socket receives.
static napi_value watch(napi_env env, napi_callback_info info) {
  size_t count = 1;
  napi_value argument, answer;
  int32_t file = -1;
  int on = 1;
  napi_get_cb_info(env, info, &count, &argument, 0, 0);
  napi_get_value_int32(env, argument, &file);
  _Bool is_stamped = file >= 0 && file < most_files && setsockopt(file, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof on) == 0;
  if (is_stamped) is_watched[file] = 1;
  napi_get_boolean(env, is_stamped, &answer);
  return answer;
}

napi_value napi_register_module_v1(napi_env env, napi_value exports) {
  napi_value value;
  napi_get_boolean(env, is_in_place, &value);
  napi_set_named_property(env, exports, "isInPlace", value);
  napi_create_external_arraybuffer(env, arrived, sizeof arrived, 0, 0, &value);
  napi_set_named_property(env, exports, "arrived", value);
  napi_create_function(env, "watch", (size_t)-1, watch, 0, &value);
  napi_set_named_property(env, exports, "watch", value);
  return exports;
}
