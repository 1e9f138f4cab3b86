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
