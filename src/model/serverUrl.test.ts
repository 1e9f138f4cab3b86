import { expect, test } from "vitest";

import { querySecrets, serverUrl, urlAt, withoutQuerySecrets } from "./serverUrl.ts";

test("a base URL ends before /v1, a slash and a fragment, and keeps its query", () => {
  const base = (url: string) => serverUrl(new URL(url));
  expect(["http://a/", "http://a/v1/", "http://a/b/v1?x=1", "http://a/?x=1#y"].map(base)).toEqual([
    "http://a",
    "http://a",
    "http://a/b?x=1",
    "http://a?x=1",
  ]);
});

test("a base URL's query goes with each of its paths, and after a path's own", () => {
  expect(urlAt("http://a/b", "/v1/models")).toBe("http://a/b/v1/models");
  expect(urlAt("http://a/b?api-version=2", "/v1/models")).toBe("http://a/b/v1/models?api-version=2");
  expect(urlAt("http://a?x=1", "/reset?all=1")).toBe("http://a/reset?all=1&x=1");
});

test("what a query's secret parameters hold is not shown, and known as it stands there and as it is meant", () => {
  const url = "http://a?api-version=2024-10-21&api-key=s%2Fcret-1&subscriptionKey=k&sig=abc%3D%3D9";
  expect(withoutQuerySecrets(`at ${url}: no`)).toBe("at http://a?api-version=2024-10-21&api-key=***&subscriptionKey=***&sig=***: no");
  expect(withoutQuerySecrets("http://a?jwt=e.y.J&pass=b")).toBe("http://a?jwt=***&pass=***");
  expect(querySecrets(url)).toEqual(["s%2Fcret-1", "s/cret-1", "abc%3D%3D9", "abc==9"]);
});
