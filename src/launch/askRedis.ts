import { connect } from "node:net";

import type { Seconds } from "../model/time.ts";

export interface RedisQuestion {
  readonly host: string;
  readonly port: number;
  /** "PING", "INFO replication": words with a space between them. */
  readonly command: string;
  readonly login?: { readonly user?: string; readonly password: string };
  readonly within: Seconds;
}

/** One question to a server that speaks Redis's protocol: its reply, an error's text included. Rejects where nobody answers in time. */
export async function askRedis({ host, port, command, login, within }: RedisQuestion): Promise<string> {
  const { user, password } = login ?? {};
  const questions = [command.split(" ")];
  if (password !== undefined) questions.unshift(["AUTH", ...(user === undefined ? [] : [user]), password]);
  return new Promise((onReply, onFailure) => {
    const socket = connect({ host, port });
    const end = (act: () => void) => {
      clearTimeout(late);
      socket.destroy();
      act();
    };
    const late = setTimeout(() => end(() => onFailure(new DOMException("no answer in time", "TimeoutError"))), within * 1_000);
    let text = "";
    const next = () => {
      text = "";
      socket.write(encoded(questions.shift() ?? []));
    };
    socket.setEncoding("utf8");
    socket.once("connect", next);
    socket.once("error", (error) => end(() => onFailure(error)));
    socket.once("close", () => end(() => onFailure(new Error("it closed the connection"))));
    socket.on("data", (piece: string) => {
      text += piece;
      if (!isWhole(text)) return;
      if (questions.length > 0 && !text.startsWith("-")) next();
      else end(() => onReply(text.trim()));
    });
  });
}

/** An array of bulk strings: arguments may then hold anything. */
function encoded(words: readonly string[]): string {
  return [`*${words.length}`, ...words.flatMap((word) => [`$${Buffer.byteLength(word)}`, word]), ""].join("\r\n");
}

/** Of a simple reply one line, of a bulk string as many bytes as its first line says. */
function isWhole(text: string): boolean {
  const line = text.indexOf("\r\n");
  if (line === -1 || !text.startsWith("$")) return line !== -1;
  return Buffer.byteLength(text) >= line + 2 + Number(text.slice(1, line)) + 2;
}
