import { ERRORS, ParleyError, isErrorCode } from '../protocol/errors.ts';
import { OddAnswer } from './answers.ts';
import { BackOff } from './back-off.ts';
import type { ErrorCode } from '../protocol/errors.ts';
import type { Decode } from './answers.ts';
import type { Balance } from './choose-node.ts';
import type { Platform } from './platform.ts';

/** However long a node asks to be left alone. */
const RETRY_AFTER_MS_MAX = 10_000;
/** One attempt at one node: a little more than a node holds a request while it waits for a leader. */
const ATTEMPT_MS_MAX = 11_000;
/** An attempt that had less than this says nothing of the node. */
const FAIR_ATTEMPT_MS = 250;
/** A page of 100 rooms, each with the longest sealed name there can be, fits twice. */
const ANSWER_BYTES_MAX = 20 * 1024 * 1024;
const DETAIL_LENGTH_MAX = 500;

export interface ApiRequest<T> {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Made of checked ids, names and cursors only. */
  readonly path: string;
  readonly body?: unknown;
  /** In the place of a body. */
  readonly bytes?: Uint8Array;
  readonly token?: string | undefined;
  readonly answer: Decode<T>;
}

/**
 * JSON over HTTP to whichever node answers. Every changing request carries a transaction id, so repeating one is
 * always safe; what a repetition or another node can mend never reaches the caller before the deadline.
 */
export class ApiClient {
  readonly #platform: Platform;
  readonly #given: readonly string[];
  /** How to choose among the nodes; null where the order was given. */
  readonly balance: Balance | null;
  #endpoints: readonly string[];
  #at = 0;

  constructor(platform: Platform, endpoints: readonly string[], balance: Balance | null = null) {
    this.#platform = platform;
    this.balance = balance;
    this.#given = endpoints;
    this.#endpoints = endpoints;
  }

  get endpoint(): string {
    return this.#endpoints[this.#at % this.#endpoints.length]!;
  }

  get endpoints(): readonly string[] {
    return this.#endpoints;
  }

  /** Further nodes, to be tried after those that were given. */
  learn(urls: readonly string[]): void {
    const at = this.endpoint;
    this.#endpoints = [...new Set([...this.#given, ...urls])];
    this.#at = Math.max(0, this.#endpoints.indexOf(at));
  }

  /** The next request goes to the first of these, and when it fails to the next; all others come after them. */
  prefer(urls: readonly string[]): void {
    const order = urls.filter((url) => this.#endpoints.includes(url));
    this.#endpoints = [...new Set([...order, ...this.#endpoints])];
    this.#at = 0;
  }

  /** The next request goes to the next node. */
  moveOn(): void {
    this.#at = (this.#at + 1) % this.#endpoints.length;
  }

  call<T>(request: ApiRequest<T>, deadlineMs: number, signal?: AbortSignal): Promise<T> {
    return this.withNode(deadlineMs, (endpoint, attemptMs) => this.attempt(endpoint, request, attemptMs), signal);
  }

  /**
   * Repeats `work`, on one node after the other, while its failure is one that a repetition can mend.
   * @param deadlineMs milliseconds from now
   * @param signal ends the attempts too
   * @throws ParleyError the last failure
   */
  async withNode<T>(
    deadlineMs: number,
    work: (endpoint: string, attemptMs: number) => Promise<T>,
    signal?: AbortSignal,
  ): Promise<T> {
    const { nowMs, pause, chance } = this.#platform;
    const deadline = nowMs() + deadlineMs;
    const backOff = new BackOff(chance);
    let failure = new ParleyError('deadline_exceeded');
    for (let attempt = 0; attempt === 0 || (nowMs() < deadline && signal?.aborted !== true); attempt++) {
      const attemptMs = Math.max(1, Math.ceil(Math.min(ATTEMPT_MS_MAX, deadline - nowMs())));
      try {
        return await work(this.endpoint, attemptMs);
      } catch (error) {
        if (!(error instanceof ParleyError) || !shouldRepeat(error.code)) throw error;
        if (attempt === 0 || saysMore(error.code, attemptMs)) failure = error;
        this.moveOn();
        const askedAll = (attempt + 1) % this.#endpoints.length === 0;
        const waitMs = Math.max(retryAfterMsOf(error), askedAll ? backOff.next() : 0);
        await pause(Math.max(0, Math.min(waitMs, deadline - nowMs())), signal);
      }
    }
    throw failure;
  }

  /**
   * One attempt at one node.
   * @throws ParleyError with the node's code; `cannot_connect` where none answers, or not as a node does;
   *   `deadline_exceeded` where one takes too long
   */
  async attempt<T>(endpoint: string, request: ApiRequest<T>, timeoutMs: number): Promise<T> {
    const headers: Record<string, string> = { accept: 'application/json' };
    if (request.token !== undefined) headers['authorization'] = `Bearer ${request.token}`;
    if (request.bytes !== undefined) headers['content-type'] = 'application/octet-stream';
    else if (request.body !== undefined) headers['content-type'] = 'application/json';
    const timeout = AbortSignal.timeout(timeoutMs);
    let response: Response;
    let text: string | null;
    try {
      response = await this.#platform.fetch(endpoint + request.path, {
        method: request.method,
        headers,
        ...bodyOf(request),
        // Secrets go to the node that was meant, and to no other that it names.
        redirect: 'error',
        signal: timeout,
      });
      text = await textOf(response);
    } catch (cause) {
      if (timeout.aborted)
        throw new ParleyError('deadline_exceeded', `${endpoint} took too long to answer.`, { cause });
      throw new ParleyError('cannot_connect', `${endpoint} does not answer.`, { cause });
    }
    try {
      const json: unknown = JSON.parse(text ?? '');
      if (response.ok) return request.answer(json);
      throw problemIn(json);
    } catch (cause) {
      if (!(cause instanceof OddAnswer || cause instanceof SyntaxError)) throw cause;
      const detail = `${endpoint} answered ${response.status}, and not as a Parley node does.`;
      throw new ParleyError('cannot_connect', detail, { cause });
    }
  }
}

function bodyOf({ body, bytes }: Pick<ApiRequest<unknown>, 'body' | 'bytes'>): Pick<RequestInit, 'body'> {
  if (bytes !== undefined) return { body: bytes as Uint8Array<ArrayBuffer> };
  return body === undefined ? {} : { body: JSON.stringify(body) };
}

function shouldRepeat(code: ErrorCode): boolean {
  return code !== 'token_expired' && ERRORS[code].retryable;
}

/** “Nobody there” says less than what a node that was there had to say, and so does having given it no time. */
function saysMore(code: ErrorCode, attemptMs: number): boolean {
  return code !== 'cannot_connect' && !(code === 'deadline_exceeded' && attemptMs < FAIR_ATTEMPT_MS);
}

function retryAfterMsOf({ data }: ParleyError): number {
  const wanted = data['retryAfterMs'];
  return typeof wanted === 'number' && wanted > 0 ? Math.min(wanted, RETRY_AFTER_MS_MAX) : 0;
}

/** Null where it is longer than any answer. */
async function textOf(response: Response): Promise<string | null> {
  const decoder = new TextDecoder();
  let text = '';
  let bytes = 0;
  for (const reader = response.body?.getReader(); reader !== undefined;) {
    const { done, value } = await reader.read();
    if (done) break;
    bytes += value.byteLength;
    if (bytes > ANSWER_BYTES_MAX) {
      await reader.cancel();
      return null;
    }
    text += decoder.decode(value, { stream: true });
  }
  return text + decoder.decode();
}

/** @throws OddAnswer */
export function problemIn(json: unknown): ParleyError {
  const problem = (typeof json === 'object' && json !== null ? json : {}) as Record<string, unknown>;
  const { code, detail, data, retryAfterMs } = problem;
  if (typeof code !== 'string' || !isErrorCode(code)) throw new OddAnswer();
  return new ParleyError(code, typeof detail === 'string' ? detail.slice(0, DETAIL_LENGTH_MAX) : undefined, {
    data: {
      ...(typeof data === 'object' ? data : {}),
      ...(typeof retryAfterMs === 'number' ? { retryAfterMs } : {}),
    },
  });
}
