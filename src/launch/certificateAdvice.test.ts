import { expect, test } from "vitest";
import { certificateAdvice } from "./certificateAdvice.ts";

test.each([
  ["UNABLE_TO_VERIFY_LEAF_SIGNATURE", "NODE_EXTRA_CA_CERTS=ca.pem"],
  ["DEPTH_ZERO_SELF_SIGNED_CERT", "NODE_EXTRA_CA_CERTS=ca.pem"],
  ["CERT_HAS_EXPIRED", "has expired"],
  ["ERR_TLS_CERT_ALTNAME_INVALID", "of another name than the URL's host"],
])("what is wrong with a certificate is told, and what helps against that: %s", (code, told) => {
  const advice = certificateAdvice(code);
  expect(advice).toContain(told);
  expect(advice).toContain("--accept-any-certificate with --attach");
  expect(advice?.includes("NODE_EXTRA_CA_CERTS")).toBe(told.startsWith("NODE")); // no authority makes an old or a false one good
});

test("a refused connection is nothing of a certificate", () => {
  expect(certificateAdvice("ECONNREFUSED")).toBeUndefined();
});
