// The clock that server and clients share, and when the kernel had something, on that clock.
#include <stdint.h>
#include <sys/socket.h>
#include <time.h>

typedef int64_t ns;

static ns now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (ns)t.tv_sec * 1000000000 + t.tv_nsec;
}

// Sockets that are read with read_stamped.
static inline void stamp_reads(int fd) {
  int one = 1;
  setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &one, sizeof one);
}

// When the kernel had the bytes (SO_TIMESTAMPNS), moved from the wall clock to ours; now, where it does not say.
static inline ssize_t read_stamped(int fd, char *buffer, size_t size, ns *at) {
  char control[128];
  struct iovec into = {buffer, size};
  struct msghdr message = {.msg_iov = &into, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
  ssize_t n = recvmsg(fd, &message, 0);
  struct timespec wall, *stamp;
  *at = now();
  clock_gettime(CLOCK_REALTIME, &wall);
  ns ahead = (ns)wall.tv_sec * 1000000000 + wall.tv_nsec - *at;
  for (struct cmsghdr *c = CMSG_FIRSTHDR(&message); n > 0 && c; c = CMSG_NXTHDR(&message, c))
    if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_TIMESTAMPNS) {
      stamp = (struct timespec *)CMSG_DATA(c);
      *at = (ns)stamp->tv_sec * 1000000000 + stamp->tv_nsec - ahead;
    }
  return n;
}
