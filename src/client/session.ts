import {
  anything,
  challenge as challengeAnswer,
  cluster as clusterAnswer,
  session as sessionAnswer,
} from './answers.ts';
import { learnNodes } from './neighbours.ts';
import { deviceKeysOf } from './identity-keys.ts';
import { readRow, writeRow } from './rows.ts';
import { signSessionChallenge } from '../crypto/identity.ts';
import { createSessionSecret, formatAccessToken, sessionSecretHash } from '../crypto/tokens.ts';
import { fromBase64Url, toBase64Url } from '../protocol/base64url.ts';
import { ParleyError } from '../protocol/errors.ts';
import { LIMITS } from '../protocol/limits.ts';
import { makeTxnId } from '../protocol/txn-id.ts';
import type { ErrorCode } from '../protocol/errors.ts';
import type { ApiClient, ApiRequest } from './api-client.ts';
import type { Platform } from './platform.ts';
import type { IdentityRow, SessionRow } from './rows.ts';
import type { ClusterId, SessionId } from '../protocol/ids.ts';

/** A token is renewed this long before it expires; */
const RENEW_BEFORE_MS = 60_000;
/** and while it lasts, nobody waits longer than this for the next one. */
const RENEW_EARLY_MS_MAX = 2_000;
const ENDED: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'unauthenticated',
  'session_revoked',
  'no_such_session',
  'refresh_reused',
]);
/** Of a device that its cluster does not know; or of one that asks another cluster than its own. */
const STRANGER: ReadonlySet<ErrorCode> = new Set<ErrorCode>(['no_such_user', 'no_such_device']);

/**
 * Keeps this device logged in. The client draws all secrets and shows nodes their hashes, so every step can be
 * repeated on any node with the same outcome. Programs that share a home share the session: whoever renews it writes
 * down first what it is going to announce, and another that comes along announces the same.
 */
export class Session {
  readonly #platform: Platform;
  readonly #api: ApiClient;

  constructor(platform: Platform, api: ApiClient) {
    this.#platform = platform;
    this.#api = api;
  }

  /** A request as this device. Logs in, or renews the token, where needed. */
  async call<T>(request: ApiRequest<T>, deadlineMs: number): Promise<T> {
    const leftMs = this.#countDown(deadlineMs);
    const token = await this.token(leftMs());
    try {
      return await this.#api.call<T>({ ...request, token }, leftMs());
    } catch (error) {
      if (!(error instanceof ParleyError) || !(await this.gaveUp(token, error.code, leftMs()))) throw error;
      return this.#api.call<T>({ ...request, token: await this.token(leftMs()) }, leftMs());
    }
  }

  /** A token that is good for now. @throws ParleyError `unauthenticated` on a home without an account */
  async token(deadlineMs: number): Promise<string> {
    const row = await this.#platform.store.transaction((tx) => readRow(tx, 'session'));
    if (row === undefined) return this.#logIn(deadlineMs);
    if (row.renewAtMs > this.#platform.nowMs()) return tokenOf(row);
    return this.#renew(tokenOf(row), deadlineMs, { isRefused: false });
  }

  /**
   * A node refused `token` with `code`: renews it, or forgets the session, so that the next `token()` is another.
   * @returns false when the code says nothing against the token
   */
  async gaveUp(token: string, code: ErrorCode, deadlineMs: number): Promise<boolean> {
    if (code === 'token_expired') await this.#renew(token, deadlineMs, { isRefused: true });
    else if (ENDED.has(code)) await this.#forget(token);
    else return false;
    return true;
  }

  /** Ends the session here and on the nodes. */
  async logOut(deadlineMs: number): Promise<void> {
    const row = await this.#platform.store.transaction((tx) => readRow(tx, 'session'));
    if (row === undefined) return;
    const leftMs = this.#countDown(deadlineMs);
    const token = await this.token(leftMs());
    const path = `/v1/sessions/current?txnId=${this.#newTxnId()}`;
    try {
      await this.#api.call({ method: 'DELETE', path, token, answer: anything }, leftMs());
    } catch (error) {
      // It was over already, or the first attempt went through without its answer.
      if (!(error instanceof ParleyError) || !ENDED.has(error.code)) throw error;
    }
    await this.#forget(token);
  }

  async #logIn(deadlineMs: number): Promise<string> {
    const identity = await this.#platform.store.transaction((tx) => readRow(tx, 'identity'));
    if (identity?.state !== 'enrolled') {
      throw new ParleyError('unauthenticated', 'There is no account in this home: register, or log in with one.');
    }
    const row = await this.#api.withNode(deadlineMs, async (endpoint, attemptMs) => {
      try {
        return await this.#logInAt(endpoint, identity, attemptMs);
      } catch (error) {
        if (error instanceof ParleyError && STRANGER.has(error.code)) await this.#askCluster(endpoint, attemptMs);
        throw error;
      }
    });
    await this.#platform.store.transaction(async (tx) => writeRow(tx, 'session', row));
    await learnNodes(this.#platform, this.#api);
    return tokenOf(row);
  }

  /** The challenge is bound to the URL this device talks to, so challenge and answer go to the same node. */
  async #logInAt(endpoint: string, identity: IdentityRow, attemptMs: number): Promise<SessionRow> {
    const keys = deviceKeysOf(identity, this.#platform);
    const { challenge, cluster } = await this.#api.attempt(
      endpoint,
      {
        method: 'POST',
        path: '/v1/sessions/challenge',
        body: { account: identity.name, device: identity.device },
        answer: challengeAnswer,
      },
      attemptMs,
    );
    await this.#checkCluster(cluster as ClusterId, endpoint);
    const access = createSessionSecret(this.#platform.random);
    const refresh = createSessionSecret(this.#platform.random);
    const signature = signSessionChallenge(keys, {
      cluster: cluster as ClusterId,
      origin: endpoint,
      account: identity.account,
      challenge: fromBase64Url(challenge),
      accessHash: access.hash,
      refreshHash: refresh.hash,
    });
    const renewAtMs = this.#renewalTime();
    const { session } = await this.#api.attempt(
      endpoint,
      {
        method: 'POST',
        path: '/v1/sessions',
        body: {
          account: identity.name,
          device: identity.device,
          origin: endpoint,
          challenge,
          accessHash: toBase64Url(access.hash),
          refreshHash: toBase64Url(refresh.hash),
          signature: toBase64Url(signature),
          txnId: this.#newTxnId(),
        },
        answer: sessionAnswer,
      },
      attemptMs,
    );
    return {
      session: session as SessionId,
      accessSecret: access.secret,
      refreshSecret: refresh.secret,
      renewAtMs,
      next: null,
    };
  }

  /** @throws ParleyError `wrong_cluster` when this home belongs to another */
  async #askCluster(endpoint: string, attemptMs: number): Promise<void> {
    const request = { method: 'GET', path: '/v1/cluster', answer: clusterAnswer } as const;
    const { clusterId } = await this.#api.attempt(endpoint, request, attemptMs);
    await this.#checkCluster(clusterId as ClusterId | null, endpoint);
  }

  async #checkCluster(cluster: ClusterId | null, endpoint: string): Promise<void> {
    const pinned = await this.#platform.store.transaction((tx) => readRow(tx, 'cluster'));
    if (pinned === undefined || cluster === null || pinned === cluster) return;
    throw new ParleyError('wrong_cluster', `${endpoint} belongs to another cluster than this home does.`);
  }

  /**
   * @param stale the token that is to be replaced, unless another program has replaced it already
   * @param isRefused whether a node does not take it any more
   */
  async #renew(stale: string, deadlineMs: number, { isRefused }: { readonly isRefused: boolean }): Promise<string> {
    const leftMs = this.#countDown(deadlineMs);
    const row = await this.#announceNext(stale);
    if (row === undefined) return this.#logIn(leftMs());
    if (row.next === null) return tokenOf(row);
    const { accessSecret, refreshSecret, txnId } = row.next;
    const renewAtMs = this.#renewalTime();
    const lasts = !isRefused && row.renewAtMs + RENEW_BEFORE_MS > this.#platform.nowMs();
    try {
      await this.#api.call(
        {
          method: 'POST',
          path: '/v1/sessions/refresh',
          body: {
            session: row.session,
            refreshSecret: toBase64Url(row.refreshSecret),
            accessHash: toBase64Url(sessionSecretHash(accessSecret)),
            refreshHash: toBase64Url(sessionSecretHash(refreshSecret)),
            txnId,
          },
          answer: sessionAnswer,
        },
        lasts ? Math.min(RENEW_EARLY_MS_MAX, leftMs()) : leftMs(),
      );
    } catch (error) {
      if (!(error instanceof ParleyError)) throw error;
      if (lasts && error.retryable) return tokenOf(row);
      if (!ENDED.has(error.code)) throw error;
      await this.#forget(tokenOf(row));
      return this.token(leftMs());
    }
    const renewed: SessionRow = { session: row.session, accessSecret, refreshSecret, renewAtMs, next: null };
    await this.#platform.store.transaction(async (tx) => {
      const current = await readRow(tx, 'session');
      if (current?.next?.txnId === txnId) writeRow(tx, 'session', renewed);
    });
    await learnNodes(this.#platform, this.#api);
    return tokenOf(renewed);
  }

  /** Writes down what the next refresh announces; whoever else renews this session announces the same. */
  async #announceNext(stale: string): Promise<SessionRow | undefined> {
    const { store, random } = this.#platform;
    return store.transaction(async (tx) => {
      const row = await readRow(tx, 'session');
      if (row === undefined || row.next !== null || tokenOf(row) !== stale) return row;
      const next = { accessSecret: random(32), refreshSecret: random(32), txnId: this.#newTxnId() };
      const announced = { ...row, next };
      writeRow(tx, 'session', announced);
      return announced;
    });
  }

  /** Unless another program has a newer session already. */
  async #forget(token: string): Promise<void> {
    await this.#platform.store.transaction(async (tx) => {
      const row = await readRow(tx, 'session');
      if (row !== undefined && tokenOf(row) === token) tx.delete('session');
    });
  }

  /** By this machine's clock, which need not be that of the nodes: a token is asked for now, and lives so long. */
  #renewalTime(): number {
    return this.#platform.nowMs() + LIMITS.accessTokenTtlMs - RENEW_BEFORE_MS;
  }

  #countDown(deadlineMs: number): () => number {
    const deadline = this.#platform.nowMs() + deadlineMs;
    return () => deadline - this.#platform.nowMs();
  }

  #newTxnId(): ReturnType<typeof makeTxnId> {
    return makeTxnId(this.#platform.nowMs(), this.#platform.random(10));
  }
}

function tokenOf(row: SessionRow): string {
  return formatAccessToken(row.session, row.accessSecret);
}
