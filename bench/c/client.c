// The limit: what a streaming client in C with nothing but epoll reaches against server.c.
//
//   client PORT --streams N --requests R --tokens T [--ramp-ms M] [--prompt-bytes B] [--kernel-stamps 1]
//
// Keeps N connections, R requests over all of them, one after the other on each; the first ones spread over the ramp. Parses the chunked
// body byte by byte as far as it must, stamps each event with the time of the read that completed it. Prints one line of JSON: events and
// replies per second, CPU seconds per million events, and the errors of its stamps and first tokens against /truth, in microseconds.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"

enum state { HEAD, SIZE, DATA, DATA_END, TRAILER };

typedef struct {
  int fd, request, events, newlines;
  enum state state;
  size_t left;
  unsigned match;
} conn;

typedef struct { ns sent, *stamps; int count; } result;

static int kernel_stamps, streams = 64, requests = 1000, tokens = 200, ramp_ms, prompt_bytes = 64, port, epoll_fd, next_request, done;
static conn *conns;
static result *results;
static char *prompt;

static int dial(void) {
  int fd = socket(AF_INET, SOCK_STREAM, 0), one = 1;
  struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  if (connect(fd, (struct sockaddr *)&to, sizeof to)) { perror("connect"); exit(1); }
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  if (kernel_stamps) stamp_reads(fd);
  return fd;
}

static void ask(conn *c) {
  if (next_request == requests) return;
  c->request = next_request++;
  c->state = HEAD;
  c->match = 0;
  c->events = c->newlines = 0;
  static char *text;
  if (!text) text = malloc((size_t)prompt_bytes + 512);
  char body[128];
  int tail = snprintf(body, sizeof body, "\",\"max_tokens\":%d,\"stream\":true}", tokens);
  int head = sprintf(text, "POST /v1/completions HTTP/1.1\r\nhost: 127.0.0.1\r\nx-request-id: %d\r\ncontent-length: %d\r\n\r\n{\"prompt\":\"%s%s",
                     c->request, prompt_bytes + tail + 11, prompt, body);
  results[c->request].sent = now();
  if (write(c->fd, text, (size_t)head) != head) { perror("write"); exit(1); }
}

static void event_done(conn *c, ns at) {
  if (c->events < tokens) results[c->request].stamps[c->events] = at;
  c->events++;
}

static void readable(conn *c) {
  static char buffer[1 << 16];
  ns at = 0;
  ssize_t n = kernel_stamps ? read_stamped(c->fd, buffer, sizeof buffer, &at) : read(c->fd, buffer, sizeof buffer);
  if (!kernel_stamps) at = now();
  if (n <= 0) { fprintf(stderr, "connection lost\n"); exit(1); }
  for (char *p = buffer, *end = buffer + n; p < end;) {
    switch (c->state) {
    case HEAD:
      c->match = (c->match << 8) | (unsigned char)*p++;
      if (c->match == 0x0d0a0d0a) { c->state = SIZE; c->left = 0; }
      break;
    case SIZE: {
      char ch = *p++;
      if (ch == '\n') c->state = c->left ? DATA : TRAILER;
      else if (ch != '\r') c->left = c->left * 16 + (size_t)(ch <= '9' ? ch - '0' : (ch | 32) - 'a' + 10);
      break;
    }
    case DATA: {
      size_t take = (size_t)(end - p) < c->left ? (size_t)(end - p) : c->left;
      for (char *q = p, *stop = p + take; q < stop;) {
        char *nl = memchr(q, '\n', (size_t)(stop - q));
        if (!nl) { c->newlines = 0; break; }
        if (nl > q) c->newlines = 0;
        if (++c->newlines == 2) { event_done(c, at); c->newlines = 0; }
        q = nl + 1;
      }
      p += take;
      c->left -= take;
      if (!c->left) { c->state = DATA_END; c->left = 2; }
      break;
    }
    case DATA_END:
      p++;
      if (!--c->left) c->state = SIZE;
      break;
    case TRAILER:
      if (*p++ == '\n') {
        results[c->request].count = c->events - 2; // usage and [DONE]
        done++;
        ask(c);
      }
    }
  }
}

static int ascending(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static double at_share(double *values, size_t n, double share) {
  size_t rank = (size_t)(share * (double)n + 0.999999);
  return n ? values[rank ? rank - 1 : 0] : 0;
}

// Reads /truth on a connection of its own and compares.
static void compare(void) {
  int fd = dial();
  const char get[] = "GET /truth HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n";
  if (write(fd, get, sizeof get - 1) < 0) exit(1);
  size_t cap = 1 << 20, len = 0, whole = 0;
  char *text = malloc(cap + 1), *body = NULL;
  while (!whole || len < whole) {
    if (len + 65536 > cap) text = realloc(text, (cap *= 2) + 1);
    ssize_t n = read(fd, text + len, cap - len);
    if (n <= 0) break;
    len += (size_t)n;
    text[len] = 0;
    char *end = strstr(text, "\r\n\r\n");
    if (!whole && end) whole = (size_t)(end + 4 - text) + strtoul(strcasestr(text, "content-length:") + 15, NULL, 10);
  }
  body = strstr(text, "\r\n\r\n") + 4;
  size_t most = (size_t)requests * (size_t)tokens + 1;
  double *errors = malloc(sizeof(double) * most), *steady = malloc(sizeof(double) * most), *firsts = malloc(sizeof(double) * ((size_t)requests + 1));
  ns *times = malloc(sizeof(ns) * most), steady_from = 0, steady_to = INT64_MAX; // every stream is under way
  size_t errors_n = 0, steady_n = 0, firsts_n = 0;
  for (char *line = body; line < text + len && *line;) {
    char *rest;
    long id = strtol(line, &rest, 10);
    ns received = strtoll(rest, &rest, 10);
    result *r = &results[id];
    ns written = 0;
    for (int i = 0; *rest == ' '; i++) {
      written = strtoll(rest, &rest, 10);
      if (i >= tokens) continue;
      if (i == 0 && written > steady_from) steady_from = written;
      times[errors_n] = written;
      errors[errors_n++] = (double)(r->stamps[i] - written) / 1e3;
      if (i == 0) firsts[firsts_n++] = (double)((r->stamps[0] - r->sent) - (written - received)) / 1e3;
    }
    if (written < steady_to) steady_to = written;
    line = rest + 1;
  }
  for (size_t i = 0; i < errors_n; i++)
    if (times[i] >= steady_from && times[i] <= steady_to) steady[steady_n++] = errors[i];
  qsort(steady, steady_n, sizeof(double), ascending);
  qsort(errors, errors_n, sizeof(double), ascending);
  qsort(firsts, firsts_n, sizeof(double), ascending);
  if (!errors_n) return; // in bulk the server keeps no truth
  printf(",\"stamp_error_us\":{\"n\":%zu,\"p50\":%.1f,\"p99\":%.1f,\"max\":%.1f}", errors_n, at_share(errors, errors_n, .5),
         at_share(errors, errors_n, .99), at_share(errors, errors_n, 1));
  if (steady_n)
    printf(",\"steady_error_us\":{\"n\":%zu,\"p50\":%.1f,\"p99\":%.1f,\"max\":%.1f}", steady_n, at_share(steady, steady_n, .5),
           at_share(steady, steady_n, .99), at_share(steady, steady_n, 1));
  printf(",\"ttft_error_us\":{\"n\":%zu,\"p50\":%.1f,\"p99\":%.1f,\"max\":%.1f}", firsts_n, at_share(firsts, firsts_n, .5),
         at_share(firsts, firsts_n, .99), at_share(firsts, firsts_n, 1));
}

int main(int argc, char **argv) {
  port = argc > 1 ? atoi(argv[1]) : 0;
  for (int i = 2; i + 1 < argc; i += 2) {
    int value = atoi(argv[i + 1]);
    if (!strcmp(argv[i], "--streams")) streams = value;
    else if (!strcmp(argv[i], "--requests")) requests = value;
    else if (!strcmp(argv[i], "--tokens")) tokens = value;
    else if (!strcmp(argv[i], "--ramp-ms")) ramp_ms = value;
    else if (!strcmp(argv[i], "--kernel-stamps")) kernel_stamps = value;
    else if (!strcmp(argv[i], "--prompt-bytes")) prompt_bytes = value;
    else { fprintf(stderr, "unknown flag %s\n", argv[i]); return 2; }
  }
  struct rlimit limit;
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
  prompt = malloc((size_t)prompt_bytes + 1);
  memset(prompt, 'x', (size_t)prompt_bytes);
  prompt[prompt_bytes] = 0;
  results = calloc((size_t)requests, sizeof(result));
  for (int i = 0; i < requests; i++) results[i].stamps = malloc(sizeof(ns) * (size_t)tokens);
  conns = calloc((size_t)streams, sizeof(conn));
  epoll_fd = epoll_create1(0);
  for (int i = 0; i < streams; i++) {
    conns[i].fd = dial();
    struct epoll_event e = {.events = EPOLLIN, .data.ptr = &conns[i]};
    epoll_ctl(epoll_fd, EPOLL_CTL_ADD, conns[i].fd, &e);
  }
  ns began = now();
  static struct epoll_event ready[1024];
  for (int started = 0; done < requests;) {
    int wait = -1;
    while (started < streams) {
      ns due = began + (ns)ramp_ms * 1000000 * started / streams;
      if (due > now()) { wait = (int)((due - now()) / 1000000); break; }
      ask(&conns[started++]);
    }
    int n = epoll_wait(epoll_fd, ready, 1024, wait);
    for (int i = 0; i < n; i++) readable(ready[i].data.ptr);
  }
  double seconds = (double)(now() - began) / 1e9;
  struct rusage used;
  getrusage(RUSAGE_SELF, &used);
  double cpu = (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) + (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
  double events = (double)requests * tokens;
  printf("{\"seconds\":%.3f,\"events_per_second\":%.0f,\"replies_per_second\":%.0f,\"cpu_seconds_per_million\":%.3f,\"rss_mib\":%.1f", seconds,
         events / seconds, requests / seconds, cpu / events * 1e6, (double)used.ru_maxrss / 1024);
  compare();
  printf("}\n");
  return 0;
}
