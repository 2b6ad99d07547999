import { ParleyError } from '../protocol/errors.ts';
import { isLockName } from '../protocol/ids.ts';
import { lockAcquired, lockReleased, lockRenewed, lockShown, locksShown } from './answers.ts';
import type { LockAcquireReplyT, LockJsonT } from '../protocol/http/locks.ts';
import type { LockName } from '../protocol/ids.ts';
import type { ClientContext } from './context.ts';

/** How often somebody who waits looks whether it is its turn. */
const POLL_MS = 500;
const CALL_MS_MAX = 15_000;

/** A lock that this device's session holds. */
export interface HeldLock {
  readonly name: LockName;
  /** To be shown to what the lock protects, which refuses smaller ones than it has seen. */
  readonly token: number;
  /** By the cluster's clock, RFC 3339. */
  readonly expiresAt: string;
}

/** Named locks with a lease: permission to something that is shared. */
export class Locks {
  readonly #context: ClientContext;

  constructor(context: ClientContext) {
    this.#context = context;
  }

  /**
   * Takes a lock, waiting in its queue for up to `waitMs`. The lease lasts for `ttlMs` from when it is granted.
   * @throws ParleyError `lock_held` when it does not come free in time, `no_such_room`, `too_many`
   */
  async acquire(
    name: string,
    { ttlMs, waitMs, signal }: { readonly ttlMs: number; readonly waitMs: number; readonly signal: AbortSignal },
  ): Promise<HeldLock> {
    const deadlineMs = this.#context.platform.nowMs() + waitMs;
    const { token, expiresAt } = await this.#ask(name, { ttlMs, waitMs });
    if (token !== null) return { name: checkName(name), token, expiresAt };
    try {
      return await this.#turn(name, { ttlMs, deadlineMs, signal });
    } catch (error) {
      await this.#leaveQueue(name);
      throw error;
    }
  }

  /** A place that cannot be given back now ends with the lease that it is granted in the end. */
  async #leaveQueue(name: string): Promise<void> {
    await this.release(name).catch((error: unknown) => {
      if (!(error instanceof ParleyError)) throw error;
    });
  }

  #ask(name: string, terms: { readonly ttlMs: number; readonly waitMs: number }): Promise<LockAcquireReplyT> {
    const body = { ...terms, txnId: this.#context.newTxnId() };
    return this.#context.write({ method: 'PUT', path: pathOf(name), body, answer: lockAcquired(name) }, CALL_MS_MAX);
  }

  async #turn(
    name: string,
    {
      ttlMs,
      deadlineMs,
      signal,
    }: { readonly ttlMs: number; readonly deadlineMs: number; readonly signal: AbortSignal },
  ): Promise<HeldLock> {
    const { nowMs, pause } = this.#context.platform;
    while (nowMs() < deadlineMs) {
      const held = await this.#look(name, { ttlMs, waitMs: Math.max(0, deadlineMs - nowMs()) }).catch(passing);
      if (held !== null) return held;
      await pause(Math.min(POLL_MS, Math.max(0, deadlineMs - nowMs())), signal);
      if (signal.aborted) break;
    }
    throw new ParleyError('lock_held');
  }

  /** Whether it is this device's turn; null when not. */
  async #look(name: string, terms: { readonly ttlMs: number; readonly waitMs: number }): Promise<HeldLock | null> {
    const { holder, position } = await this.show(name);
    if (holder?.own === true) return { name: checkName(name), token: holder.token, expiresAt: holder.expiresAt };
    if (position !== null) return null;
    // The lease is over and nobody has noticed yet: asking again passes the lock on to who is next.
    const { token, expiresAt } = await this.#ask(name, terms);
    return token === null ? null : { name: checkName(name), token, expiresAt };
  }

  /** @throws ParleyError `lock_lost` when the lease was over */
  async renew({ name, token }: HeldLock, ttlMs: number): Promise<HeldLock> {
    const body = { token, ttlMs, txnId: this.#context.newTxnId() };
    const request = { method: 'PATCH', path: pathOf(name), body, answer: lockRenewed(name, token) } as const;
    const { expiresAt } = await this.#context.write(request, CALL_MS_MAX);
    return { name, token, expiresAt };
  }

  /**
   * Gives it back, or leaves its queue.
   * @throws ParleyError `lock_lost` when a token is given and its lease was over
   */
  async release(name: string, token?: number): Promise<void> {
    const which = token === undefined ? '' : `&token=${token}`;
    const path = `${pathOf(name)}?txnId=${this.#context.newTxnId()}${which}`;
    await this.#context.write({ method: 'DELETE', path, answer: lockReleased(name) }, CALL_MS_MAX);
  }

  /** Who holds it, as the whole cluster knows it now. */
  show(name: string): Promise<LockJsonT> {
    return this.#context.readNewest(pathOf(name), lockShown(name), CALL_MS_MAX);
  }

  /** What this device's session holds and waits for. */
  async list(): Promise<readonly LockJsonT[]> {
    return (await this.#context.readNewest('/v1/locks', locksShown, CALL_MS_MAX)).locks;
  }
}

/** A cluster that cannot tell right now keeps the place in the queue. @throws what will not pass by itself */
function passing(error: unknown): null {
  if (error instanceof ParleyError && error.retryable) return null;
  throw error;
}

const pathOf = (name: string): string => `/v1/locks/${encodeURIComponent(checkName(name))}`;

function checkName(name: string): LockName {
  if (isLockName(name)) return name;
  throw new ParleyError('usage', 'A lock’s name has up to 128 of A–Z a–z 0–9 . _ : - (behind ROOM/ for a room’s own).');
}
