import { withoutQuerySecrets } from "../model/serverUrl.ts";

/** What a person sees where a secret was. */
export const mask = "***";

/** Whether what goes by this name is nobody's business: HF_TOKEN, OPENAI_API_KEY, REDIS_PASSWORD, --api-key. */
export function hasSecretName(name: string): boolean {
  return /(?:^|[_-])(?:token|key|apikey|passw(?:or)?d|authorization|credentials?)$|password|secret/i.test(name);
}

/** A text without these secrets, and without those that show what they are: passwords and keys in URLs, what an Authorization header holds. */
export function masks(text: string, secrets: readonly string[] = []): string {
  const withoutUrls = text.replaceAll(urlPassword, mask);
  const withoutHeaders = withoutUrls
    .replaceAll(/(\bauthorization["']?\s*[:=]\s*["']?(?:bearer|basic)\s+)[^\s"',]+/gi, `$1${mask}`)
    // Elsewhere only what looks like a key: "Bearer authentication is required" stays.
    .replaceAll(/\b(bearer\s+)(?=[\w.~+/-]*\d)[\w.~+/-]{8,}=*/gi, `$1${mask}`);
  return secrets.reduce((shown, secret) => shown.replaceAll(secret, mask), withoutQuerySecrets(withoutHeaders));
}

/** Arguments that may be shown: what is given to a flag with a secret's name is replaced. */
export function maskedArguments(args: readonly string[]): readonly string[] {
  return args.map((argument, index) => {
    const secret = secretAt(args, index);
    return secret === undefined ? masks(argument) : argument.slice(0, argument.length - secret.length) + mask;
  });
}

/** Every secret an engine is given, to be looked for in whatever it prints. The shortest are left out: they would be found by chance. */
export function secretsIn(env: Readonly<Record<string, string>>, args: readonly string[], apiKey = ""): readonly string[] {
  const named = Object.entries(env).flatMap(([name, value]) => (hasSecretName(name) ? [value] : []));
  const flagged = args.flatMap((_argument, index) => secretAt(args, index) ?? []);
  const inUrls = [...Object.values(env), ...args].flatMap(passwordsIn);
  const all = [...named, ...flagged, ...inUrls, apiKey].filter((secret) => secret.length >= shortestSecret);
  return [...new Set(all)].sort((a, b) => b.length - a.length);
}

const shortestSecret = 6;

/** The secret in one argument: behind the "=" of its own flag, or all of it after a flag. */
function secretAt(args: readonly string[], index: number): string | undefined {
  const argument = args[index] ?? "";
  const [flag = "", value = ""] = /^(--?[\w.-]+)=(.*)$/s.exec(argument)?.slice(1) ?? [args[index - 1], argument];
  return /^--?[\w.-]+$/.test(flag) && hasSecretName(flag) && !value.startsWith("-") ? value : undefined;
}

function passwordsIn(text: string): readonly string[] {
  return [...text.matchAll(urlPassword)].map(([password]) => password);
}

/** Up to the last "@" before the host, as clients read it, but not into another text behind a quote. */
const urlPassword = /(?<=\b[a-z][a-z0-9+.-]*:\/\/[^\s/:]*:)(?:[^\s/"']+|[^\s/@]+)(?=@)/gi;
