import { ERRORS, ParleyError, isErrorCode } from '../protocol/errors.ts';
import type { ErrorCode } from '../protocol/errors.ts';
import type { Platform } from './platform.ts';

const BACKOFF_MS_MIN = 50;
const BACKOFF_MS_MAX = 2_000;
/** One attempt at one node: a little more than a node holds a request while it waits for a leader. */
const ATTEMPT_MS_MAX = 11_000;

export interface ApiRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  readonly path: string;
  readonly body?: unknown;
  readonly token?: string | undefined;
}

/**
 * JSON over HTTP to whichever node answers. Every changing request carries a transaction id, so repeating one is
 * always safe; what a repetition or another node can mend never reaches the caller before the deadline.
 */
export class ApiClient {
  readonly #platform: Platform;
  #endpoints: readonly string[];
  #at = 0;

  constructor(platform: Platform, endpoints: readonly string[]) {
    this.#platform = platform;
    this.#endpoints = endpoints;
  }

  get endpoint(): string {
    return this.#endpoints[this.#at % this.#endpoints.length]!;
  }

  get endpoints(): readonly string[] {
    return this.#endpoints;
  }

  /** The next request goes to the next node. */
  moveOn(): void {
    this.#at = (this.#at + 1) % this.#endpoints.length;
  }

  call<T>(request: ApiRequest, deadlineMs: number): Promise<T> {
    return this.withNode(deadlineMs, (endpoint, attemptMs) => this.attempt<T>(endpoint, request, attemptMs));
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
    let backoffMs = BACKOFF_MS_MIN;
    let failure = new ParleyError('deadline_exceeded');
    for (let attempt = 0; attempt === 0 || (nowMs() < deadline && signal?.aborted !== true); attempt++) {
      try {
        return await work(this.endpoint, Math.max(1, Math.min(ATTEMPT_MS_MAX, deadline - nowMs())));
      } catch (error) {
        if (!(error instanceof ParleyError) || !shouldRepeat(error.code)) throw error;
        // “Nobody there” says less than what a node that was there had to say.
        if (error.code !== 'cannot_connect' || attempt === 0) failure = error;
        this.moveOn();
        const retryAfterMs = Number(error.data['retryAfterMs'] ?? 0);
        const askedAll = (attempt + 1) % this.#endpoints.length === 0;
        const waitMs = Math.max(retryAfterMs, askedAll ? backoffMs * (0.5 + chance()) : 0);
        await pause(Math.max(0, Math.min(waitMs, deadline - nowMs())), signal);
        if (askedAll) backoffMs = Math.min(backoffMs * 2, BACKOFF_MS_MAX);
      }
    }
    throw failure;
  }

  /** One attempt at one node. @throws ParleyError with the node's code, or `cannot_connect` */
  async attempt<T>(endpoint: string, request: ApiRequest, timeoutMs: number): Promise<T> {
    const headers: Record<string, string> = { accept: 'application/json' };
    if (request.token !== undefined) headers['authorization'] = `Bearer ${request.token}`;
    if (request.body !== undefined) headers['content-type'] = 'application/json';
    let response: Response;
    let json: unknown;
    try {
      response = await this.#platform.fetch(endpoint + request.path, {
        method: request.method,
        headers,
        ...(request.body === undefined ? {} : { body: JSON.stringify(request.body) }),
        signal: AbortSignal.timeout(timeoutMs),
      });
      json = await response.json();
    } catch (cause) {
      throw new ParleyError('cannot_connect', `${endpoint} does not answer.`, { cause });
    }
    if (response.ok) return json as T;
    throw problemOf(json, endpoint, response.status);
  }
}

function shouldRepeat(code: ErrorCode): boolean {
  return code !== 'token_expired' && ERRORS[code].retryable;
}

function problemOf(json: unknown, endpoint: string, status: number): ParleyError {
  const problem = (typeof json === 'object' && json !== null ? json : {}) as Record<string, unknown>;
  const { code, detail, data, retryAfterMs } = problem;
  if (typeof code !== 'string' || !isErrorCode(code)) {
    const what = status >= 500 ? 'cannot_connect' : 'internal';
    return new ParleyError(what, `${endpoint} answered ${status}, and not as a Parley node does.`);
  }
  return new ParleyError(code, typeof detail === 'string' ? detail : undefined, {
    data: { ...(data as Record<string, unknown> | undefined), ...(retryAfterMs === undefined ? {} : { retryAfterMs }) },
  });
}
