import { createInterimConversation } from '../crypto/conversation-interim.ts';
import { ParleyError } from '../protocol/errors.ts';
import { makeTxnId } from '../protocol/txn-id.ts';
import { ApiClient } from './api-client.ts';
import { deviceKeysOf } from './identity-keys.ts';
import { People } from './people.ts';
import { readRow, writeRow } from './rows.ts';
import { Session } from './session.ts';
import type { Conversation } from '../crypto/conversation.ts';
import type { DeviceKeys } from '../crypto/identity.ts';
import type { ClusterId, TxnId } from '../protocol/ids.ts';
import type { ApiRequest } from './api-client.ts';
import type { Platform } from './platform.ts';
import type { IdentityRow } from './rows.ts';

const CLUSTER_MS_MAX = 10_000;

export interface OwnDevice {
  readonly row: IdentityRow;
  readonly keys: DeviceKeys;
}

/** What every part of the engine shares. */
export class ClientContext {
  readonly platform: Platform;
  readonly api: ApiClient;
  readonly session: Session;
  readonly people: People;
  readonly conversation: Conversation;
  #own: OwnDevice | null = null;
  #cluster: ClusterId | null = null;

  constructor(platform: Platform, endpoints: readonly string[]) {
    const { random, ed25519, x25519 } = platform;
    this.platform = platform;
    this.api = new ApiClient(platform, endpoints);
    this.session = new Session(platform, this.api);
    this.people = new People(platform);
    this.conversation = createInterimConversation({
      random,
      ...(ed25519 === undefined ? {} : { ed25519 }),
      ...(x25519 === undefined ? {} : { x25519 }),
    });
  }

  /** @throws ParleyError `unauthenticated` where nobody is enrolled */
  async own(): Promise<OwnDevice> {
    if (this.#own !== null) return this.#own;
    const row = await this.platform.store.transaction((tx) => readRow(tx, 'identity'));
    if (row?.state !== 'enrolled') {
      throw new ParleyError('unauthenticated', 'There is no account in this home: register, or log in with one.');
    }
    this.#own = { row, keys: deviceKeysOf(row, this.platform) };
    return this.#own;
  }

  /**
   * The cluster this home belongs to, pinned at first contact. It is signed in every envelope, so a node of another
   * cluster under the same URL cannot pass off anything.
   */
  async cluster(deadlineMs = CLUSTER_MS_MAX): Promise<ClusterId> {
    if (this.#cluster !== null) return this.#cluster;
    const pinned = await this.platform.store.transaction((tx) => readRow(tx, 'cluster'));
    this.#cluster = pinned ?? (await this.#pinCluster(deadlineMs));
    return this.#cluster;
  }

  async #pinCluster(deadlineMs: number): Promise<ClusterId> {
    const { clusterId } = await this.api.call<{ clusterId: ClusterId | null }>(
      { method: 'GET', path: '/v1/cluster' },
      deadlineMs,
    );
    if (clusterId === null) throw new ParleyError('no_leader', 'The cluster is not founded yet.');
    await this.platform.store.transaction(async (tx) => writeRow(tx, 'cluster', clusterId));
    return clusterId;
  }

  newTxnId(): TxnId {
    return makeTxnId(this.platform.nowMs(), this.platform.random(10));
  }

  /** A read that is not older than what this client has caused or seen, whichever node answers. */
  async read<T>(path: string, deadlineMs: number): Promise<T> {
    const cursor = await this.platform.store.transaction((tx) => readRow(tx, 'cursor'));
    if (cursor === undefined) return this.session.call<T>({ method: 'GET', path }, deadlineMs);
    try {
      return await this.readSince<T>(path, cursor, deadlineMs);
    } catch (error) {
      if (!(error instanceof ParleyError) || error.code !== 'cursor_invalid') throw error;
      await this.platform.store.transaction(async (tx) => tx.delete('cursor'));
      return this.session.call<T>({ method: 'GET', path }, deadlineMs);
    }
  }

  /** A read that is not older than `cursor`. */
  readSince<T>(path: string, cursor: string, deadlineMs: number): Promise<T> {
    const join = path.includes('?') ? '&' : '?';
    return this.session.call<T>({ method: 'GET', path: `${path}${join}cursor=${cursor}` }, deadlineMs);
  }

  /** A change; what it caused is part of every later read. */
  async write<T extends { readonly cursor?: string }>(request: ApiRequest, deadlineMs: number): Promise<T> {
    const answer = await this.session.call<T>(request, deadlineMs);
    if (answer.cursor !== undefined) await this.saw(answer.cursor);
    return answer;
  }

  async saw(cursor: string): Promise<void> {
    await this.platform.store.transaction(async (tx) => writeRow(tx, 'cursor', cursor));
  }
}
