import { execFileSync } from "node:child_process";

import { expect, test } from "vitest";

/** In a process of its own, where nobody else holds anything: whether V8 has optimised code of some functions, before and after. */
const program = `
  import { collectGarbage } from "${import.meta.resolve("../host/collectGarbage.ts")}";
  import { punctualClock } from "${import.meta.resolve("../host/realClock.ts")}";
  import { journalOfNothing } from "${import.meta.resolve("../journal/write.ts")}";
  import { rehearse } from "${import.meta.resolve("./rehearsal.ts")}";
  import { ReplyReader } from "${import.meta.resolve("./replyReader.ts")}";
  import { BodyReader } from "${import.meta.resolve("../http/bodyReader.ts")}";

  const optimised = 1 << 4; // V8's OptimizationStatus
  const areOptimised = () => [BodyReader.prototype.readChunked, ReplyReader.prototype.event]
    .map((each) => (%GetOptimizationStatus(each) & optimised) !== 0);
  await rehearse({ clock: punctualClock(), recorders: [journalOfNothing({ worker: 1 })] });
  const before = areOptimised();
  for (let times = 0; times < 5; times++) {
    await new Promise((resolve) => setTimeout(resolve, 10));
    collectGarbage();
  }
  console.log(JSON.stringify({ before, after: areOptimised() }));
  process.exit();
`;

test("what the rehearsal has compiled outlives the collections of garbage before the load", () => {
  const said = execFileSync(
    process.execPath,
    ["--allow-natives-syntax", "--no-concurrent-recompilation", "--input-type=module", "-e", program],
    { encoding: "utf8" },
  );
  expect(JSON.parse(said)).toEqual({ before: [true, true], after: [true, true] });
});
