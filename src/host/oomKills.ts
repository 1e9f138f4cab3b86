import { readFileSync } from "node:fs";

/**
 * How often the kernel has killed somebody of our control group for want of memory; undefined where it does not tell.
 * Engines are started in the same group, so a count that has grown names the cause of a death that otherwise is just "Killed".
 */
export function oomKills(read: (path: string) => string | undefined = text): number | undefined {
  for (const path of counters(read("/proc/self/cgroup") ?? "")) {
    const count = /^oom_kill (\d+)$/m.exec(read(path) ?? "")?.[1];
    if (count !== undefined) return Number(count);
  }
  return undefined;
}

/** A container mounts its own group where the machine has the root of all. */
function counters(groups: string): readonly string[] {
  const unified = /^0::(.*)$/m.exec(groups)?.[1] ?? "/";
  const memory = /^\d+:(?:[\w,]*,)?memory(?:,[\w,]*)?:(.*)$/m.exec(groups)?.[1] ?? "/";
  return [
    `/sys/fs/cgroup${unified === "/" ? "" : unified}/memory.events`,
    "/sys/fs/cgroup/memory.events",
    `/sys/fs/cgroup/memory${memory === "/" ? "" : memory}/memory.oom_control`,
    "/sys/fs/cgroup/memory/memory.oom_control",
  ];
}

function text(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined; // no such group, no such kernel
  }
}
