import { writeSync } from "node:fs";
import { HarnessError } from "../model/harnessError.ts";
import { describedTest, documentQuestions } from "./fixture.ts";
import { openJournal } from "./write.ts";

// For crash.test.ts: one open stream, stamped and flushed until somebody or something puts an end to it.
// Says on stdout how many stamps are flushed, or what stopped it.
const [directory = ""] = process.argv.slice(2);
const journal = openJournal(directory);
journal.describe(describedTest(1));
journal.workload(0, documentQuestions(1), "hash");
const exchange = journal.due({ experiment: 0, block: 0, engine: "plain", request: 0, start: 0, due: 0 });

function say(line: string): void {
  writeSync(1, `${line}\n`);
}

try {
  for (let stamps = 1; ; stamps++) {
    journal.stamp(exchange, "text", stamps, 1);
    if (stamps % 1_000 !== 0) continue;
    journal.flush();
    say(String(stamps));
  }
} catch (error) {
  if (!(error instanceof HarnessError)) throw error;
  say(JSON.stringify({ code: error.code, message: error.message, hint: error.hint }));
}
