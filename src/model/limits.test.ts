import { expect, test } from "vitest";
import { checkOptions } from "./checkOptions.ts";
import { limitNames, limitRules } from "./limits.ts";

const check = (limits: object) => () => checkOptions("experiment(): limits", limits, limitNames, limitRules);

test("a limit is left out with false, or changed in one of its two numbers or both", () => {
  expect(check({ saturation: false, sendLag: { degraded: 0.02 }, rate: { degraded: 0, invalid: 0.5 } })).not.toThrow();
});

test("mistakes in limits are told together, with the name that was meant", () => {
  expect(check({ saturated: false, sendLag: 0.02, rate: { degraded: -1 }, cpu: { warn: 1 } })).toThrow(
    'there is no option "saturated", did you mean "saturation"?; sendLag must be false, or such as { degraded: 0.02, invalid: 0.1 }, not 0.02; ' +
      'rate must be false, or such as { degraded: 0.02, invalid: 0.1 }, not {"degraded":-1}; cpu must be',
  );
});

test("percent of a whole is told as no share; of what may be more than all of it there is more than 1", () => {
  expect(
    check({ failures: { degraded: 0.02, invalid: 5 }, answers: { degraded: 1 }, drift: { degraded: 2 }, crowded: { degraded: 4 } }),
  ).toThrow('experiment(): limits: failures must be shares of 1, of which 5 % is 0.05, not {"degraded":0.02,"invalid":5}');
});
