import { createHash, timingSafeEqual } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { ERRORS, ParleyError } from '../../../protocol/errors.ts';
import { hookText, HookTransactions } from './hook.ts';
import type { ParleyClient } from '../../../client/client.ts';
import type { SendResult } from '../../../client/composer.ts';
import type { TxnId } from '../../../protocol/ids.ts';

const BODY_BYTES_MAX = 64 * 1024;
const RECEIVE_MS_MAX = 10_000;
const SEND_MS_MAX = 10_000;

export interface BridgeOptions {
  readonly target: string;
  /** The last part of the hook's address: whoever knows it may speak. */
  readonly secret: string;
  readonly onError: (error: unknown) => void;
}

/**
 * Incoming webhooks for a room whose content no node can read: this process, which holds the keys, encrypts what comes
 * in. Only for this machine: what arrives here is not encrypted yet.
 */
export class BridgeServer {
  readonly #client: Pick<ParleyClient, 'send'>;
  readonly #options: BridgeOptions;
  readonly #transactions: HookTransactions;
  readonly #server: Server;

  constructor(client: Pick<ParleyClient, 'send'>, options: BridgeOptions) {
    this.#client = client;
    this.#options = options;
    this.#transactions = new HookTransactions(options.target, Date.now);
    this.#server = createServer({ requestTimeout: RECEIVE_MS_MAX }, (request, reply) => {
      this.#handle(request).then(
        (answer) => respond(reply, answer.state === 'sent' ? 200 : 202, answer),
        (error: unknown) => this.#refuse(reply, error),
      );
    });
  }

  /** @throws ParleyError `port_in_use` */
  async listen(host: string, port: number): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', (cause) => {
        reject(new ParleyError('port_in_use', `Nothing can listen on ${host}:${port}: ${cause.message}`, { cause }));
      });
      this.#server.listen(port, host, resolve);
    });
  }

  close(): Promise<void> {
    return new Promise((resolve) => {
      this.#server.close(() => resolve());
      this.#server.closeIdleConnections();
    });
  }

  async #handle(request: IncomingMessage): Promise<Omit<SendResult, 'reason'>> {
    if (!isSame(request.url ?? '', `/hooks/${this.#options.secret}`)) throw new ParleyError('not_found');
    if (request.method !== 'POST') throw new ParleyError('method_not_allowed', 'Send a POST.');
    const text = hookText(await bodyOf(request));
    const { result } = await this.#client.send(this.#options.target, text, {
      txnId: this.#txnIdOf(request),
      timeoutMs: SEND_MS_MAX,
    });
    const { room, seq, id, state } = result;
    return { room, seq, id, state };
  }

  #txnIdOf(request: IncomingMessage): TxnId | undefined {
    const key = request.headers['idempotency-key'];
    return typeof key === 'string' && key !== '' ? this.#transactions.of(key) : undefined;
  }

  #refuse(reply: ServerResponse, error: unknown): void {
    const known = error instanceof ParleyError ? error : new ParleyError('internal', undefined, { cause: error });
    if (known.code === 'internal') this.#options.onError(error);
    const { code, message, retryable } = known;
    const { status, title } = ERRORS[code];
    respond(reply, status, { type: `urn:parley:error:${code}`, title, status, code, detail: message, retryable });
  }
}

function respond(reply: ServerResponse, status: number, body: object): void {
  const type = status < 400 ? 'application/json' : 'application/problem+json';
  // What is left of a body that was refused is not read.
  const connection = status < 400 ? {} : { connection: 'close' };
  reply.writeHead(status, { 'content-type': type, ...connection }).end(JSON.stringify(body));
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > BODY_BYTES_MAX) throw new ParleyError('payload_too_large', 'A hook takes at most 64 KiB.');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** Without telling by its duration how much of it was right. */
function isSame(given: string, expected: string): boolean {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(given), digest(expected));
}
