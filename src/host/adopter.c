// adopter PROGRAM ARGUMENT…: becomes the program, to which from then on the kernel gives the orphans among its descendants (to init else). So whoever
// leaves its session and its environment behind, and whose parent has ended, still descends from it, as long as it lives.
// Built by scripts/ready.sh. File 3 is a pipe: closed when the program runs, told the error's number where it cannot.
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <unistd.h>

enum { told = 3 };

int main(int count, char **arguments) {
  if (count < 2) return 2;
  fcntl(told, F_SETFD, FD_CLOEXEC);
  prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); // where it is refused, all is as without
  execvp(arguments[1], arguments + 1);
  dprintf(told, "%d", errno);
  return 127;
}
