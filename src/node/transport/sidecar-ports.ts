import { createConnection, createServer } from 'node:net';
import { ParleyError } from '../../protocol/errors.ts';
import { formatHostPort, type HostPort } from './sidecar-config.ts';

const INFO_BYTES_MAX = 64 * 1024;
const INFO_TIMEOUT_MS = 1_000;

/**
 * Resolves when a server could listen at the address.
 * @throws ParleyError `port_in_use`, or `usage` when the address is not one of this machine or not allowed
 */
export async function assertPortFree(address: HostPort, purpose: string): Promise<void> {
  const server = createServer();
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen({ host: address.host, port: address.port, exclusive: true }, resolve);
    });
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    const where = formatHostPort(address);
    if (code === 'EADDRINUSE') throw portInUse(where, purpose, cause);
    throw new ParleyError('usage', `nats-server cannot listen on ${where} (${purpose}): ${code ?? String(cause)}.`, {
      cause,
    });
  } finally {
    await new Promise((resolve) => {
      server.close(resolve);
    });
  }
}

export const portInUse = (where: string, purpose: string, cause?: unknown): ParleyError =>
  new ParleyError('port_in_use', `Port ${where} (${purpose}) is taken by another program.`, { cause });

export interface Greeting {
  readonly serverName: unknown;
  readonly clusterName: unknown;
}

/** How the nats-server at the address introduces itself, or `undefined` when none does. */
export function greetingOf({ host, port }: HostPort): Promise<Greeting | undefined> {
  return new Promise((resolve) => {
    let text = '';
    const socket = createConnection({ host, port });
    const finish = (greeting: Greeting | undefined): void => {
      socket.destroy();
      resolve(greeting);
    };
    socket.setEncoding('utf8');
    socket.setTimeout(INFO_TIMEOUT_MS, () => {
      finish(undefined);
    });
    socket.on('error', () => {
      finish(undefined);
    });
    socket.on('close', () => {
      finish(undefined);
    });
    socket.on('data', (chunk: string) => {
      text += chunk;
      const end = text.indexOf('\r\n');
      if (end >= 0) finish(greetingIn(text.slice(0, end)));
      else if (text.length > INFO_BYTES_MAX) finish(undefined);
    });
  });
}

function greetingIn(line: string): Greeting | undefined {
  if (!line.startsWith('INFO ')) return undefined;
  try {
    const info = JSON.parse(line.slice('INFO '.length)) as { server_name?: unknown; cluster?: unknown };
    return { serverName: info.server_name, clusterName: info.cluster };
  } catch {
    return undefined;
  }
}
