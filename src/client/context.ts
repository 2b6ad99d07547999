import { createInterimConversation } from '../crypto/conversation-interim.ts';
import { ParleyError } from '../protocol/errors.ts';
import { makeTxnId } from '../protocol/txn-id.ts';
import { cluster as clusterAnswer } from './answers.ts';
import { ApiClient } from './api-client.ts';
import { deviceKeysOf } from './identity-keys.ts';
import { learnNodes } from './neighbours.ts';
import { People } from './people.ts';
import { readRow, writeRow } from './rows.ts';
import { Session } from './session.ts';
import type { Conversation } from '../crypto/conversation.ts';
import type { DeviceKeys } from '../crypto/identity.ts';
import type { ErrorCode } from '../protocol/errors.ts';
import type { ClusterId, TxnId } from '../protocol/ids.ts';
import type { Decode } from './answers.ts';
import type { ApiRequest } from './api-client.ts';
import type { Balance } from './choose-node.ts';
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

  constructor(platform: Platform, endpoints: readonly string[], balance: Balance | null) {
    const { random, ed25519, x25519 } = platform;
    this.platform = platform;
    this.api = new ApiClient(platform, endpoints, balance);
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
    const { store } = this.platform;
    const pinned = await store.transaction((tx) => readRow(tx, 'cluster'));
    const told = pinned ?? (await this.#askCluster(deadlineMs));
    this.#cluster = await store.transaction(async (tx) => {
      // Another program that shares the store may have been first.
      const first = (await readRow(tx, 'cluster')) ?? told;
      if (pinned === undefined) writeRow(tx, 'cluster', first);
      return first;
    });
    return this.#cluster;
  }

  /**
   * Pins the cluster that answers, for a home that has no account yet and is bound to nothing.
   * @throws ParleyError `no_leader` before the cluster is founded
   */
  async joinCluster(deadlineMs: number): Promise<void> {
    const told = await this.#askCluster(deadlineMs);
    await this.platform.store.transaction(async (tx) => writeRow(tx, 'cluster', told));
    this.#cluster = told;
    await learnNodes(this.platform, this.api);
  }

  async #askCluster(deadlineMs: number): Promise<ClusterId> {
    const request = { method: 'GET', path: '/v1/cluster', answer: clusterAnswer } as const;
    const { clusterId } = await this.api.call(request, deadlineMs);
    if (clusterId === null) throw new ParleyError('no_leader', 'The cluster is not founded yet.');
    return clusterId as ClusterId;
  }

  newTxnId(): TxnId {
    return makeTxnId(this.platform.nowMs(), this.platform.random(10));
  }

  /** A read that is not older than what this client has caused, whichever node answers. */
  async read<T>(path: string, answer: Decode<T>, deadlineMs: number): Promise<T> {
    const deadline = this.platform.nowMs() + deadlineMs;
    const cursor = await this.platform.store.transaction((tx) => readRow(tx, 'cursor'));
    if (cursor === undefined) return this.readAny(path, answer, deadlineMs);
    try {
      return await this.readSince<T>(path, answer, cursor, deadlineMs / 2);
    } catch (error) {
      if (!(error instanceof ParleyError) || !CURSOR_TROUBLE.has(error.code)) throw error;
      // What is as new as the whole cluster is no older than any cursor, be it one that a node has made up.
      const newest = await this.readNewest<T>(path, answer, deadline - this.platform.nowMs());
      await this.platform.store.transaction(async (tx) => {
        if ((await readRow(tx, 'cursor')) === cursor) tx.delete('cursor');
      });
      return newest;
    }
  }

  /** A read of what one node knows, however old. */
  readAny<T>(path: string, answer: Decode<T>, deadlineMs: number): Promise<T> {
    return this.session.call<T>({ method: 'GET', path, answer }, deadlineMs);
  }

  /** A read that is not older than `cursor`. */
  readSince<T>(path: string, answer: Decode<T>, cursor: string, deadlineMs: number): Promise<T> {
    return this.session.call<T>({ method: 'GET', path: withQuery(path, `cursor=${cursor}`), answer }, deadlineMs);
  }

  /** A read as new as the whole cluster. */
  readNewest<T>(path: string, answer: Decode<T>, deadlineMs: number): Promise<T> {
    const newest = withQuery(path, 'consistency=linearizable');
    return this.session.call<T>({ method: 'GET', path: newest, answer }, deadlineMs);
  }

  /** A change; what it caused is part of every later read. */
  async write<T extends { readonly cursor: string }>(request: ApiRequest<T>, deadlineMs: number): Promise<T> {
    const answer = await this.session.call<T>(request, deadlineMs);
    await this.platform.store.transaction(async (tx) => writeRow(tx, 'cursor', answer.cursor));
    return answer;
  }
}

/** What a cursor may be the reason for. */
const CURSOR_TROUBLE: ReadonlySet<string> = new Set<ErrorCode>(['cursor_invalid', 'behind', 'deadline_exceeded']);

function withQuery(path: string, query: string): string {
  return `${path}${path.includes('?') ? '&' : '?'}${query}`;
}
