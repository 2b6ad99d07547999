import { deviceKeysOf } from './identity-keys.ts';
import { readRow, writeRow } from './rows.ts';
import { signSessionChallenge } from '../crypto/identity.ts';
import { createSessionSecret, formatAccessToken, sessionSecretHash } from '../crypto/tokens.ts';
import { fromBase64Url, toBase64Url } from '../protocol/base64url.ts';
import { ParleyError } from '../protocol/errors.ts';
import { makeTxnId } from '../protocol/txn-id.ts';
import type { ErrorCode } from '../protocol/errors.ts';
import type { ApiClient, ApiRequest } from './api-client.ts';
import type { Platform } from './platform.ts';
import type { IdentityRow, SessionRow } from './rows.ts';
import type { ClusterId, SessionId } from '../protocol/ids.ts';

/** A token is renewed this long before it expires. */
const RENEW_BEFORE_MS = 60_000;
const ENDED: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'unauthenticated',
  'session_revoked',
  'no_such_session',
  'refresh_reused',
]);

interface SessionAnswer {
  readonly session: SessionId;
  readonly accessExpiresAt: string;
}

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
  async call<T>(request: ApiRequest, deadlineMs: number): Promise<T> {
    const deadline = this.#platform.nowMs() + deadlineMs;
    const leftMs = (): number => deadline - this.#platform.nowMs();
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
    if (row.accessExpiresAtMs - RENEW_BEFORE_MS > this.#platform.nowMs()) return tokenOf(row);
    return this.#renew(deadlineMs);
  }

  /**
   * A node refused `token` with `code`: renews it, or forgets the session, so that the next `token()` is another.
   * @returns false when the code says nothing against the token
   */
  async gaveUp(token: string, code: ErrorCode, deadlineMs: number): Promise<boolean> {
    if (code === 'token_expired') await this.#renew(deadlineMs);
    else if (ENDED.has(code)) await this.#forget(token);
    else return false;
    return true;
  }

  /** Ends the session here and on the nodes. */
  async logOut(deadlineMs: number): Promise<void> {
    const token = await this.token(deadlineMs);
    const txnId = this.#newTxnId();
    await this.#api.call({ method: 'DELETE', path: `/v1/sessions/current?txnId=${txnId}`, token }, deadlineMs);
    await this.#forget(token);
  }

  async #logIn(deadlineMs: number): Promise<string> {
    const identity = await this.#platform.store.transaction((tx) => readRow(tx, 'identity'));
    if (identity?.state !== 'enrolled') {
      throw new ParleyError('unauthenticated', 'There is no account in this home: register, or log in with one.');
    }
    const row = await this.#api.withNode(deadlineMs, (endpoint, attemptMs) =>
      this.#logInAt(endpoint, identity, attemptMs),
    );
    await this.#platform.store.transaction(async (tx) => writeRow(tx, 'session', row));
    return tokenOf(row);
  }

  /** The challenge is bound to the URL this device talks to, so challenge and answer go to the same node. */
  async #logInAt(endpoint: string, identity: IdentityRow, attemptMs: number): Promise<SessionRow> {
    const keys = deviceKeysOf(identity, this.#platform);
    const { challenge, cluster } = await this.#api.attempt<{ challenge: string; cluster: ClusterId }>(
      endpoint,
      { method: 'POST', path: '/v1/sessions/challenge', body: { account: identity.name, device: identity.device } },
      attemptMs,
    );
    await this.#checkCluster(cluster, endpoint);
    const access = createSessionSecret(this.#platform.random);
    const refresh = createSessionSecret(this.#platform.random);
    const signature = signSessionChallenge(keys, {
      cluster,
      origin: endpoint,
      account: identity.account,
      challenge: fromBase64Url(challenge),
      accessHash: access.hash,
      refreshHash: refresh.hash,
    });
    const answer = await this.#api.attempt<SessionAnswer>(
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
      },
      attemptMs,
    );
    return sessionRow(answer, access.secret, refresh.secret);
  }

  /** @throws ParleyError `wrong_cluster` when this home belongs to another */
  async #checkCluster(cluster: ClusterId, endpoint: string): Promise<void> {
    const pinned = await this.#platform.store.transaction((tx) => readRow(tx, 'cluster'));
    if (pinned === undefined || pinned === cluster) return;
    throw new ParleyError('wrong_cluster', `${endpoint} belongs to another cluster than this home does.`);
  }

  async #renew(deadlineMs: number): Promise<string> {
    const row = await this.#announceNext();
    if (row === undefined || row.next === null) return this.#logIn(deadlineMs);
    const { accessSecret, refreshSecret, txnId } = row.next;
    try {
      const answer = await this.#api.call<SessionAnswer>(
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
        },
        deadlineMs,
      );
      const renewed = sessionRow(answer, accessSecret, refreshSecret);
      await this.#platform.store.transaction(async (tx) => writeRow(tx, 'session', renewed));
      return tokenOf(renewed);
    } catch (error) {
      if (!(error instanceof ParleyError) || !ENDED.has(error.code)) throw error;
      await this.#forget(tokenOf(row));
      return this.#logIn(deadlineMs);
    }
  }

  async #announceNext(): Promise<SessionRow | undefined> {
    const { store, random } = this.#platform;
    return store.transaction(async (tx) => {
      const row = await readRow(tx, 'session');
      if (row === undefined || row.next !== null) return row;
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

  #newTxnId(): ReturnType<typeof makeTxnId> {
    return makeTxnId(this.#platform.nowMs(), this.#platform.random(10));
  }
}

function sessionRow(answer: SessionAnswer, accessSecret: Uint8Array, refreshSecret: Uint8Array): SessionRow {
  const accessExpiresAtMs = Date.parse(answer.accessExpiresAt);
  return { session: answer.session, accessSecret, refreshSecret, accessExpiresAtMs, next: null };
}

function tokenOf(row: SessionRow): string {
  return formatAccessToken(row.session, row.accessSecret);
}
