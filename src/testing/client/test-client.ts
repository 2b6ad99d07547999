import { setTimeout as sleep } from 'node:timers/promises';
import { ParleyClient } from '../../client/client.ts';
import { nodeEd25519 } from '../../crypto/node-ed25519.ts';
import { nodeFileCipher } from '../../crypto/node-file-cipher.ts';
import { nodeRandom } from '../../crypto/node-random.ts';
import { nodeX25519 } from '../../crypto/node-x25519.ts';
import { loadOpaquePerson } from '../../crypto/opaque-client.ts';
import { makeTxnId } from '../../protocol/txn-id.ts';
import { MemorySpool } from './memory-spool.ts';
import { MemoryStore } from './memory-store.ts';
import { TestNetwork } from './test-network.ts';
import type { Balance } from '../../client/choose-node.ts';
import type { Platform } from '../../client/platform.ts';
import type { MessageLine } from '../../client/reader.ts';
import type { TxnId } from '../../protocol/ids.ts';
import type { ManualClock } from '../manual-clock.ts';

/** Pauses are so much shorter than those of a real client. */
const HURRY = 20;

export interface TestClientOptions {
  readonly endpoints: readonly string[];
  /** Chooses among `endpoints`, as for a client to which none were given. */
  readonly balance?: Balance;
  readonly insecureHttp?: boolean;
  readonly store?: MemoryStore;
  readonly spool?: MemorySpool;
  readonly network?: TestNetwork;
  /** Time stands still but for its `advance`; without it, real time. */
  readonly clock?: ManualClock;
  /** Milliseconds by which this machine's clock is ahead. */
  readonly aheadMs?: () => number;
}

/** A client over real cryptography and real requests, with a network and a disk that tests can meddle with. */
export class TestClient {
  readonly client: ParleyClient;
  readonly platform: Platform;
  readonly store: MemoryStore;
  readonly network: TestNetwork;

  private constructor(client: ParleyClient, platform: Platform, store: MemoryStore, network: TestNetwork) {
    this.client = client;
    this.platform = platform;
    this.store = store;
    this.network = network;
  }

  static async open(options: TestClientOptions): Promise<TestClient> {
    const {
      store = new MemoryStore(),
      spool = new MemorySpool(),
      network = new TestNetwork(),
      clock,
      aheadMs = () => 0,
    } = options;
    const platform: Platform = {
      fetch: network.fetch,
      openSocket: network.openSocket,
      store,
      random: nodeRandom,
      nowMs: () => (clock === undefined ? Date.now() : clock.wallMs()) + aheadMs(),
      pause: clock === undefined ? hurriedPause : (ms, signal) => pauseBy(clock, ms, signal),
      chance: () => 0.5,
      loadOpaque: loadOpaquePerson,
      ed25519: nodeEd25519,
      x25519: nodeX25519,
      fileCipher: nodeFileCipher,
      spool,
    };
    const { endpoints, balance, insecureHttp = false } = options;
    const client = await ParleyClient.open(platform, {
      ...(balance === undefined ? { endpoints, fallback: [] } : { endpoints: null, fallback: endpoints, balance }),
      insecureHttp,
    });
    return new TestClient(client, platform, store, network);
  }

  static async registered(name: string, options: TestClientOptions): Promise<TestClient> {
    const person = await TestClient.open(options);
    await person.client.account.register(name, undefined);
    return person;
  }

  /** What no verb of the client does, by the API itself, as this person's device. */
  async call(method: string, path: string): Promise<void> {
    const { endpoints } = await this.client.whoAmI();
    const headers = { authorization: this.network.lastAuthorization };
    const answer = await fetch(endpoints[0]! + path, { method, headers });
    if (!answer.ok) throw new Error(await answer.text());
  }

  newTxnId(): TxnId {
    return makeTxnId(this.platform.nowMs(), this.platform.random(10));
  }

  /** Sends, and expects it to be sent. @returns its seq */
  async say(target: string, text: string): Promise<number> {
    const { result } = await this.client.send(target, text, { timeoutMs: 10_000 });
    if (result.seq === null) throw result.reason ?? new Error('not sent');
    return result.seq;
  }

  async lines(target: string, after?: number): Promise<MessageLine[]> {
    const lines: MessageLine[] = [];
    for await (const page of this.client.read(target, { after })) lines.push(...page.lines);
    return lines;
  }

  /** What stands in a room: texts, or why one cannot be read. */
  async texts(target: string): Promise<string[]> {
    return (await this.lines(target)).map(({ text, unreadable }) => text ?? `(${unreadable})`);
  }
}

async function hurriedPause(ms: number, signal?: AbortSignal): Promise<void> {
  await sleep(ms / HURRY, undefined, signal === undefined ? {} : { signal }).catch(() => {});
}

function pauseBy(clock: ManualClock, ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = (): void => {
      cancel();
      signal?.removeEventListener('abort', end);
      resolve();
    };
    const cancel = clock.after(ms, end);
    signal?.addEventListener('abort', end);
    if (signal?.aborted === true) end();
  });
}
