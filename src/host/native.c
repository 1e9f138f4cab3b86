// What Node cannot do by itself on Linux: stamps of when the kernel had what a socket gave us, requests sent by one call of the kernel and little else, and
// an alarm that rings when it should.
//
// Stamps. Node reads its sockets with `read`, which tells none. Preloaded (LD_PRELOAD, see scripts/ready.sh), this library is that `read`: sockets
// that were asked for are read with `recvmsg` instead, and the stamp that comes along (SO_TIMESTAMPNS) is left where JavaScript finds it, in the
// thread that has read. Everything else is read as ever. Loaded once more as an addon, it shows that place and takes the sockets' numbers.
//
// The alarm. Node's timers are up to a millisecond late; a timer that is a file (timerfd) wakes its event loop as a socket does.
//
// Room for files. The kernel's table of a process's open files doubles as it fills up, and where there are threads whoever opens the one file too many
// waits for it for some 20 ms (synchronize_rcu): a load thread did, at its 1,000th connection. Before there are threads it costs nothing.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

// Node-API and libuv, as far as they are used: their headers come with no package, and both are promised not to change. Weak: whatever starts Node
// for us (a shell, taskset) passes through here too, and has none of it.
typedef struct napi_env__ *napi_env;
typedef struct napi_value__ *napi_value;
typedef struct napi_ref__ *napi_ref;
typedef struct napi_handle_scope__ *napi_handle_scope;
typedef struct napi_callback_info__ *napi_callback_info;
typedef struct napi_async_cleanup_hook_handle__ *napi_async_cleanup_hook_handle;
typedef napi_value (*napi_callback)(napi_env, napi_callback_info);
#define WEAK extern __attribute__((weak))
WEAK int napi_create_external_arraybuffer(napi_env, void *, size_t, void *finalize, void *hint, napi_value *);
WEAK int napi_create_function(napi_env, const char *, size_t, napi_callback, void *, napi_value *);
WEAK int napi_set_named_property(napi_env, napi_value, const char *, napi_value);
WEAK int napi_get_boolean(napi_env, _Bool, napi_value *);
WEAK int napi_get_cb_info(napi_env, napi_callback_info, size_t *, napi_value *, napi_value *, void **);
WEAK int napi_get_value_int32(napi_env, napi_value, int32_t *);
WEAK int napi_get_value_double(napi_env, napi_value, double *);
WEAK int napi_get_buffer_info(napi_env, napi_value, void **, size_t *);
WEAK int napi_create_int64(napi_env, int64_t, napi_value *);
WEAK int napi_create_reference(napi_env, napi_value, uint32_t, napi_ref *);
WEAK int napi_get_reference_value(napi_env, napi_ref, napi_value *);
WEAK int napi_open_handle_scope(napi_env, napi_handle_scope *);
WEAK int napi_close_handle_scope(napi_env, napi_handle_scope);
WEAK int napi_get_global(napi_env, napi_value *);
WEAK int napi_make_callback(napi_env, void *, napi_value, napi_value, size_t, const napi_value *, napi_value *);
WEAK int napi_get_and_clear_last_exception(napi_env, napi_value *);
WEAK int napi_fatal_exception(napi_env, napi_value);
WEAK int napi_get_uv_event_loop(napi_env, void **);
WEAK int napi_add_async_cleanup_hook(napi_env, void (*)(napi_async_cleanup_hook_handle, void *), void *, napi_async_cleanup_hook_handle *);
WEAK int napi_remove_async_cleanup_hook(napi_async_cleanup_hook_handle);
WEAK size_t uv_handle_size(int);
WEAK int uv_poll_init(void *, void *, int);
WEAK int uv_poll_start(void *, int, void (*)(void *, int, int));
WEAK void uv_handle_set_data(void *, void *);
WEAK void *uv_handle_get_data(void *);
WEAK void uv_unref(void *);
WEAK void uv_close(void *, void (*)(void *));
enum { uv_poll = 8, uv_readable = 1, napi_ok = 0 };

enum { second = 1000000000 };

static int64_t nanoseconds(const struct timespec *time) {
  return (int64_t)time->tv_sec * second + time->tv_nsec;
}

static int64_t now(clockid_t clock) {
  struct timespec time;
  clock_gettime(clock, &time);
  return nanoseconds(&time);
}

enum { room_for_files = 1 << 16 };

// As large as it may become: a table never shrinks. Node raises the limit itself, but not yet.
__attribute__((constructor)) static void make_room_for_files(void) {
  struct rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  struct rlimit raised = {limit.rlim_max, limit.rlim_max};
  int most = limit.rlim_max < room_for_files ? (int)limit.rlim_max : room_for_files;
  setrlimit(RLIMIT_NOFILE, &raised);
  int file = open("/dev/null", O_RDONLY | O_CLOEXEC);
  int last = fcntl(file, F_DUPFD_CLOEXEC, most - 1);
  if (last >= 0) close(last);
  if (file >= 0) close(file);
  setrlimit(RLIMIT_NOFILE, &limit);
}

// Of a file's number: read with its stamps. Stays when the file is closed: whatever has the number next is found out when it is read.
enum { most_files = 1 << 20 };
static unsigned char is_watched[most_files];

// Of this thread's last read: nanoseconds of CLOCK_MONOTONIC, 0 where the kernel gave no stamp.
static __thread double arrived[1];

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

// Of the library after this one: the user's own in LD_PRELOAD may have a `read` as well.
static ssize_t (*next_read)(int, void *, size_t);

static ssize_t plain_read(int file, void *buffer, size_t size) {
  return next_read ? next_read(file, buffer, size) : syscall(SYS_read, file, buffer, size);
}

static ssize_t stamped_read(int file, void *buffer, size_t size) {
  arrived[0] = 0;
  if ((unsigned)file >= most_files || !is_watched[file]) return plain_read(file, buffer, size);
  char control[64];
  struct iovec into = {buffer, size};
  struct msghdr message = {.msg_iov = &into, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
  ssize_t length = recvmsg(file, &message, 0);
  if (length < 0 && errno == ENOTSOCK) {
    is_watched[file] = 0;
    return plain_read(file, buffer, size);
  }
  if (length > 0) arrived[0] = stamp_in(&message);
  return length;
}

ssize_t read(int file, void *buffer, size_t size) __attribute__((alias("stamped_read")));

static _Bool is_preloaded;

// Takes itself out of LD_PRELOAD, where it is first: what this process starts is none of its business.
__attribute__((constructor)) static void leave_environment(void) {
  next_read = (ssize_t (*)(int, void *, size_t))dlsym(RTLD_NEXT, "read");
  Dl_info own;
  const char *preload = getenv("LD_PRELOAD");
  if (!napi_create_function || !preload || !dladdr((void *)stamped_read, &own)) return;
  size_t length = strlen(own.dli_fname);
  if (strncmp(preload, own.dli_fname, length) || (preload[length] && preload[length] != ':')) return;
  is_preloaded = 1;
  char *others = preload[length] ? strdup(preload + length + 1) : 0;
  if (others) setenv("LD_PRELOAD", others, 1);
  else unsetenv("LD_PRELOAD");
  free(others);
}

// watch(file): from now on the kernel stamps what this socket receives, where it will.
static napi_value watch(napi_env env, napi_callback_info info) {
  size_t count = 1;
  napi_value argument;
  int32_t file = -1;
  int on = 1;
  napi_get_cb_info(env, info, &count, &argument, 0, 0);
  napi_get_value_int32(env, argument, &file);
  if (file >= 0 && file < most_files && setsockopt(file, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof on) == 0) is_watched[file] = 1;
  return 0;
}

// send(file, bytes): how many of them the socket has taken; 0 where it takes none now or is broken, which its own next write will tell.
static napi_value send_now(napi_env env, napi_callback_info info) {
  size_t count = 2, length = 0;
  napi_value arguments[2], answer;
  int32_t file = -1;
  void *bytes = 0;
  napi_get_cb_info(env, info, &count, arguments, 0, 0);
  napi_get_value_int32(env, arguments[0], &file);
  napi_get_buffer_info(env, arguments[1], &bytes, &length);
  ssize_t taken = send(file, bytes, length, MSG_DONTWAIT | MSG_NOSIGNAL);
  napi_create_int64(env, taken < 0 ? 0 : taken, &answer);
  return answer;
}

// Lives until the thread it rings in ends.
struct alarm {
  napi_env env;
  napi_ref ring;
  int timer;
  void *poll;
  napi_async_cleanup_hook_handle cleanup;
};

static void rang(void *poll, int status, int events) {
  struct alarm *alarm = uv_handle_get_data(poll);
  uint64_t times;
  (void)status, (void)events;
  if (syscall(SYS_read, alarm->timer, &times, sizeof times) < 0) return;
  napi_handle_scope scope;
  napi_value global, ring, nothing, error;
  napi_open_handle_scope(alarm->env, &scope);
  napi_get_global(alarm->env, &global);
  napi_get_reference_value(alarm->env, alarm->ring, &ring);
  if (napi_make_callback(alarm->env, 0, global, ring, 0, 0, &nothing) != napi_ok &&
      napi_get_and_clear_last_exception(alarm->env, &error) == napi_ok)
    napi_fatal_exception(alarm->env, error);
  napi_close_handle_scope(alarm->env, scope);
}

static void closed(void *poll) {
  struct alarm *alarm = uv_handle_get_data(poll);
  close(alarm->timer);
  napi_remove_async_cleanup_hook(alarm->cleanup);
  free(poll);
  free(alarm);
}

static void end_alarm(napi_async_cleanup_hook_handle cleanup, void *data) {
  struct alarm *alarm = data;
  alarm->cleanup = cleanup; // which is to be told once it is closed
  uv_close(alarm->poll, closed);
}

// set(time): rings then, in nanoseconds of CLOCK_MONOTONIC, and not at the time that was set before.
static napi_value set_alarm(napi_env env, napi_callback_info info) {
  size_t count = 1;
  napi_value argument;
  double time = 0;
  struct alarm *alarm;
  napi_get_cb_info(env, info, &count, &argument, 0, (void **)&alarm);
  napi_get_value_double(env, argument, &time);
  int64_t at = time < 1 ? 1 : (int64_t)time; // 0 would be never
  struct itimerspec once = {.it_value = {at / second, at % second}};
  timerfd_settime(alarm->timer, TFD_TIMER_ABSTIME, &once, 0);
  return 0;
}

// alarm(ring): an alarm's `set`; undefined where the system gives no timer. It keeps no process alive.
static napi_value make_alarm(napi_env env, napi_callback_info info) {
  size_t count = 1;
  napi_value ring, set = 0;
  void *loop;
  struct alarm *alarm = calloc(1, sizeof *alarm);
  if (!alarm) return 0;
  alarm->env = env;
  alarm->timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
  alarm->poll = calloc(1, uv_handle_size(uv_poll));
  napi_get_cb_info(env, info, &count, &ring, 0, 0);
  if (alarm->timer < 0 || !alarm->poll || napi_get_uv_event_loop(env, &loop) != napi_ok || uv_poll_init(loop, alarm->poll, alarm->timer) < 0) {
    if (alarm->timer >= 0) close(alarm->timer);
    free(alarm->poll);
    free(alarm);
    return 0;
  }
  uv_handle_set_data(alarm->poll, alarm);
  uv_poll_start(alarm->poll, uv_readable, rang);
  uv_unref(alarm->poll);
  napi_create_reference(env, ring, 1, &alarm->ring);
  napi_add_async_cleanup_hook(env, end_alarm, alarm, 0);
  napi_create_function(env, "set", (size_t)-1, set_alarm, alarm, &set);
  return set;
}

static void show(napi_env env, napi_value exports, const char *name, napi_callback function) {
  napi_value value;
  napi_create_function(env, name, (size_t)-1, function, 0, &value);
  napi_set_named_property(env, exports, name, value);
}

napi_value napi_register_module_v1(napi_env env, napi_value exports) {
  napi_value value;
  napi_get_boolean(env, is_preloaded, &value);
  napi_set_named_property(env, exports, "isPreloaded", value);
  napi_create_external_arraybuffer(env, arrived, sizeof arrived, 0, 0, &value);
  napi_set_named_property(env, exports, "arrived", value);
  show(env, exports, "watch", watch);
  show(env, exports, "send", send_now);
  show(env, exports, "alarm", make_alarm);
  return exports;
}
