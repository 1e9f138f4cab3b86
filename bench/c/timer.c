// The machine's own lateness: a loop that does nothing but sleep until the next moment of a schedule, and spin for the last bit of it.
//
//   timer --rate R --seconds S      prints one line of JSON: how late it woke, in microseconds
#define _GNU_SOURCE
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

typedef int64_t ns;

static ns now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (ns)t.tv_sec * 1000000000 + t.tv_nsec;
}

static int ascending(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

int main(int argc, char **argv) {
  int rate = 1000, seconds = 5;
  for (int i = 1; i + 1 < argc; i += 2) {
    if (!strcmp(argv[i], "--rate")) rate = atoi(argv[i + 1]);
    else if (!strcmp(argv[i], "--seconds")) seconds = atoi(argv[i + 1]);
    else { fprintf(stderr, "unknown flag %s\n", argv[i]); return 2; }
  }
  size_t n = (size_t)rate * (size_t)seconds;
  double *late = malloc(sizeof(double) * n);
  ns start = now() + 20000000;
  for (size_t i = 0; i < n; i++) {
    ns due = start + (ns)i * 1000000000 / rate, sleep_until = due - 300000;
    struct timespec t = {sleep_until / 1000000000, sleep_until % 1000000000};
    if (sleep_until > now()) clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL);
    while (now() < due) {}
    late[i] = (double)(now() - due) / 1e3;
  }
  qsort(late, n, sizeof(double), ascending);
  printf("{\"send_lag_us\":{\"n\":%zu,\"p50\":%.1f,\"p99\":%.1f,\"p999\":%.1f,\"max\":%.1f}}\n", n, late[n / 2], late[n * 99 / 100], late[n * 999 / 1000],
         late[n - 1]);
  return 0;
}
