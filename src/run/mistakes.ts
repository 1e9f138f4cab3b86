import { HarnessError } from "../model/harnessError.ts";

/** Several mistakes of an author as one error: all of them are shown before anything boots, each once; below them what is in the way otherwise. */
export function together(mistakes: readonly HarnessError[], otherwise?: HarnessError): HarnessError {
  const told = new Map(mistakes.map((mistake) => [linesOf(mistake), mistake]));
  const [only] = told.values();
  if (told.size === 1 && only !== undefined && otherwise === undefined) return only;
  const count = told.size === 1 ? "1 mistake" : `${told.size} mistakes`;
  const hint = [...told.keys(), ...(otherwise?.hint === undefined ? [] : [otherwise.hint])].join("\n");
  return new HarnessError("usage", otherwise === undefined ? count : `${count}, and ${otherwise.message}`, {
    hint,
    cause: [...told.values()],
  });
}

function linesOf({ message, hint }: HarnessError): string {
  return hint === undefined ? message : `${message}\n    ${hint.replaceAll("\n", "\n    ")}`;
}

/** The mistakes in an error, those that were put together apart again. What is no mistake of the author's is thrown on. */
export function apart(error: unknown): readonly HarnessError[] {
  if (!(error instanceof HarnessError) || error.code !== "usage") throw error;
  return Array.isArray(error.cause) ? error.cause.flatMap(apart) : [error];
}

/** What is wrong with what this does; nothing where it can be done. */
export function mistakesIn(act: () => unknown): readonly HarnessError[] {
  try {
    act();
    return [];
  } catch (error) {
    return apart(error);
  }
}

/** What is made of each, or the mistakes in all of them together. */
export async function madeOfEach<From, To>(all: readonly From[], make: (one: From) => Promise<To> | To): Promise<readonly To[]> {
  const made: To[] = [];
  const mistakes: HarnessError[] = [];
  for (const one of all) {
    try {
      made.push(await make(one));
    } catch (error) {
      mistakes.push(...apart(error));
    }
  }
  if (mistakes.length > 0) throw together(mistakes);
  return made;
}
