import { expect, test } from "vitest";

import { wrappedMessage } from "./wrapped.ts";

test("a message goes on two columns further in, where its line has no more room; what has room is left as it is", () => {
  expect(wrappedMessage("  warning: the engine\nis slow", 80)).toBe("  warning: the engine\nis slow");
  expect(wrappedMessage("  warning: the engine is slow now", 21)).toBe("  warning: the engine\n    is slow now");
});

test("a path is not broken, nor a command that follows a colon: they are copied", () => {
  expect(wrappedMessage("the log is /a/very/long/path/to/a/log", 20)).toBe("the log is\n  /a/very/long/path/to/a/log");
  expect(wrappedMessage("  free some space, then: tandem report outputs/runs", 24)).toBe(
    "  free some space, then:\n    tandem report outputs/runs",
  );
});

test("what is quoted stays as it is: an engine's last lines, its command, a stack, the commands of a setup", () => {
  for (const line of [
    "    | a line of a log",
    "    command: vllm serve m --port 8000",
    "    at run (main.ts:1:1)",
    "     python3 -m venv /opt/v",
  ])
    expect(wrappedMessage(line, 12)).toBe(line);
});
