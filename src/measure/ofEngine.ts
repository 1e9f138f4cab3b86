/** What is of one engine. */
export function ofEngine<T extends { readonly engine: string }>(all: readonly T[], engine: string): readonly T[] {
  return all.filter((one) => one.engine === engine);
}

/** What is of one engine in one block, each by itself. */
export function byBlock<T extends { readonly engine: string; readonly block: number }>(all: readonly T[]): readonly (readonly T[])[] {
  return [...Map.groupBy(all, ({ engine, block }) => `${block} ${engine}`).values()];
}
