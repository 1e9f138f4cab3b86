import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { expect, onTestFinished, test } from "vitest";

import { realClock } from "./realClock.ts";
import { receiveStamps } from "./receiveStamps.ts";

const here = fileURLToPath(new URL("../..", import.meta.url)).replace(/\/$/, "");
/** As ./tandem builds it. */
const library = execFileSync("sh", ["-c", 'here=$1; . "$here/scripts/ready.sh"; printf %s "$native"', "sh", here], {
  encoding: "utf8",
});
const hasOpenssl = spawnSync("openssl", ["version"]).status === 0;

/** Runs a program in a Node that was started with the library, as ./tandem starts one; returns what it printed, as JSON. */
function withLibrary(program: string, env: NodeJS.ProcessEnv = { LD_PRELOAD: library }): unknown {
  const { stdout, stderr } = spawnSync(process.execPath, ["--input-type=module-typescript", "-e", program], {
    encoding: "utf8",
    env: { ...process.env, ...env },
  });
  expect(stderr).toBe("");
  return JSON.parse(stdout);
}

const imports = `
  import { realClock } from ${JSON.stringify(new URL("realClock.ts", import.meta.url).href)};
  import { receiveStamps } from ${JSON.stringify(new URL("receiveStamps.ts", import.meta.url).href)};
  import net from "node:net";
  import tls from "node:tls";
  import { readFileSync } from "node:fs";
  import { spawnSync } from "node:child_process";
  import { Worker } from "node:worker_threads";
  const clock = realClock([0, 0]);
  const stamps = receiveStamps(clock);`;

/** A library behind ours, of this source in C. */
function libraryOf(source: string): string {
  const directory = mkdtempSync(join(tmpdir(), "tandem-library-"));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  const file = join(directory, "library.c");
  writeFileSync(file, `#define _GNU_SOURCE\n${source}`);
  execFileSync("cc", ["-shared", "-fPIC", "-o", join(directory, "library.so"), file]);
  return join(directory, "library.so");
}

/** As a sandbox whose kernel does not know the socket option. */
const refusing = `
  #include <errno.h>
  #include <sys/socket.h>
  #include <sys/syscall.h>
  #include <unistd.h>
  int setsockopt(int file, int level, int option, const void *value, socklen_t length) {
    if (level == SOL_SOCKET && option == SO_TIMESTAMPNS) { errno = ENOPROTOOPT; return -1; }
    return syscall(SYS_setsockopt, file, level, option, value, length);
  }`;

/** As a user's own that looks at what is read. */
const reading = `
  #include <stdlib.h>
  #include <sys/syscall.h>
  #include <unistd.h>
  ssize_t read(int file, void *buffer, size_t size) {
    setenv("READ_BY", "the user's own", 1);
    return syscall(SYS_read, file, buffer, size);
  }`;

/** As if the wall clock had been set back by a second since the kernel stamped. */
const setBack = `
  #include <sys/syscall.h>
  #include <time.h>
  #include <unistd.h>
  int clock_gettime(clockid_t clock, struct timespec *time) {
    int result = syscall(SYS_clock_gettime, clock, time);
    if (clock == CLOCK_REALTIME) time->tv_sec--;
    return result;
  }`;

/** A server in a thread of its own, which writes three times, once the one before was read, the last time twice and while the client's thread is asleep, as it is for 100 ms longer. */
function lateReader(connect: string, listen: string): string {
  return `${imports}
  const written = new Int32Array(new SharedArrayBuffer(4));
  const server = new Worker(\`
    import { parentPort, workerData as written } from "node:worker_threads";
    import { readFileSync } from "node:fs";
    import { createServer as plain } from "node:net";
    import { createServer as secure } from "node:tls";
    const now = () => Number(process.hrtime.bigint());
    const server = ${listen}(socket => {
      socket.setNoDelay(true);
      const write = () => { const before = now(); socket.write("token"); parentPort.postMessage([before, now()]); };
      write();
      parentPort.on("message", (isAsleep) => {
        write();
        if (isAsleep) { write(); Atomics.store(written, 0, 1); Atomics.notify(written, 0); }
      });
    });
    server.listen(0, "127.0.0.1", () => parentPort.postMessage(server.address().port));
  \`, { eval: true, workerData: written });
  const sleep = () => {
    server.postMessage(true);
    Atomics.wait(written, 0, 0);
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 100);
  };
  const told: [before: number, after: number][] = [];
  server.on("message", (value) => { if (typeof value === "number") begin(value); else told.push(value); });
  const received: { stamp: number; read: number }[] = [];
  function begin(port: number) {
    const buffer = Buffer.alloc(65_536);
    const callback = () => {
      received.push({ stamp: stamps.last(), read: clock.now() });
      if (received.length === 1) server.postMessage(false);
      if (received.length === 2) setTimeout(sleep, 20);
      if (received.length === 3) setTimeout(end, 50);
      return true;
    };
    const socket = ${connect}({ port, host: "127.0.0.1", rejectUnauthorized: false, onread: { buffer, callback } }, () => stamps.watch(socket));
    function end() {
      const late = received.map(({ stamp, read }, index) => {
        const [before] = told[index];
        const [, after] = index === received.length - 1 ? told.at(-1) : told[index]; // one read may give the last two
        return { stamp: stamp - before, afterwards: stamp - after, read: read - before };
      });
      console.log(JSON.stringify({ late, given: stamps.given, source: stamps.source }));
      process.exit();
    }
  }`;
}

interface LateReading {
  /** Nanoseconds by which the stamp is later than the beginning and the end of the server's write, which may lose its core in between; and by which the read is. */
  readonly late: readonly { readonly stamp: number; readonly afterwards: number; readonly read: number }[];
  readonly source: string;
}

test.runIf(library !== "")("the kernel's stamp is of when the bytes came in, however late they are read", () => {
  const { late, source } = withLibrary(lateReader("net.connect", "plain")) as LateReading;
  expect(source).toBe("kernel");
  expect(late).toHaveLength(3);
  const last = late.at(-1);
  expect(last?.read).toBeGreaterThan(80e6);
  expect(last?.stamp).toBeGreaterThanOrEqual(0);
  expect(last?.afterwards).toBeLessThan(20e6);
});

test.runIf(library !== "" && hasOpenssl)("on TLS as well, and of each record where one read gives several", () => {
  const directory = mkdtempSync(join(tmpdir(), "tandem-test-"));
  try {
    const [key, certificate] = [join(directory, "key.pem"), join(directory, "cert.pem")];
    const subject = ["-subj", "/CN=localhost", "-days", "1"];
    spawnSync("openssl", ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", certificate, ...subject]);
    const files = `{ key: readFileSync(${JSON.stringify(key)}), cert: readFileSync(${JSON.stringify(certificate)}) }`;
    const listen = `((answer) => secure(${files}, answer))`;
    const { late } = withLibrary(lateReader("tls.connect", listen)) as LateReading;
    expect(late).toHaveLength(4);
    for (const { read, stamp, afterwards } of late.slice(2)) {
      expect(read).toBeGreaterThan(80e6);
      expect(stamp).toBeGreaterThanOrEqual(0);
      expect(afterwards).toBeLessThan(20e6);
    }
  } finally {
    rmSync(directory, { recursive: true });
  }
});

test.runIf(library !== "")("what is started beside it hears nothing of it, and keeps what the user had there", () => {
  const program = `${imports}
    const child = spawnSync("env", { encoding: "utf8" }).stdout.split("\\n").filter((line) => line.startsWith("LD_PRELOAD"));
    console.log(JSON.stringify([process.env.LD_PRELOAD ?? "none", child]));`;
  expect(withLibrary(program)).toEqual(["none", []]);
  // Any library that is there already changes nothing.
  const other = /\/\S*libc\.so\.6/.exec(spawnSync("ldd", [process.execPath], { encoding: "utf8" }).stdout)?.[0] ?? "";
  expect(withLibrary(program, { LD_PRELOAD: `${library}:${other}` })).toEqual([other, [`LD_PRELOAD=${other}`]]);
});

test.runIf(library !== "")("a library of the user's that reads still reads what is no stamped socket", () => {
  const program = `${imports} readFileSync("/etc/hostname"); console.log(JSON.stringify(process.env.READ_BY ?? "nobody"));`;
  expect(withLibrary(program, { LD_PRELOAD: `${library}:${libraryOf(reading)}` })).toBe("the user's own");
});

test.runIf(library !== "")("a file that has the number of a socket that was stamped is read as any other", () => {
  const program = `${imports}
    const server = net.createServer((socket) => socket.resume()).listen(0, "127.0.0.1", () => {
      const socket = net.connect(server.address().port, "127.0.0.1", () => {
        stamps.watch(socket);
        const file = socket._handle.fd;
        socket.destroy();
        socket.once("close", async () => {
          const { openSync, readSync } = await import("node:fs");
          const numbers = Array.from({ length: 20 }, () => openSync("/etc/hostname", "r"));
          const hostname = readFileSync("/etc/hostname", "utf8");
          const all = numbers.map((number) => { const bytes = Buffer.alloc(1_000); return bytes.toString("utf8", 0, readSync(number, bytes)); });
          console.log(JSON.stringify({ reused: numbers.includes(file), right: all.every((text) => text === hostname) }));
          process.exit();
        });
      });
    });`;
  expect(withLibrary(program)).toEqual({ reused: true, right: true });
});

test.runIf(library !== "")("the kernel's stamps are no whole numbers, as the clock's are none", () => {
  const program = `${imports}
    const young = receiveStamps(realClock());
    const server = net.createServer((socket) => socket.on("data", () => socket.write("token"))).listen(0, "127.0.0.1", () => {
      const buffer = Buffer.alloc(100);
      const callback = () => {
        const at = young.last();
        // A kernel in which nobody had stamps begins to stamp a moment after it was asked to.
        if (young.given.kernel === 0 && young.given.read < 10_000) return socket.write("asked");
        console.log(JSON.stringify({ at, given: young.given.kernel }));
        process.exit();
      };
      const socket = net.connect({ port: server.address().port, host: "127.0.0.1", onread: { buffer, callback } }, () => {
        young.watch(socket);
        socket.write("asked");
      });
    });`;
  const { at, given } = withLibrary(program) as { at: number; given: number };
  expect(given).toBe(1);
  expect(at % 1).toBe(0.5);
});

test.runIf(library !== "")(
  "its thousandth file waits for no other thread: the kernel has room for as many as it may open, before there are threads",
  () => {
    const program = `
      const numberIn = (file, pattern) => Number(pattern.exec(require("node:fs").readFileSync("/proc/self/" + file, "utf8"))?.[1]);
      console.log(JSON.stringify({ room: numberIn("status", /^FDSize:\\s+(\\d+)/m), limit: numberIn("limits", /^Max open files +(\\d+)/m) }));`;
    // As most shells have it; Node raises it as far as it may.
    const limited = ["-c", 'ulimit -Sn 1024; LD_PRELOAD=$1 exec "$2" -e "$3"', "sh", library, process.execPath, program];
    const { room, limit } = JSON.parse(spawnSync("sh", limited, { encoding: "utf8" }).stdout) as Readonly<Record<"room" | "limit", number>>;
    expect(limit).toBeGreaterThanOrEqual(1_024);
    expect(room).toBeGreaterThanOrEqual(Math.min(limit, 65_536));
  },
);

test("a Node that was started without the library stamps what it reads when it reads it", () => {
  const clock = realClock();
  const stamps = receiveStamps(clock);
  const before = clock.now();
  const last = stamps.last();
  expect(stamps.source).toBe("read");
  expect(last).toBeGreaterThanOrEqual(before);
  expect(last).toBeLessThanOrEqual(clock.now());
  expect(stamps.given).toEqual({ kernel: 0, read: 1 });
});

test.runIf(library !== "")("nobody gets the kernel's stamps who wants the others", () => {
  const program = `${imports} console.log(JSON.stringify([stamps.source, receiveStamps(clock, "read").source]));`;
  expect(withLibrary(program)).toEqual(["kernel", "read"]);
});

test.runIf(library !== "")("who stamps is tried, not guessed from the library's being there", () => {
  const program = `import { triedStamps } from ${JSON.stringify(new URL("triedStamps.ts", import.meta.url).href)}; console.log(JSON.stringify(await triedStamps()));`;
  expect(withLibrary(program)).toBe("kernel");
  expect(withLibrary(program, { LD_PRELOAD: "" })).toBe("read");
  expect(withLibrary(program, { LD_PRELOAD: `${library}:${libraryOf(refusing)}` })).toBe("read");
});

test.runIf(library !== "")(
  "what the kernel stamped before the wall clock was set back is stamped when it is read, and not later than that",
  () => {
    const program = `import { triedStamps } from ${JSON.stringify(new URL("triedStamps.ts", import.meta.url).href)}; console.log(JSON.stringify(await triedStamps()));`;
    expect(withLibrary(program, { LD_PRELOAD: `${library}:${libraryOf(setBack)}` })).toBe("read");
  },
);

test.runIf(library !== "")("what comes on a socket that nobody watches has no stamp of another one's", () => {
  const program = `${imports}
    const server = net.createServer((socket) => socket.on("error", () => {}).pipe(socket)).listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      const connect = (received, opened) => {
        const buffer = Buffer.alloc(100);
        const socket = net.connect({ port, host: "127.0.0.1", onread: { buffer, callback: () => (received(socket), true) } }, () => opened(socket));
      };
      connect((socket) => {
        stamps.last();
        if (stamps.given.kernel === 0 && stamps.given.read < 10_000) return socket.write("x");
        connect(() => {
          stamps.last();
          console.log(JSON.stringify(stamps.given.kernel));
          process.exit();
        }, (unwatched) => unwatched.write("x"));
      }, (socket) => { stamps.watch(socket); socket.write("x"); });
    });`;
  expect(withLibrary(program)).toBe(1);
});

test.runIf(library !== "")("a shell that Node is started through has its own limit of open files, and no more", () => {
  const limited = ["-c", 'ulimit -Sn 200; LD_PRELOAD=$1 exec sh -c "ulimit -Sn"', "sh", library];
  expect(spawnSync("sh", limited, { encoding: "utf8" }).stdout).toBe("200\n");
});
