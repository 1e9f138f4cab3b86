import { expect, test } from "vitest";
import { checkOptions, checkTogether, share, wholeNumber } from "./checkOptions.ts";
import { HarnessError } from "./harnessError.ts";

const allowed = ["model", "tensorParallel", "gpuMemoryUtilization"];
const rules = { tensorParallel: wholeNumber({ from: 1 }), gpuMemoryUtilization: share };

test("all mistakes are told at once, with what was probably meant", () => {
  const check = () => checkOptions("simulated()", { modle: "m", tensorParallel: 0, gpuMemoryUtilization: 90 }, allowed, rules);
  expect(check).toThrow(HarnessError);
  expect(check).toThrow(
    'simulated(): there is no option "modle", did you mean "model"?; tensorParallel must be a whole number of at least 1, not 0; ' +
      "gpuMemoryUtilization must be above 0 and at most 1, not 90",
  );
});

test("options left out or undefined are no mistake", () => {
  expect(() => checkOptions("simulated()", { model: "m", tensorParallel: undefined }, allowed, rules)).not.toThrow();
});

test("a required option that is missing is told with the rest", () => {
  const check = () => checkOptions("vllm()", { modle: "m" }, allowed, rules, ["model"]);
  expect(check).toThrow('vllm(): there is no option "modle", did you mean "model"?; model is missing');
});

test("what several checks find is one error, with what to do about each", () => {
  const check = () =>
    checkTogether(
      () => checkOptions("a()", { tensorParallel: 0 }, allowed, rules),
      () => checkOptions("a()", {}, allowed, rules),
      () => checkOptions("a(): more", { depht: 1 }, ["depth"]),
    );
  expect(check).toThrow(
    'a(): tensorParallel must be a whole number of at least 1, not 0; a(): more: there is no option "depht", did you mean "depth"?',
  );
  expect(check).toThrow(expect.objectContaining({ hint: `its options are ${allowed.join(", ")}\nits options are depth` }));
});

test("what is no object at all is told as that, and not letter by letter", () => {
  // @ts-expect-error a text, where an object is wanted
  expect(() => checkOptions("attached()", "http://127.0.0.1:8000", ["url"])).toThrow(
    'attached(): an object with its options is wanted, not "http://127.0.0.1:8000"',
  );
});
