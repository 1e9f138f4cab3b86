/** The same again for the same object: the console, each report and the exit code ask for what takes a second of 10 million tokens. */
export function once<Of extends object, Result>(compute: (of: Of) => Result): (of: Of) => Result {
  const computed = new WeakMap<Of, { readonly result: Result }>();
  return (of) => {
    const known = computed.get(of) ?? { result: compute(of) };
    computed.set(of, known);
    return known.result;
  };
}
