// A completions server that knows when it wrote what: the truth that clients are measured against.
//
//   server [--first-us N] [--gap-us N] [--per-write N] [--fail-percent N]     prints its port
//
// POST /v1/completions streams max_tokens events. With --gap-us 0 they come as fast as the socket takes them, --per-write events to a
// write; else the first event is due first-us after the kernel had the request and one more every gap-us. CLOCK_MONOTONIC is read just before
// each write. GET /truth returns what was written on a timetable since it was last asked,
// a line a request: ID RECEIVED STAMP STAMP …, in nanoseconds; GET /late the share of tokens that were more than half a gap late for it.
// --fail-percent of the requests, evenly, are answered with 500 instead and
// have no stamps. A completion that is not streamed is one token at once, no part of the truth; whatever else is asked gets the list of models.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"

static ns first_ns = 100 * 1000000L, gap_ns = 20 * 1000000L;
static long on_time, late;
static int per_write = 64, fail_percent = 0;

typedef struct {
  int fd;
  char *in;               // what was read and not yet understood
  size_t in_len, in_cap;
  char *out;              // what the socket did not take
  size_t out_len, out_sent, out_cap;
  int tokens, written;    // of the reply under way; tokens 0 when there is none
  int writing;            // EPOLLOUT is asked for
  ns received, *stamps;
  int stamps_cap;
  char id[64];
} conn;

static conn *conns;
static int epoll_fd, conns_cap;

// Streams in the order in which their next token is due.
typedef struct { ns due; int fd; } wake;
static wake *heap;
static int heap_len, heap_cap;

static void heap_push(ns due, int fd) {
  if (heap_len == heap_cap) heap = realloc(heap, sizeof(wake) * (heap_cap = heap_cap ? heap_cap * 2 : 1024));
  int i = heap_len++;
  while (i && heap[(i - 1) / 2].due > due) { heap[i] = heap[(i - 1) / 2]; i = (i - 1) / 2; }
  heap[i] = (wake){due, fd};
}

static wake heap_pop(void) {
  wake top = heap[0], last = heap[--heap_len];
  int i = 0;
  for (;;) {
    int child = 2 * i + 1;
    if (child >= heap_len) break;
    if (child + 1 < heap_len && heap[child + 1].due < heap[child].due) child++;
    if (heap[child].due >= last.due) break;
    heap[i] = heap[child];
    i = child;
  }
  if (heap_len) heap[i] = last;
  return top;
}

static char *truth;
static size_t truth_len, truth_cap;

static void truth_add(const char *text, size_t len) {
  if (truth_len + len > truth_cap) truth = realloc(truth, truth_cap = (truth_len + len) * 2 + 4096);
  memcpy(truth + truth_len, text, len);
  truth_len += len;
}

static void truth_of(conn *c) {
  char text[96];
  truth_add(text, (size_t)snprintf(text, sizeof text, "%s %lld", c->id[0] ? c->id : "-", (long long)c->received));
  for (int i = 0; i < c->tokens; i++) truth_add(text, (size_t)snprintf(text, sizeof text, " %lld", (long long)c->stamps[i]));
  truth_add("\n", 1);
}

static const char head[] =
    "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nx-tandem-simulated: true\r\ntransfer-encoding: chunked\r\n\r\n";
static const char event[] =
    "60\r\ndata: {\"object\":\"text_completion\",\"choices\":[{\"index\":0,\"text\":\" word\",\"finish_reason\":null}]}\n\n\r\n";

static void watch_writable(conn *c, int on) {
  if (c->writing == on) return;
  c->writing = on;
  struct epoll_event e = {.events = EPOLLIN | (on ? EPOLLOUT : 0), .data.fd = c->fd};
  epoll_ctl(epoll_fd, EPOLL_CTL_MOD, c->fd, &e);
}

static void out_add(conn *c, const char *text, size_t len) {
  if (c->out_len + len > c->out_cap) c->out = realloc(c->out, c->out_cap = (c->out_len + len) * 2);
  memcpy(c->out + c->out_len, text, len);
  c->out_len += len;
}

static void flush_out(conn *c) {
  while (c->out_sent < c->out_len) {
    ssize_t n = write(c->fd, c->out + c->out_sent, c->out_len - c->out_sent);
    if (n < 0) break;
    c->out_sent += (size_t)n;
  }
  if (c->out_sent == c->out_len) c->out_sent = c->out_len = 0;
  watch_writable(c, c->out_len > 0);
}

static void finish(conn *c) {
  char tail[256], usage[160];
  int n = snprintf(usage, sizeof usage,
                   "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":0,\"completion_tokens\":%d,\"total_tokens\":%d}}\n\n", c->tokens, c->tokens);
  n = snprintf(tail, sizeof tail, "%x\r\n%s\r\ne\r\ndata: [DONE]\n\n\r\n0\r\n\r\n", n, usage);
  out_add(c, tail, (size_t)n);
  if (gap_ns) truth_of(c); // in bulk nobody asks, and writing it down would be most of the work
  c->tokens = 0;
}

// Writes the next token, or in bulk as many as go; true when the reply is complete.
static void tokens_out(conn *c) {
  int bulk = gap_ns == 0;
  while (c->tokens && c->written < c->tokens) {
    if (bulk && c->out_len > 0) return;
    int many = bulk ? per_write : 1;
    if (many > c->tokens - c->written) many = c->tokens - c->written;
    ns at = now();
    if (!bulk) *(at - c->received - first_ns - c->written * gap_ns > gap_ns / 2 ? &late : &on_time) += 1;
    if (c->written == 0) out_add(c, head, sizeof head - 1);
    for (int i = 0; i < many; i++) {
      c->stamps[c->written++] = at;
      out_add(c, event, sizeof event - 1);
    }
    if (c->written == c->tokens) finish(c);
    flush_out(c);
    if (!bulk) break;
  }
  if (!bulk && c->tokens) heap_push(c->received + first_ns + c->written * gap_ns, c->fd);
}

static const char *find_header(const char *from, const char *end, const char *name) {
  size_t len = strlen(name);
  for (const char *line = memmem(from, (size_t)(end - from), "\r\n", 2); line; line = memmem(line + 2, (size_t)(end - line - 2), "\r\n", 2))
    if ((size_t)(end - line) > len + 3 && strncasecmp(line + 2, name, len) == 0 && line[2 + len] == ':') {
      const char *value = line + 3 + len;
      while (*value == ' ') value++;
      return value;
    }
  return NULL;
}

static void simple_reply(conn *c, const char *status, const char *type, const char *body, size_t len) {
  char text[160];
  out_add(c, text, (size_t)snprintf(text, sizeof text, "HTTP/1.1 %s\r\ncontent-type: %s\r\ncontent-length: %zu\r\n\r\n", status, type, len));
  out_add(c, body, len);
  flush_out(c);
}

static void json_reply(conn *c, const char *status, const char *body) {
  simple_reply(c, status, "application/json", body, strlen(body));
}

static int is_streamed(const char *body, size_t len) {
  const char *value = memmem(body, len, "\"stream\":", 9);
  return value && value[9 + (value[9] == ' ')] == 't';
}

static int is_to_fail(void) {
  static int requests;
  int before = requests * fail_percent / 100;
  return ++requests * fail_percent / 100 > before;
}

static void understand(conn *c, ns at) {
  for (;;) {
    if (c->tokens) return; // one reply at a time on a connection
    char *end = memmem(c->in, c->in_len, "\r\n\r\n", 4);
    if (!end) return;
    const char *length = find_header(c->in, end, "content-length");
    size_t body = length ? strtoul(length, NULL, 10) : 0, whole = (size_t)(end + 4 - c->in) + body;
    if (c->in_len < whole) return;
    int is_truth = strncmp(c->in, "GET /truth", 10) == 0, is_late = strncmp(c->in, "GET /late", 9) == 0, is_completion = strncmp(c->in, "POST /v1/completions", 20) == 0;
    int is_streaming = is_completion && is_streamed(end, body + 4);
    if (is_streaming) {
      const char *max = memmem(end, body + 4, "\"max_tokens\":", 13), *id = find_header(c->in, end, "x-request-id");
      c->tokens = max ? atoi(max + 13) : 1;
      c->written = 0;
      c->received = at;
      c->id[0] = 0;
      if (id) { size_t n = strcspn(id, "\r"); if (n > 63) n = 63; memcpy(c->id, id, n); c->id[n] = 0; }
      if (is_to_fail()) c->tokens = 0;
      if (c->tokens > c->stamps_cap) c->stamps = realloc(c->stamps, sizeof(ns) * (size_t)(c->stamps_cap = c->tokens));
    }
    memmove(c->in, c->in + whole, c->in_len - whole);
    c->in_len -= whole;
    if (is_truth) { simple_reply(c, "200 OK", "text/plain", truth, truth_len); truth_len = 0; }
    else if (is_late) { char text[32]; simple_reply(c, "200 OK", "text/plain", text, (size_t)snprintf(text, sizeof text, "%g", late ? (double)late / (double)(late + on_time) : 0.0)); }
    else if (is_completion && !is_streaming) json_reply(c, "200 OK", "{\"object\":\"text_completion\",\"choices\":[{\"index\":0,\"text\":\" word\",\"finish_reason\":\"length\"}],\"usage\":{\"prompt_tokens\":1,\"completion_tokens\":1,\"total_tokens\":2}}");
    else if (!is_completion) json_reply(c, "200 OK", "{\"object\":\"list\",\"data\":[{\"id\":\"truth\",\"object\":\"model\",\"max_model_len\":1000000}]}");
    else if (c->tokens == 0) { truth_of(c); json_reply(c, "500 Internal Server Error", "{\"error\":{\"message\":\"as asked for\",\"type\":\"server_error\"}}"); }
    else if (gap_ns == 0) tokens_out(c);
    else heap_push(at + first_ns, c->fd);
  }
}

static void hang_up(conn *c) {
  close(c->fd);
  free(c->in); free(c->out); free(c->stamps);
  int fd = c->fd;
  for (int i = 0; i < heap_len; i++) if (heap[i].fd == fd) heap[i].fd = -1;
  memset(c, 0, sizeof *c);
  c->fd = -1;
}

static void readable(conn *c) {
  for (;;) {
    if (c->in_len + 65536 > c->in_cap) c->in = realloc(c->in, c->in_cap = (c->in_len + 65536) * 2);
    ns at;
    ssize_t n = read_stamped(c->fd, c->in + c->in_len, c->in_cap - c->in_len, &at);
    if (n > 0) { c->in_len += (size_t)n; understand(c, at); if ((size_t)n < 65536) return; }
    else { if (n == 0 || (errno != EAGAIN && errno != EINTR)) hang_up(c); return; }
  }
}

static void welcome(int listener) {
  int fd;
  while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
    if (fd >= conns_cap) { close(fd); continue; }
    int one = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    stamp_reads(fd);
    conns[fd] = (conn){.fd = fd};
    struct epoll_event e = {.events = EPOLLIN, .data.fd = fd};
    epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &e);
  }
}

int main(int argc, char **argv) {
  prctl(PR_SET_PDEATHSIG, SIGKILL); // whoever started it may be killed, and it would serve nobody for ever
  for (int i = 1; i + 1 < argc; i += 2) {
    if (!strcmp(argv[i], "--first-us")) first_ns = atol(argv[i + 1]) * 1000;
    else if (!strcmp(argv[i], "--gap-us")) gap_ns = atol(argv[i + 1]) * 1000;
    else if (!strcmp(argv[i], "--per-write")) per_write = atoi(argv[i + 1]);
    else if (!strcmp(argv[i], "--fail-percent")) fail_percent = atoi(argv[i + 1]);
    else { fprintf(stderr, "unknown flag %s\n", argv[i]); return 2; }
  }
  signal(SIGPIPE, SIG_IGN);
  struct rlimit limit;
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
  conns_cap = limit.rlim_cur > 65536 ? 65536 : (int)limit.rlim_cur;
  conns = calloc((size_t)conns_cap, sizeof(conn));
  int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t size = sizeof address;
  if (bind(listener, (struct sockaddr *)&address, size) || listen(listener, 4096)) { perror("listen"); return 1; }
  getsockname(listener, (struct sockaddr *)&address, &size);
  printf("%d\n", ntohs(address.sin_port));
  fflush(stdout);
  epoll_fd = epoll_create1(0);
  struct epoll_event e = {.events = EPOLLIN, .data.fd = listener};
  epoll_ctl(epoll_fd, EPOLL_CTL_ADD, listener, &e);
  static struct epoll_event ready[1024];
  for (;;) {
    struct timespec wait, *timeout = NULL;
    if (heap_len) {
      ns left = heap[0].due - now();
      if (left < 0) left = 0;
      wait = (struct timespec){left / 1000000000, left % 1000000000};
      timeout = &wait;
    }
    int n = epoll_pwait2(epoll_fd, ready, 1024, timeout, NULL);
    for (int i = 0; i < n; i++) {
      int fd = ready[i].data.fd;
      if (fd == listener) { welcome(listener); continue; }
      conn *c = &conns[fd];
      if (ready[i].events & EPOLLOUT) { flush_out(c); if (gap_ns == 0) tokens_out(c); }
      if (c->fd == fd && ready[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) readable(c);
      if (c->fd == fd && !c->tokens && c->in_len) understand(c, now());
    }
    for (ns at = now(); heap_len && heap[0].due <= at;) {
      wake w = heap_pop();
      if (w.fd >= 0 && conns[w.fd].fd == w.fd && conns[w.fd].tokens) tokens_out(&conns[w.fd]);
    }
  }
}
