import { expect, test } from "vitest";
import type { CacheReuse, EngineProof } from "../model/proof.ts";
import { cacheSign } from "./cacheSign.ts";

function proof(reuse: CacheReuse | undefined, cachedTokens = 0): EngineProof {
  const first = { text: "a", cachedTokens: 0 };
  const answers = [{ first, again: { text: "a", cachedTokens } }];
  return { engine: "cached", checks: [], traits: [], answers, ...(reuse === undefined ? {} : { reuse }) };
}

const without = { own: false, external: false };

test("a server that tells no cached tokens, or none above 0, gives no sign of a cache", () => {
  expect(cacheSign({}, {}, [])).toBeUndefined();
  expect(cacheSign({ cachedTokens: 0 }, { own: 0, external: 0 }, [proof(without)])).toBeUndefined();
});

test("a cache is declared, found by asking twice, told in replies, or counted by the engine: any of these will do", () => {
  expect(cacheSign({}, {}, [proof({ own: true, external: false })])).toBe("own");
  expect(cacheSign({}, {}, [proof(undefined, 16)])).toBe("own");
  expect(cacheSign({ cachedTokens: 16 }, {}, [])).toBe("own");
  expect(cacheSign({}, { own: 16 }, [])).toBe("own");
});

test("a cache beside it is told from the engine's own", () => {
  expect(cacheSign({ cachedTokens: 16 }, {}, [proof({ own: true, external: true })])).toBe("beside");
  expect(cacheSign({ cachedTokens: 16 }, { external: 16 }, [])).toBe("beside");
  expect(cacheSign({}, { lowerTier: 16 }, [])).toBe("beside");
});
