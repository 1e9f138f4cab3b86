// A program of its own: `node containerGuardProcess.ts SOCKET MARK`, started by containerGuard.ts with a pipe as its stdin.
import { request } from "node:http";
import { setTimeout as pause } from "node:timers/promises";

/** A container may just be being made while its harness dies; nobody seen for so long is nobody left. */
const quietMilliseconds = 2_000;
const patienceMilliseconds = 60_000;

const [socketPath, mark] = process.argv.slice(2);
if (socketPath !== undefined && mark !== undefined) {
  await theEnd();
  await removeAll(socketPath, `tandem.harness=${mark}`);
}

async function theEnd(): Promise<void> {
  try {
    for await (const _nothing of process.stdin);
  } catch {
    // A broken pipe is the end as well.
  }
}

async function removeAll(socket: string, label: string): Promise<void> {
  const began = Date.now();
  const filters = encodeURIComponent(JSON.stringify({ label: [label] }));
  for (let lastSeen = began; Date.now() - lastSeen < quietMilliseconds && Date.now() - began < patienceMilliseconds; await pause(250)) {
    const left = idsIn(await answer(socket, "GET", `/containers/json?all=true&filters=${filters}`));
    if (left.length > 0) lastSeen = Date.now();
    for (const id of left) await answer(socket, "DELETE", `/containers/${id}?force=true&v=true`);
  }
}

/** Empty where the daemon does not answer: it may be restarting, and is asked again. */
async function answer(socketPath: string, method: string, path: string): Promise<string> {
  return new Promise((onAnswer) => {
    const asking = request({ socketPath, method, path, timeout: 30_000 }, (response) => {
      let text = "";
      response.setEncoding("utf8");
      response.on("data", (piece: string) => (text += piece));
      response.on("end", () => onAnswer(text));
      response.on("error", () => onAnswer(""));
    });
    asking.on("timeout", () => asking.destroy());
    asking.on("error", () => onAnswer(""));
    asking.end();
  });
}

function idsIn(text: string): readonly string[] {
  return [...text.matchAll(/"Id":"([0-9a-f]{64})"/g)].map(([, id = ""]) => id);
}
