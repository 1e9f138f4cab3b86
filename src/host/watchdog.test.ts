import { spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { existsSync, rmSync } from "node:fs";
import { fileURLToPath } from "node:url";

import { expect, test } from "vitest";

import { bench, until } from "../launch/fixture.ts";

test.runIf(process.platform === "linux")(
  "when its pipe ends, whoever has the mark is killed, and the shared memory they made is removed",
  async () => {
    using at = bench();
    const [mark, shared] = [`TANDEM_RUN=${randomUUID()}`, `/dev/shm/tandem-test-${randomUUID()}`];
    const watchdog = spawn(process.execPath, [fileURLToPath(new URL("watchdogProcess.ts", import.meta.url)), mark], {
      env: {},
      stdio: ["pipe", "ignore", "ignore"],
    });
    const [name = "", value] = mark.split("=");
    const held = spawn(process.execPath, [at.file("holds.mjs")], {
      cwd: at.directory,
      env: { [name]: value, HELD: shared },
      stdio: "ignore",
    });
    await until(() => existsSync(at.file(`held-${held.pid}`)));
    const killed = once(held, "exit");
    watchdog.stdin.end();
    expect(await killed).toEqual([null, "SIGKILL"]);
    await once(watchdog, "exit");
    const isLeft = existsSync(shared);
    rmSync(shared, { force: true });
    expect(isLeft).toBe(false);
  },
);
