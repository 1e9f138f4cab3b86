import { workersOf } from "./paths.ts";
import { endingsOf, exchangesOf, type EndingRow, type ExchangeRow } from "./readExchanges.ts";

/** A reply whose text was kept. */
export interface KeptReply {
  readonly worker: number;
  /** Its number, unique within the worker. */
  readonly exchange: number;
  readonly engine: string;
  /** All that was generated: reasoning and tool calls, then the text. */
  readonly generated: string;
}

/** Of one experiment; replies without a single character are left out. */
export async function keptReplies(test: string, experiment: number): Promise<readonly KeptReply[]> {
  const replies = (await workersOf(test)).map(async (worker) => repliesOf(test, worker, experiment));
  return (await Promise.all(replies)).flat();
}

async function repliesOf(test: string, worker: number, experiment: number): Promise<readonly KeptReply[]> {
  const exchanges = await exchangesOf(test, worker);
  if (!exchanges.some((exchange) => exchange.experiment === experiment)) return [];
  const endings = await endingsOf(test, worker);
  return exchanges.flatMap((exchange, number) =>
    exchange.experiment === experiment ? keptReply(worker, number, exchange, endings(number)) : [],
  );
}

function keptReply(worker: number, exchange: number, { engine }: ExchangeRow, ending: EndingRow | undefined): readonly KeptReply[] {
  const generated = `${ending?.aside ?? ""}${ending?.text ?? ""}`;
  return generated === "" ? [] : [{ worker, exchange, engine, generated }];
}
