import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { InvalidArgumentError } from 'commander';
import { ParleyError } from '../../../protocol/errors.ts';
import { BridgeServer } from './bridge-server.ts';
import type { Command } from 'commander';
import type { Run } from '../run.ts';

const SECRET_BYTES = 16;
const SECRET_FORM = /^[\w-]{16,128}$/;

interface BridgeVerbOptions {
  readonly listen: { readonly host: string; readonly port: number };
  readonly secretFile?: string;
}

/** `parley bridge`: webhooks into an encrypted room. */
export function addBridgeVerb(parley: Command, run: Run): void {
  parley
    .command('bridge')
    .description('take webhooks on this machine and say what they say, encrypted, in a room')
    .argument('<target>', '@name, a room’s name, or room:ID')
    .option('--listen <HOST:PORT>', 'loopback address', parseLoopback, { host: '127.0.0.1', port: 9100 })
    .option('--secret-file <FILE>', 'the last part of the hook’s address (default: made anew at each start)')
    .action((target: string, { listen, secretFile }: BridgeVerbOptions) =>
      run(
        async (client, terminal) => {
          const secret = secretFile === undefined ? randomBytes(SECRET_BYTES).toString('hex') : readSecret(secretFile);
          const onError = (error: unknown): void => terminal.note(`a hook failed: ${String(error)}`);
          const server = new BridgeServer(client, { target, secret, onError });
          const { host, port } = listen;
          await server.listen(host, port);
          const url = `http://${isIP(host) === 6 ? `[${host}]` : host}:${port}/hooks/${secret}`;
          terminal.result({ url }, `POST {"text": "…"} to ${url}`);
          await new Promise<void>((resolve) => terminal.signal.addEventListener('abort', () => resolve()));
          await server.close();
        },
        { takesLong: true },
      ),
    );
}

/** @throws InvalidArgumentError for anything but an address of this machine alone */
function parseLoopback(text: string): BridgeVerbOptions['listen'] {
  const match = /^(?:\[(::1)\]|(127(?:\.\d{1,3}){3}|localhost)):(\d{1,5})$/.exec(text);
  const port = Number(match?.[3]);
  if (match === null || port < 1 || port > 65_535) {
    throw new InvalidArgumentError('A loopback address like 127.0.0.1:9100: what comes in is not encrypted yet.');
  }
  return { host: match[1] ?? match[2]!, port };
}

function readSecret(file: string): string {
  let secret: string;
  try {
    secret = readFileSync(file, 'utf8').trim();
  } catch (cause) {
    throw new ParleyError('usage', `${file} cannot be read: ${(cause as Error).message}`, { cause });
  }
  if (SECRET_FORM.test(secret)) return secret;
  throw new ParleyError('usage', `${file} has to hold 16 to 128 letters, digits, dashes or underscores.`);
}
