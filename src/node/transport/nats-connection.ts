import { connect, Events, nkeyAuthenticator, type ConnectionOptions, type NatsConnection as Client } from 'nats';
import type { Logger } from 'pino';
import { ParleyError } from '../../protocol/errors.ts';

export interface NatsConnectionOptions {
  /** `nats://HOST:PORT`, optionally with user and password. */
  readonly url: string;
  /** What the server's monitoring shows. */
  readonly name: string;
  readonly nkeySeed: Uint8Array;
  readonly logger: Logger;
}

/** `status` is 0 for an ordinary message and 503 when nobody listens where it was sent. */
export type MessageHandler = (data: Uint8Array, subject: string, status: number) => void;

const CONNECT_TIMEOUT_MS = 2_000;
const FIRST_CONNECT_TIMEOUT_MS = 10_000;
const RETRY_MS = 50;
const PING_INTERVAL_MS = 1_000;
const PINGS_UNANSWERED_MAX = 2;
const FLUSH_TIMEOUT_MS = 500;
/** Per connection: a broken set-up must not fill the log. */
const ERRORS_LOGGED_MAX = 10;

interface Wanted {
  readonly subject: string;
  readonly handler: MessageHandler;
}

/**
 * A connection to one NATS server that comes back for ever. While it is down, everything published is dropped at
 * once: whoever needs an answer asks again, and nobody wants to hear old messages.
 */
export class NatsConnection {
  readonly #options: NatsConnectionOptions;
  readonly #wanted: Wanted[] = [];
  #client: Client;
  #up = true;
  #closing = false;
  #errorsLogged = 0;
  #onUp: () => void = () => undefined;
  #onDown: () => void = () => undefined;

  private constructor(options: NatsConnectionOptions, client: Client) {
    this.#options = options;
    this.#client = client;
    this.#follow(client);
  }

  /**
   * Resolves once connected.
   * @throws ParleyError `cannot_connect` when there is no server for ten seconds, or when it refuses this node
   */
  static async connect(options: NatsConnectionOptions): Promise<NatsConnection> {
    const deadlineMs = performance.now() + FIRST_CONNECT_TIMEOUT_MS;
    for (;;) {
      try {
        return new NatsConnection(options, await connect(clientOptions(options)));
      } catch (cause) {
        if (!isRefusal(cause) && performance.now() < deadlineMs) await pause(RETRY_MS);
        else throw cannotConnect(options.url, cause);
      }
    }
  }

  get isUp(): boolean {
    return this.#up;
  }

  /** The largest payload the server takes. */
  get payloadBytesMax(): number {
    return this.#client.info?.max_payload ?? 0;
  }

  onUp(handler: () => void): void {
    this.#onUp = handler;
  }

  onDown(handler: () => void): void {
    this.#onDown = handler;
  }

  /** Never throws. */
  publish(subject: string, data: Uint8Array, reply?: string): void {
    if (!this.#up) return;
    try {
      this.#client.publish(subject, data, reply === undefined ? undefined : { reply });
    } catch (error) {
      // Closed this very moment, or the server's limit shrank: the message is lost, as it would be on a broken wire.
      this.#logError(error);
    }
  }

  /** For the life of the connection, across reconnects. */
  subscribe(subject: string, handler: MessageHandler): void {
    const wanted = { subject, handler };
    this.#wanted.push(wanted);
    this.#subscribe(this.#client, wanted);
  }

  async close(): Promise<void> {
    this.#closing = true;
    // What was just said should still leave: a leader hands over in its last message.
    if (this.#up) await Promise.race([this.#client.flush().catch(() => undefined), pause(FLUSH_TIMEOUT_MS)]);
    this.#up = false;
    await this.#client.close();
  }

  #subscribe(client: Client, { subject, handler }: Wanted): void {
    client.subscribe(subject, {
      callback: (error, message) => {
        if (error !== null) {
          this.#logError(error);
          return;
        }
        try {
          handler(message.data, message.subject, message.headers?.code ?? 0);
        } catch (thrown) {
          // The client would swallow it and stop reading; a programmer's error has to end the process.
          setImmediate(() => {
            throw thrown;
          });
        }
      },
    });
  }

  #follow(client: Client): void {
    void (async () => {
      for await (const status of client.status()) {
        if (status.type === Events.Disconnect) this.#setUp(false);
        else if (status.type === Events.Reconnect) this.#setUp(true);
        else if (status.type === Events.Error) this.#logError(status.data);
      }
    })();
    void client.closed().then(async (error) => {
      if (this.#closing) return;
      // It should try for ever by itself; should it give up all the same, begin anew.
      this.#setUp(false);
      this.#options.logger.warn({ err: error }, 'the NATS client gave up; starting another');
      await this.#reopen();
    });
  }

  async #reopen(): Promise<void> {
    while (!this.#closing) {
      try {
        const client = await connect(clientOptions(this.#options));
        if (this.#closing) return await client.close();
        this.#client = client;
        for (const wanted of this.#wanted) this.#subscribe(client, wanted);
        this.#follow(client);
        this.#setUp(true);
        return;
      } catch (error) {
        this.#logError(error);
        await pause(RETRY_MS);
      }
    }
  }

  #setUp(up: boolean): void {
    if (this.#up === up || this.#closing) return;
    this.#up = up;
    this.#errorsLogged = 0;
    this.#options.logger.info({ url: withoutPassword(this.#options.url) }, up ? 'NATS is back' : 'NATS is gone');
    if (up) this.#onUp();
    else this.#onDown();
  }

  #logError(error: unknown): void {
    this.#errorsLogged += 1;
    if (this.#errorsLogged <= ERRORS_LOGGED_MAX) this.#options.logger.warn({ err: error }, 'NATS error');
  }
}

function clientOptions({ url, name, nkeySeed }: NatsConnectionOptions): ConnectionOptions {
  const parsed = new URL(url.includes('://') ? url : `nats://${url}`);
  const login =
    parsed.username === ''
      ? { authenticator: nkeyAuthenticator(nkeySeed) }
      : { user: decodeURIComponent(parsed.username), pass: decodeURIComponent(parsed.password) };
  return {
    ...login,
    servers: parsed.host,
    name,
    noEcho: true,
    timeout: CONNECT_TIMEOUT_MS,
    reconnect: true,
    maxReconnectAttempts: -1,
    reconnectDelayHandler: () => RETRY_MS,
    ignoreAuthErrorAbort: true,
    ignoreClusterUpdates: true,
    noAsyncTraces: true,
    pingInterval: PING_INTERVAL_MS,
    maxPingOut: PINGS_UNANSWERED_MAX,
  };
}

const isRefusal = (error: unknown): boolean => /authorization|authentication/i.test(String(error));

const cannotConnect = (url: string, cause: unknown): ParleyError =>
  new ParleyError(
    'cannot_connect',
    isRefusal(cause)
      ? `NATS at ${withoutPassword(url)} refuses this node: it belongs to another cluster.`
      : `There is no NATS server at ${withoutPassword(url)}.`,
    { cause },
  );

const withoutPassword = (url: string): string => url.replace(/\/\/[^/@]*@/, '//');

const pause = (delayMs: number): Promise<void> =>
  new Promise((resolve) => {
    setTimeout(resolve, delayMs);
  });
