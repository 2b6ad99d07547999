import { WebSocket } from 'ws';
import type { SocketLike } from '../../client/platform.ts';

/** A request on its way; `deliver` hands it to the node. */
export interface TestRequest {
  readonly method: string;
  /** With the query. */
  readonly path: string;
  readonly origin: string;
  readonly body: Record<string, unknown>;
  readonly deliver: () => Promise<Response>;
  /** Never answers; ends when the client gives up. */
  readonly swallow: () => Promise<Response>;
}

export type Interposer = (request: TestRequest) => Promise<Response> | undefined;

/** The network between clients and nodes: real HTTP and real WebSockets, with somebody in between who may meddle. */
export class TestNetwork {
  /** Every request that a client made. */
  readonly made: TestRequest[] = [];
  readonly sockets: TestLine[] = [];
  /** The `authorization` that was sent last. */
  lastAuthorization = '';
  readonly #interposers: Interposer[] = [];

  readonly fetch = (url: string, init: RequestInit): Promise<Response> => {
    const { pathname, search, origin } = new URL(url);
    const method = init.method ?? 'GET';
    const request: TestRequest = {
      method,
      path: pathname + search,
      origin,
      body: typeof init.body === 'string' ? (JSON.parse(init.body) as Record<string, unknown>) : {},
      deliver: () => fetch(url, init),
      swallow: () =>
        new Promise((_, reject) => {
          init.signal?.addEventListener('abort', () => reject(new TypeError('given up')));
        }),
    };
    this.made.push(request);
    this.lastAuthorization = new Headers(init.headers).get('authorization') ?? this.lastAuthorization;
    for (const interposer of this.#interposers) {
      const answer = interposer(request);
      if (answer !== undefined) return answer;
    }
    return request.deliver();
  };

  /** Whether sockets reach nobody. */
  socketsFail = false;

  readonly openSocket = (url: string): SocketLike => {
    const line = new TestLine(this.socketsFail ? 'ws://127.0.0.1:1' : url);
    this.sockets.push(line);
    return line;
  };

  /** From now on, until the function that is returned is called. The newest is asked first. */
  interpose(interposer: Interposer): () => void {
    this.#interposers.unshift(interposer);
    return () => void this.#interposers.splice(this.#interposers.indexOf(interposer), 1);
  }

  /** The node answers, and the next answer to a matching request is lost. */
  loseAnswer(method: string, path: RegExp): void {
    const stop = this.interpose((request) => {
      if (request.method !== method || !path.test(request.path)) return undefined;
      stop();
      return request.deliver().then(() => {
        throw new TypeError('the answer is lost');
      });
    });
  }

  /** Nobody answers any more, until the function that is returned is called. */
  cut(origin?: string): () => void {
    return this.interpose((request) =>
      origin === undefined || request.origin === origin ? Promise.reject(new TypeError('cut off')) : undefined,
    );
  }

  /** A node that changes what it was going to answer. */
  // oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- The test knows what the path answers.
  lie<T>(method: string, path: RegExp, change: (answer: T, request: TestRequest) => unknown): () => void {
    return this.interpose((request) => {
      if (request.method !== method || !path.test(request.path)) return undefined;
      return request.deliver().then(async (response) => {
        if (!response.ok) return response;
        return answerOf(change((await response.json()) as T, request));
      });
    });
  }

  /** A node that answers by itself. */
  answer(method: string, path: RegExp, answer: (request: TestRequest) => Response): () => void {
    return this.interpose((request) =>
      request.method === method && path.test(request.path) ? Promise.resolve(answer(request)) : undefined,
    );
  }

  /** Of these requests, in order. */
  bodies(method: string, path: RegExp): Record<string, unknown>[] {
    return this.made.filter((one) => one.method === method && path.test(one.path)).map(({ body }) => body);
  }

  count(method: string, path: RegExp): number {
    return this.bodies(method, path).length;
  }
}

export function answerOf(json: unknown, status = 200): Response {
  return new Response(JSON.stringify(json), { status, headers: { 'content-type': 'application/json' } });
}

export function problemOf(code: string, status: number, more: object = {}): Response {
  return answerOf({ type: `urn:parley:error:${code}`, title: code, detail: code, status, code, ...more }, status);
}

/** A real WebSocket on which frames can be held back, changed, or cut. */
export class TestLine implements SocketLike {
  readonly url: string;
  readonly #ws: WebSocket;
  readonly #onMessage: ((event: { readonly data: unknown }) => void)[] = [];
  #held: unknown[] | null = null;
  #silent = false;
  /** Changes frames on their way to the client; null drops one. */
  change: (frame: Record<string, unknown>) => Record<string, unknown> | null = (frame) => frame;

  constructor(url: string) {
    this.url = url;
    this.#ws = new WebSocket(url);
    this.#ws.on('message', (data: Buffer) => {
      if (this.#silent) return;
      if (this.#held === null) this.#pass(data.toString());
      else this.#held.push(data.toString());
    });
  }

  send(text: string): void {
    if (!this.#silent) this.#ws.send(text);
  }

  close(): void {
    this.#ws.close();
  }

  addEventListener(type: 'open' | 'error', listener: () => void): void;
  addEventListener(type: 'close', listener: (event: { readonly reason: string }) => void): void;
  addEventListener(type: 'message', listener: (event: { readonly data: unknown }) => void): void;
  addEventListener(
    type: 'open' | 'error' | 'close' | 'message',
    listener: (event: { readonly data: unknown; readonly reason: string }) => void,
  ): void {
    if (type === 'message') this.#onMessage.push(listener as (event: { readonly data: unknown }) => void);
    else if (type === 'close')
      this.#ws.on('close', (_code, reason) => listener({ data: null, reason: String(reason) }));
    else this.#ws.on(type, () => listener({ data: null, reason: '' }));
  }

  /** As when the node dies. */
  cut(): void {
    this.#ws.terminate();
  }

  /** As when the cable is pulled: nothing comes, nothing goes, nobody is told. */
  silence(): void {
    this.#silent = true;
  }

  /** What the node sends waits from now on. */
  hold(): void {
    this.#held ??= [];
  }

  release(): void {
    const held = this.#held ?? [];
    this.#held = null;
    for (const data of held) this.#pass(data);
  }

  /** As if the node had sent it. */
  inject(data: unknown): void {
    for (const listener of this.#onMessage) listener({ data });
  }

  #pass(data: unknown): void {
    const frame = this.change(JSON.parse(String(data)) as Record<string, unknown>);
    if (frame !== null) this.inject(JSON.stringify(frame));
  }
}
