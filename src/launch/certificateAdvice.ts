const asItIs = "to take it as it is: acceptAnyCertificate: true in a test file, --accept-any-certificate with --attach";

/** Undefined where the code of an error is not of a certificate. */
export function certificateAdvice(code: string): string | undefined {
  if (code === "CERT_HAS_EXPIRED") return `its certificate has expired; ${asItIs}`;
  if (code === "ERR_TLS_CERT_ALTNAME_INVALID") return `its certificate is of another name than the URL's host; ${asItIs}`;
  if (!/CERT|SELF_SIGNED|UNABLE_TO/.test(code)) return undefined;
  return `its certificate is not one we trust; NODE_EXTRA_CA_CERTS=ca.pem in the environment trusts an authority of your own; ${asItIs}`;
}
