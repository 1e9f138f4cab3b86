import { partsOf, type Passage, type Request } from "../model/request.ts";
import { firstWordId } from "../model/vocabulary.ts";
import type { Workload } from "../model/workload.ts";

/**
 * Whether prompts cannot go as token ids, also where an engine takes them: one has words that the built-in vocabulary does not know, of which an
 * engine's ids are not known either, or an engine's own reply, which comes as text. All of them then go as text, or what two of them
 * share would not begin alike on the wire.
 */
export function areText(workloads: readonly Workload[]): boolean {
  const known = new Set<Passage>();
  return workloads.some(({ requests }) => requests.some((request) => isText(request, known)));
}

/** `known`: passages that were found to be words of the vocabulary. */
function isText(request: Request, known: Set<Passage>): boolean {
  return partsOf(request).some((part) => {
    const passage = part.kind === "passage" ? part : part.source === "scripted" ? part.scripted : undefined;
    if (passage === undefined) return true;
    if (known.has(passage)) return false;
    known.add(passage);
    return passage.tokenIds.some((id) => id < firstWordId);
  });
}
