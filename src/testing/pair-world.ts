import { nodeRandom } from '../crypto/node-random.ts';
import { Broadcasts } from '../node/transport/broadcasts.ts';
import { ClusterKeys, EVERYBODY } from '../node/transport/cluster-keys.ts';
import { parseHeader } from '../node/transport/frame-header.ts';
import { RingKeys } from '../node/ring/ring-keys.ts';
import { Pairs, type Received } from '../node/transport/pairs.ts';
import type { NodeIdentity } from '../node/identity/node-identity.ts';
import type { PublicIdentity } from '../node/identity/public-identity.ts';
import type { Pair } from '../node/transport/pair.ts';
import type { ClusterId, NodeName } from '../protocol/ids.ts';
import { testIdentity } from './test-identity.ts';

const STEPS_MAX = 1_000;
const PIECE_BYTES_MAX = 64 * 1024;
export const PAIR_CLUSTER = `C${'a'.repeat(26)}` as ClusterId;
export const PAIR_SECRET = new Uint8Array(32).fill(1);

interface Letter {
  readonly from: PairNode;
  readonly to: NodeName | typeof EVERYBODY;
  readonly frame: Buffer;
}

export interface PairNodeOptions {
  readonly boot: number;
  readonly identity?: NodeIdentity;
  readonly secret?: Uint8Array;
  /** In no cluster yet. */
  readonly unbound?: boolean;
}

/** A process of a node, as far as it agrees on keys with others, on a network of function calls. */
export class PairNode {
  readonly name: NodeName;
  readonly pairs: Pairs;
  readonly ring: RingKeys;
  readonly broadcasts: Broadcasts;
  readonly boot: number;
  readonly met: Pair[] = [];
  readonly heard: Received[] = [];
  /** Keys by name, as the membership lists them for this node. */
  readonly members = new Map<NodeName, PublicIdentity>();

  constructor(world: PairWorld, name: string, { boot, identity, secret, unbound }: PairNodeOptions) {
    this.name = name as NodeName;
    this.boot = boot;
    this.pairs = new Pairs({
      self: this.name,
      boot,
      identity: identity ?? testIdentity(name),
      keys: new ClusterKeys(secret ?? PAIR_SECRET),
      directory: { identityOf: (node) => this.members.get(node) ?? null },
      random: nodeRandom,
      monotonicMs: () => world.nowMs,
      publish: (to, frame) => world.letters.push({ from: this, to, frame }),
      onMet: (pair) => {
        this.met.push(pair);
        this.broadcasts.onMet(pair);
      },
    });
    this.ring = new RingKeys(() => world.nowMs);
    this.broadcasts = new Broadcasts({
      ...{ self: this.name, boot, pairs: this.pairs, ring: this.ring, random: nodeRandom },
      monotonicMs: () => world.nowMs,
      send: (pair, kind, payload) => {
        for (const frame of this.pairs.seal(pair, kind, payload, PIECE_BYTES_MAX) ?? []) {
          world.letters.push({ from: this, to: pair.name, frame });
        }
      },
    });
    if (unbound !== true) this.pairs.bindTo(PAIR_CLUSTER);
  }

  /** What becomes of a frame that arrives. */
  receive(frame: Buffer): Received {
    const header = parseHeader(frame);
    if (header === undefined) return { outcome: 'dropped', reason: 'malformed' };
    const isForAll = header.receiver === EVERYBODY && header.kind !== 'introduce';
    const received = isForAll ? this.broadcasts.receive(frame, header) : this.pairs.receive(frame, header);
    if (received.outcome === 'frame' && received.payload !== undefined) {
      if (header.kind === 'salt') this.broadcasts.onSalt(received.pair, received.payload);
      if (header.kind === 'salt-ready') this.broadcasts.onReady(received.pair, received.payload);
    }
    this.heard.push(received);
    return received;
  }

  /** One frame in the session with the process that holds `to`. */
  seal(to: PairNode, kind: 'raft' | 'hello' | 'forward' = 'raft', payload = Uint8Array.of(1, 2, 3)): Buffer {
    const frame = this.sealAll(to, kind, payload)[0];
    if (frame === undefined) throw new Error(`${this.name} has no session with ${to.name}`);
    return frame;
  }

  /** One frame for everybody, with tags for those who are to believe it. */
  sealForAll(payload: Uint8Array, kind: 'raft-shared' | 'signal', tagged: readonly PairNode[] = []): Buffer {
    const pairs = tagged.map(({ name }) => this.pairs.holder(name)!);
    return this.broadcasts.seal(kind, payload, PIECE_BYTES_MAX, pairs)[0]!;
  }

  isReadyFor(other: PairNode): boolean {
    const pair = this.pairs.holder(other.name);
    return pair !== undefined && this.broadcasts.isReady(pair);
  }

  sealAll(to: PairNode, kind: 'raft' | 'hello' | 'forward' | 'snapshot-chunk', payload: Uint8Array): Buffer[] {
    const pair = this.pairs.holder(to.name);
    return (pair && this.pairs.seal(pair, kind, payload, PIECE_BYTES_MAX)) ?? [];
  }
}

export class PairWorld {
  nowMs = 1_000;
  readonly letters: Letter[] = [];
  readonly nodes = new Set<PairNode>();
  /** All that was ever delivered, as somebody on the network would have it. */
  readonly recorded: Letter[] = [];

  start(name: string, options: PairNodeOptions): PairNode {
    const node = new PairNode(this, name, options);
    this.nodes.add(node);
    return node;
  }

  /** Lists the keys of these nodes in everybody's membership. */
  enroll(...members: PairNode[]): void {
    for (const node of this.nodes) for (const { name } of members) node.members.set(name, testIdentity(name).public);
  }

  /** Everybody introduces itself, and what follows from that is delivered. */
  acquaint(): void {
    for (const node of this.nodes) node.pairs.introduce(EVERYBODY);
    this.deliver();
  }

  /** Delivers all letters, and those that come of them. */
  deliver(): void {
    for (let step = 0; this.letters.length > 0; step += 1) {
      if (step > STEPS_MAX) throw new Error('they never come to rest');
      const letter = this.letters.shift()!;
      this.recorded.push(letter);
      for (const node of this.nodes) {
        if (node === letter.from || (letter.to !== EVERYBODY && letter.to !== node.name)) continue;
        node.receive(letter.frame);
      }
    }
  }
}

export const outcomeOf = (received: Received): string =>
  received.outcome === 'dropped' ? received.reason : received.outcome;
