import { expect, test } from "vitest";
import { oomKills } from "./oomKills.ts";

function machine(files: Readonly<Record<string, string>>): (path: string) => string | undefined {
  return (path) => files[path];
}

const events = "low 0\nhigh 0\nmax 31\noom 2\noom_kill 2\noom_group_kill 0\n";

test("the kernel's own count, of our own control group", () => {
  expect(
    oomKills(machine({ "/proc/self/cgroup": "0::/user.slice/x.scope\n", "/sys/fs/cgroup/user.slice/x.scope/memory.events": events })),
  ).toBe(2);
  expect(oomKills(machine({ "/proc/self/cgroup": "0::/docker/abc\n", "/sys/fs/cgroup/memory.events": events }))).toBe(2); // inside a container
  const older = {
    "/proc/self/cgroup": "4:memory:/jobs/7\n1:cpu:/\n",
    "/sys/fs/cgroup/memory/jobs/7/memory.oom_control": "oom_kill_disable 0\nunder_oom 0\noom_kill 5\n",
  };
  expect(oomKills(machine(older))).toBe(5);
});

test("where nobody counts there is no number", () => {
  expect(oomKills(machine({}))).toBeUndefined();
  expect(oomKills(machine({ "/sys/fs/cgroup/memory.events": "low 0\n" }))).toBeUndefined();
});
