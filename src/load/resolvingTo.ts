import dns from "node:dns";

/** For tests. Until disposed of, every name has these addresses, or none is known: a name server that is busy or away is waited for longer than a connection. */
export function resolvingTo(...addresses: readonly string[]): Disposable {
  const { lookup } = dns;
  const found = addresses.map((address) => ({ address, family: 4 }));
  const told = (name: string, _: unknown, done: (error: Error | null, all: typeof found) => void) => {
    const unknown = Object.assign(new Error(`getaddrinfo ENOTFOUND ${name}`), { code: "ENOTFOUND" }); // as Node tells it
    process.nextTick(done, found.length > 0 ? null : unknown, found);
  };
  Object.assign(dns, { lookup: told });
  return { [Symbol.dispose]: () => Object.assign(dns, { lookup }) };
}
