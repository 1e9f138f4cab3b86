import { attachedTest } from "../model/attachedTest.ts";

/** What to do where there were too few: as a clause that follows what is lacking. */
export interface ForMore {
  readonly documents: string;
  readonly waves: string;
  readonly requests: string;
}

const ofFiles: ForMore = {
  documents: "ask about more documents, or say repeats",
  waves: "say repeats",
  requests: "ask for more requests or repeats",
};
const ofFlags: ForMore = {
  documents: "ask for more --requests, ten for each document",
  waves: "ask for more --requests, or lower --concurrency",
  requests: "ask for more --requests",
};
/** Chats and growing documents have no number of documents to raise. */
const ofOtherWorkloads: ForMore = { ...ofFiles, documents: "say repeats" };
const again = "run it again to its end";
const ofCutOff: ForMore = { documents: `${again}, and ask about more documents where they stay too few`, waves: again, requests: again };

/** `neverDue`: scheduled requests of the experiment that the run did not come to. `workload`: its kind, `unknown` of a CSV. */
export function forMore(test: string, neverDue = 0, workload = "unknown"): ForMore {
  if (neverDue > 0) return ofCutOff;
  if (test === attachedTest) return ofFlags;
  return workload === "documentQa" || workload === "unknown" ? ofFiles : ofOtherWorkloads;
}
