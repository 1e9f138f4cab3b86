import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";

import { expect, test } from "vitest";

const program = fileURLToPath(new URL("./containerGuardProcess.ts", import.meta.url));

test("a daemon that is away while its harness dies, and then not ready, is asked until it has said that nobody is left", async () => {
  const directory = mkdtempSync(join(tmpdir(), "tandem-guard-"));
  const socket = join(directory, "d.sock");
  const id = "a".repeat(64);
  const removed: string[] = [];
  let isStarting = true;
  const daemon = createServer(({ method = "", url = "" }, response) => {
    if (method === "DELETE") removed.push(url);
    const list = removed.length > 0 ? [] : [{ Id: id }];
    response.writeHead(isStarting ? 503 : 200).end(isStarting ? '{"message":"starting"}' : JSON.stringify(list));
  });
  try {
    const guard = spawn(process.execPath, [program, socket, "mark"], { stdio: ["pipe", "ignore", "ignore"] });
    const ended = once(guard, "exit");
    guard.stdin.end();
    await pause(3_000);
    await once(daemon.listen(socket), "listening");
    await pause(2_500);
    isStarting = false;
    expect(await ended).toEqual([0, null]);
    expect(removed).toEqual([`/containers/${id}?force=true&v=true`]);
  } finally {
    daemon.close();
    rmSync(directory, { recursive: true });
  }
}, 20_000);
