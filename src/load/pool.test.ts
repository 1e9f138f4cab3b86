import { createServer, type Socket } from "node:net";
import { setTimeout as pause } from "node:timers/promises";

import { describe, expect, onTestFinished, test } from "vitest";

import { stampsWhenRead } from "../host/receiveStamps.ts";
import { toNanoseconds, type Seconds } from "../model/time.ts";
import type { Connection } from "./connection.ts";
import { ConnectionBudget } from "./connectionBudget.ts";
import { Pool } from "./pool.ts";
import { listening, standingClock } from "./testServer.ts";

test("connections that their server may soon close are opened anew, as many as were asked for", async () => {
  const { pool, begun, skip } = await poolTo(() => {});
  await pool.open(3);
  skip(5);
  await pool.open(3);
  expect(begun()).toBe(6);
  expect([1, 2, 3, 4].map(() => pool.take() !== undefined)).toEqual([true, true, true, false]);
});

test("one that its server may soon close is not taken, be it used before or not", async () => {
  const { pool, skip } = await poolTo(() => {});
  await pool.open(2);
  pool.giveBack(taken(pool));
  skip(5);
  expect(pool.take()).toBeUndefined();
});

test("of those that their server may soon close each request that is expected closes one, and whoever looks for one that is open two", async () => {
  const { pool, begun, ended, skip } = await poolTo(() => {});
  await pool.open(8);
  for (const connection of Array.from({ length: 6 }, () => taken(pool))) pool.giveBack(connection);
  skip(5);
  // First those that nobody has used.
  for (const closed of [1, 2, 3]) {
    pool.refresh(8);
    await expect.poll(ended).toBe(closed);
    expect(begun()).toBe(8 + closed);
  }
  pool.closeUnused();
  await expect.poll(ended).toBe(6);
  pool.refresh(0);
  pool.take();
  await expect.poll(ended).toBe(9);
});

test("one that its server keeps for a second at most is not used again, and another is opened at once", async () => {
  const { pool, begun } = await poolTo(() => {});
  await pool.open(1);
  pool.giveBack(taken(pool), 1);
  pool.refresh(1);
  expect(begun()).toBe(2);
});

test("in place of one that its server has closed after a while another is opened at once", async () => {
  const { pool, accepted, begun, ended, skip } = await poolTo(() => {});
  await pool.open(1);
  await expect.poll(() => accepted.length).toBe(1);
  skip(3);
  accepted[0]?.destroy();
  await expect.poll(ended).toBe(1);
  pool.refresh(1);
  expect(begun()).toBe(2);
});

test("one that its server has closed since is passed over, be it used before or not", async () => {
  const { pool, accepted, ended } = await poolTo(() => {});
  await pool.open(4);
  await expect.poll(() => accepted.length).toBe(4);
  const [first, second] = [taken(pool), taken(pool)];
  pool.giveBack(first);
  pool.giveBack(second); // the most recent one is taken first, and of unused ones the first
  for (const place of [1, 2]) accepted[place]?.destroy();
  await expect.poll(ended).toBe(2);
  expect(taken(pool)).toBe(first);
  expect(taken(pool).isLost).toBe(false);
  expect(pool.take()).toBeUndefined();
});

test("one that its server keeps for shorter comes after those that stay open for longer, whichever came back last", async () => {
  const { pool } = await poolTo(() => {});
  await pool.open(2);
  const [long, short] = [taken(pool), taken(pool)];
  pool.giveBack(long);
  pool.giveBack(short, 2);
  expect(taken(pool)).toBe(long);
  expect(taken(pool)).toBe(short);
});

test.each([
  ["closes each connection as soon as it is open", async () => poolTo((socket) => socket.destroy())],
  ["takes none", poolToNobody],
])("a server that %s is left alone for half a second", async (_, made) => {
  const { pool, begun, ended, skip } = await made();
  skip(10); // that it was idle for long does not follow from when this clock began
  pool.refresh(8);
  await expect.poll(ended).toBe(1);
  for (let request = 0; request < 8; request++) pool.refresh(8);
  skip(0.4);
  pool.refresh(8);
  expect(begun()).toBe(1);
  skip(0.2);
  pool.refresh(8);
  expect(begun()).toBe(2);
});

test("a server that takes none of many at once is not asked for the others", async () => {
  const { pool, begun } = await poolToNobody();
  await pool.open(200);
  expect(begun()).toBe(64);
});

test("that one of many does not open keeps nobody from opening the others", async () => {
  const { pool, begun } = await poolTo(() => {}, { budget: new BudgetForAllButTheFirst(Infinity) });
  await pool.open(200);
  expect(begun()).toBe(200);
  expect(Array.from({ length: 200 }, () => pool.take()).filter((connection) => connection !== undefined)).toHaveLength(199);
});

test("many are opened for no longer than one may take", async () => {
  const { pool, begun, skip } = await poolTo(() => {}, { connectWithin: 60 });
  const opening = pool.open(200);
  skip(61);
  await opening;
  expect(begun()).toBe(64);
});

test("one that does not open in time is closed", async () => {
  const { pool, ended } = await poolTo(() => {}, { connectWithin: 0.05, isTls: true }); // to a server that says nothing
  await pool.open(1);
  await expect.poll(ended).toBe(1);
});

test("one that is taken before it is open is nobody else's when it is, and others are opened meanwhile: its server has not refused it", async () => {
  const { pool, begun } = await poolTo(() => {});
  pool.refresh(1);
  const connection = pool.connect();
  await expect.poll(() => connection?.isOpen).toBe(true);
  pool.refresh(1);
  expect(begun()).toBe(2);
  expect(pool.take()).toBeUndefined();
});

test("whoever finds none that is open has the one that was begun first", async () => {
  const asked: Socket[] = [];
  const { pool, accepted, begun } = await poolTo((socket) => void socket.once("data", () => asked.push(socket)));
  for (let request = 0; request < 2; request++) pool.refresh(2);
  pool.connect()?.send(Buffer.from("who?"), 0);
  await expect.poll(() => asked.length).toBe(1);
  expect(begun()).toBe(2);
  expect(asked[0]).toBe(accepted[0]);
});

test("one that is taken before it is open is no longer closed where that takes too long: whoever has it sees to that", async () => {
  const { pool } = await poolTo(() => {}, { connectWithin: 0.05 });
  pool.refresh(1);
  const connection = pool.connect();
  await pause(150);
  expect(connection?.isLost).toBe(false);
  connection?.destroy();
});

test("after those that nobody used were closed, others are opened as soon as they are wanted", async () => {
  const { pool, begun } = await poolTo(() => {});
  await pool.open(2);
  pool.closeUnused();
  pool.refresh(2);
  expect(begun()).toBe(3);
});

test("a pool that is closed leaves none open, be it used before or not", async () => {
  const { pool, ended } = await poolTo(() => {});
  await pool.open(2);
  pool.giveBack(taken(pool));
  pool.close();
  await expect.poll(ended).toBe(2);
});

test("how long before a request one is to be begun follows from how long others took to open, the longest of late", async () => {
  const { pool, begun, skip } = await poolTo(() => {});
  expect(pool.opensWithin).toBe(Infinity); // nothing is known
  const slow = pool.open(1);
  skip(0.2);
  await slow;
  expect(pool.opensWithin / 1e9).toBeCloseTo(0.4103, 6);
  await pool.open(11);
  expect(pool.opensWithin / 1e9).toBeGreaterThan(0.3);
  await pool.open(300);
  expect(begun()).toBe(300);
  expect(pool.opensWithin / 1e9).toBeLessThan(0.3);
});

test("one that brings what nobody asked for is closed, be it used before or not", async () => {
  const { pool, accepted, ended } = await poolTo(() => {});
  await pool.open(2);
  const used = taken(pool);
  used.user = { opened: () => {}, received: () => {}, lost: () => {} };
  pool.giveBack(used);
  await expect.poll(() => accepted.length).toBe(2);
  for (const socket of accepted) socket.write("HTTP/1.1 408 Request Timeout\r\n\r\n");
  await expect.poll(ended).toBe(2);
  expect(pool.take()).toBeUndefined();
});

describe("as many are kept ready as were used at a time of late, 64 at least, and no more than are needed:", () => {
  const use = (pool: Pool, count: number, change: 1 | -1) => {
    for (let used = 0; used < count; used++) pool.uses(change);
  };
  const uses: readonly [string, number, number, (pool: Pool, later: () => void) => void][] = [
    ["few needed", 10, 10, () => {}],
    ["none used", 1_000, 64, () => {}],
    ["80 in use", 1_000, 80, (pool) => use(pool, 80, 1)],
    ["80 in use for long", 1_000, 80, (pool, later) => (use(pool, 80, 1), later(), later())],
    ["80 used a while ago", 1_000, 80, (pool, later) => (use(pool, 80, 1), use(pool, 80, -1), later())],
    ["80 used long ago", 1_000, 64, (pool, later) => (use(pool, 80, 1), use(pool, 80, -1), later(), later())],
  ];
  test.each(uses)("%s", async (_, needed, ready, before) => {
    const { pool, begun, skip } = await poolTo(() => {});
    before(pool, () => {
      skip(5);
      pool.refresh(0);
    });
    for (let request = 0; request < 100; request++) pool.refresh(needed);
    expect(begun()).toBe(ready);
  });
});

function taken(pool: Pool): Connection {
  const connection = pool.take();
  if (connection === undefined) throw new Error("there is none");
  return connection;
}

/** A pool on a clock that goes on by what is skipped alone, and what became of its connections. */
interface Watched {
  readonly pool: Pool;
  readonly accepted: readonly Socket[];
  /** How many it has begun to open. */
  readonly begun: () => number;
  /** How many have ended, here. */
  readonly ended: () => number;
  readonly skip: (seconds: Seconds) => void;
}

interface Opening {
  /** 60 s unless said. */
  readonly connectWithin?: Seconds;
  readonly isTls?: boolean;
  readonly budget?: CountedBudget;
}

async function poolTo(accept: (socket: Socket) => void, opening: Opening = {}): Promise<Watched> {
  const accepted: Socket[] = [];
  const server = createServer((socket) => {
    socket.on("error", () => {});
    accepted.push(socket);
    accept(socket);
  });
  const port = await listening(server);
  onTestFinished(() => {
    for (const socket of accepted) socket.destroy();
    server.close();
  });
  return { ...poolOf(port, opening), accepted };
}

async function poolToNobody(): Promise<Watched> {
  const server = createServer();
  const port = await listening(server);
  await new Promise((resolve) => server.close(resolve));
  return { ...poolOf(port), accepted: [] };
}

function poolOf(
  port: number,
  { connectWithin = 60, isTls = false, budget = new CountedBudget(Infinity) }: Opening = {},
): Omit<Watched, "accepted"> {
  const { clock, skip } = standingClock();
  const server = { host: "127.0.0.1", port, isTls, acceptAnyCertificate: false };
  const pool = new Pool({ server, clock, stamps: stampsWhenRead(clock) }, toNanoseconds(connectWithin), budget);
  onTestFinished(() => pool.close());
  return { pool, skip, begun: () => budget.taken, ended: () => budget.given };
}

class CountedBudget extends ConnectionBudget {
  taken = 0;
  given = 0;

  override take(): boolean {
    this.taken++;
    return super.take();
  }

  override giveBack(): void {
    this.given++;
    super.giveBack();
  }
}

class BudgetForAllButTheFirst extends CountedBudget {
  override take(): boolean {
    return super.take() && this.taken > 1;
  }
}
