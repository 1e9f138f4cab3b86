// The engine with the LMCache server by itself: it is up in half the time, and most kills look at nothing else.
import { testCase, type Params } from "tandem";

import { test_kills } from "./engines.ts";

export function test_alone(params: Params) {
  const { engines, experiments } = test_kills(params);
  const { plain: _plain, ...alone } = engines;
  return testCase({ engines: alone, experiments });
}
