import { HarnessError } from "../model/harnessError.ts";
import { placeInWords, sourcePlace } from "./sourcePlace.ts";

/** An error of what an author wrote, under the name of what it is in, with the author's own line where that is known. */
export function asMistake(name: string, error: unknown): HarnessError {
  const found = error instanceof HarnessError ? error : failed(error);
  const hint = found.hint ?? ownLine(found.cause);
  return new HarnessError("usage", `${name}${found === error ? ":" : ""} ${found.message}`, {
    ...(hint === undefined ? {} : { hint }),
    cause: error,
  });
}

function failed(error: unknown): HarnessError {
  const { name, message } = error instanceof Error ? error : new Error(String(error));
  return new HarnessError("usage", `fails when called: ${name}: ${message}`, { cause: error });
}

function ownLine(error: unknown): string | undefined {
  const place = error instanceof Error ? sourcePlace(error) : undefined;
  return place === undefined ? undefined : placeInWords(place);
}
