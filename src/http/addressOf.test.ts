import { expect, test } from "vitest";

import { addressOf, serverName } from "./addressOf.ts";

test("a server listens where its URL says, or on its protocol's port", () => {
  expect(addressOf(new URL("http://engine.example/v1?of=1"))).toEqual({ host: "engine.example", port: 80, isTls: false });
  expect(addressOf(new URL("https://me:pass@10.0.0.1"))).toEqual({ host: "10.0.0.1", port: 443, isTls: true });
  expect(addressOf(new URL("https://[::1]:8000/"))).toEqual({ host: "::1", port: 8_000, isTls: true });
});

test("a certificate is asked for by name, where there is one", () => {
  expect(serverName("engine.example")).toEqual({ servername: "engine.example" });
  for (const number of ["10.0.0.1", "::1"]) expect(serverName(number)).toEqual({});
});
