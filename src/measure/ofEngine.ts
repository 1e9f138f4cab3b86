/** What is of one engine. */
export function ofEngine<T extends { readonly engine: string }>(all: readonly T[], engine: string): readonly T[] {
  return all.filter((one) => one.engine === engine);
}
