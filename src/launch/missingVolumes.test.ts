import { expect, test } from "vitest";

import { missingVolumes } from "./missingVolumes.ts";

test("volumes of directories that are not here are refused, and not made by the daemon; names and what is here are not", async () => {
  const error = await missingVolumes("plain", [
    "/nobody/data:/data",
    "/nobody/models:/models:ro",
    "/etc/hosts/no:/no",
    "/tmp:/tmp",
    "cache:/cache",
  ]);
  expect(error).toMatchObject({
    code: "engine-missing",
    message: "engine plain: its volumes have /nobody/data and /nobody/models and /etc/hosts/no, which are not here",
  });
  expect(await missingVolumes("plain", ["/tmp:/tmp", "cache:/cache"])).toBeUndefined();
});
