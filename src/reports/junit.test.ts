import { expect, test } from "vitest";

import { fixture } from "./fixture.ts";
import { junitOfUnrun, junitText } from "./junit.ts";

const small = { contexts: [8_192], requests: 3 };

function casesIn(text: string): readonly string[] {
  return Array.from(text.matchAll(/<testcase classname="[^"]*" name="([^"]*)"><([a-z-]+)/g), ([, name, ends]) => `${name}: ${ends}`);
}

test("a check that is not met fails, and what cannot be decided is skipped", () => {
  const cases = casesIn(junitText(fixture(small)));
  expect(cases.slice(0, 3)).toEqual([
    "it can be believed: system-out",
    "every request succeeds: system-out",
    "a cached prefix halves the wait: failure",
  ]);
  expect(cases).toContain("cached against plain: time to first token, warm: skipped"); // three pairs decide nothing
});

test("what came out worse fails only where the run was told to fail on it, as its exit code does", () => {
  const slow = fixture({ contexts: [8_192], requests: 100, ttft: ({ engine, request }) => (engine === "cached" ? 2 : 1) + request / 1e6 });
  const worse = { ...slow, verdicts: [] };
  expect(junitText(worse)).toContain('failures="0"');
  const asked = junitText({ ...worse, manifest: { ...worse.manifest, failOn: "worse" } });
  expect(asked).toMatch(/name="cached against plain: time to first token, warm"><failure message="worse: [^"]+"/);
});

test("a gate that could not tell is a case that was skipped, and says so", () => {
  const { manifest, ...rest } = fixture(small);
  expect(casesIn(junitText({ ...rest, manifest }))).not.toContain("--fail-on could tell: skipped");
  const asked = junitText({ ...rest, manifest: { ...manifest, failOn: "worse" } });
  expect(casesIn(asked).at(-1)).toBe("--fail-on could tell: skipped");
  expect(asked).toContain('<skipped message="--fail-on worse could not tell: its 4 comparisons are inconclusive');
});

test("a run that cannot be believed is an error, and no verdict is given", () => {
  const damaged = { ...fixture({ contexts: [8_192] }), damaged: ["stamps-1.arrow"] }; // one engine is better than the other
  for (const result of [fixture({ ...small, ttft: () => undefined }), damaged]) {
    const [first, ...others] = casesIn(junitText(result));
    expect(first).toBe("it can be believed: error");
    expect(others.filter((one) => !one.endsWith(": skipped"))).toEqual([]);
  }
});

test("a run that is DEGRADED passes, with its reasons, and its verdicts stand", () => {
  const { description, ...result } = fixture(small);
  const text = junitText({ ...result, description: { ...description, calibration: "off" } });
  expect(casesIn(text).slice(0, 3)).toEqual([
    "it can be believed: system-out",
    "every request succeeds: system-out",
    "a cached prefix halves the wait: failure",
  ]);
  expect(text).toContain("<system-out>DEGRADED&#10;the harness's own error is not known");
});

test("an old file is told from a new one by when and where its run began, and how long it took; in virtual time there is no such thing", () => {
  const { manifest, ...result } = fixture(small);
  const text = junitText({ ...result, manifest: { ...manifest, host: { name: "ci-7" } } });
  expect(text).toContain('skipped="4" timestamp="2026-11-24T10:00:00" time="80.000" hostname="ci-7">');
  expect(junitText({ ...result, manifest: { ...manifest, startedAt: "unknown" } })).toContain('skipped="4" time="80.000">');
  const second = junitText(fixture({ ...small, contexts: [8_192, 16_384] })).split("<testsuite ")[2];
  expect(second).toContain('time="80.000"'); // of its own, and not since the run began
  expect(junitText(fixture({ ...small, virtual: true }))).toMatch(/skipped="4">/);
});

test("a test that was not begun is one error, or one that was skipped, and says why", () => {
  const { manifest } = fixture(small);
  const blocked = junitOfUnrun("test_a", { ends: "error", says: "no <server>\n  start it" }, manifest);
  expect(blocked).toContain('tests="1" failures="0" errors="1" skipped="0" timestamp="2026-11-24T10:00:00" time="0.000">');
  expect(blocked).toContain('<testcase classname="test_a" name="it is run"><error message="no &lt;server&gt;&#10;  start it"/></testcase>');
  expect(casesIn(junitOfUnrun("test_a", { ends: "skipped", says: "it returned []" }, manifest))).toEqual(["it is run: skipped"]);
});

test("names and messages are whole, whatever is in them", () => {
  const result = fixture(small);
  const verdicts = [{ experiment: 0, check: "a < b & \"c\" > 'd'\nnext\u0000\ud800\u{1f642}", ok: true, observed: 1, wanted: "<!--]]>" }];
  const text = junitText({ ...result, verdicts });
  expect(text).toContain(`name="a &lt; b &amp; &quot;c&quot; &gt; 'd'&#10;next\ufffd\ufffd\u{1f642}"`);
  expect(text).toContain("wanted &lt;!--]]&gt;</system-out>");
});
