import type { ServiceAddress, ServiceCheck } from "../model/service.ts";
import { ask, isListening } from "./ask.ts";
import { askRedis } from "./askRedis.ts";
import { reason } from "./readiness.ts";

/** What a service is still waited for; undefined when it is up. */
export async function missingOf(check: ServiceCheck, { host, ports }: ServiceAddress): Promise<string | undefined> {
  const port = ports[check.port];
  if (port === undefined) throw new TypeError(`the check of a service names its port ${check.port}, which it does not have`);
  const url = `http://${host}:${port}`;
  switch (check.kind) {
    case "tcp":
      return (await isListening({ url })) ? undefined : `nobody takes a connection at ${host}:${port}`;
    case "http":
      return missingOfHttp(url, check.path);
    case "redis":
      return missingOfRedis(check, host, port);
  }
}

async function missingOfHttp(url: string, path: string): Promise<string | undefined> {
  try {
    const { status } = await ask({ url, acceptAnyCertificate: false }, { path, within: 5 });
    return status === 200 ? undefined : `${path} answers ${status}`;
  } catch (cause) {
    return `${path} does not answer (${reason(cause)})`;
  }
}

async function missingOfRedis(
  { command, answer, login }: Extract<ServiceCheck, { kind: "redis" }>,
  host: string,
  port: number,
): Promise<string | undefined> {
  try {
    const reply = await askRedis({ host, port, command, within: 2, ...(login === undefined ? {} : { login }) });
    if (reply.includes(answer)) return undefined;
    return reply.startsWith("-") ? `${command} is answered with an error: ${reply.slice(1)}` : `${command} does not answer ${answer} yet`;
  } catch (cause) {
    return `${command} is not answered (${reason(cause)})`;
  }
}
