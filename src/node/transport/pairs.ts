import { strict as assert } from 'node:assert';
import { hash } from 'node:crypto';
import type { RandomBytes } from '../../crypto/random.ts';
import type { ClusterId, NodeName } from '../../protocol/ids.ts';
import type { NodeIdentity } from '../identity/node-identity.ts';
import type { PublicIdentity } from '../identity/public-identity.ts';
import type { PeerDirectory } from '../ports.ts';
import { EVERYBODY, type ClusterKeys } from './cluster-keys.ts';
import type { DropReason } from './drop-reason.ts';
import { cut, PAYLOAD_BYTES_MAX } from './fragments.ts';
import { CLUSTER_MARK_BYTES, FRAGMENTS_MAX, STREAM_BYTES, streamName, writeHeader } from './frame-header.ts';
import type { ParsedHeader, WireKind } from './frame-header.ts';
import { readIntroduction, writeIntroduction, type Introduction } from './introduction.ts';
import { answerHandshake, beginHandshake, type BegunHandshake, type HandshakeEnv } from './pair-handshake.ts';
import { Pair, type PairSession } from './pair.ts';

/**
 * Whom this node has agreed on keys with. Who wants to be known introduces itself; whoever hears it begins a handshake;
 * the one that began is confirmed by the reply, the other by the first frame in the session. From then on frames go
 * both ways, also while a newer session is being made.
 *
 * Whose keys the membership lists under a name is its holder; anybody else who holds the cluster's secret is a stranger,
 * who may ask to be let in and nothing else.
 */

/** Senders hold the cluster's secret, so this bounds mistakes, not attacks. */
const PAIRS_MAX = 256;
const PENDING_MAX = 64;
/** Time for a reply before another handshake is begun. */
const PENDING_MS = 200;
export const RENEW_MS = 10 * 60_000;
/** The other side renews, should the first not do it. */
const RENEW_LATE_MS = 11 * 60_000;
const NOBODY = new Uint8Array(STREAM_BYTES);
const NO_CLUSTER = new Uint8Array(CLUSTER_MARK_BYTES);
const NOTHING = new Uint8Array(0);
/** What strangers may say, and what is said whatever cluster somebody belongs to. */
const BESIDE_CLUSTERS: ReadonlySet<WireKind> = new Set<WireKind>(['confirm', 'hello', 'node-info']);

export interface PairsOptions {
  readonly self: NodeName;
  /** From 1 up to 2^53 − 1, larger at every start, never used twice by one node. */
  readonly boot: number;
  readonly identity: NodeIdentity;
  readonly keys: ClusterKeys;
  readonly directory: Pick<PeerDirectory, 'identityOf'>;
  readonly random: RandomBytes;
  readonly monotonicMs: () => number;
  readonly publish: (receiver: NodeName | typeof EVERYBODY, frame: Buffer) => void;
  /** Another process has shown that it lives: told before anything that it says. */
  readonly onMet: (pair: Pair) => void;
}

/** What came of a frame. */
export type Received =
  | {
      readonly outcome: 'frame';
      readonly pair: Pair;
      readonly payload: Uint8Array | undefined;
      readonly abandoned: number;
    }
  /** Of the transport's own, and taken care of. */
  | { readonly outcome: 'done' }
  /** Its sender does not know this process. */
  | { readonly outcome: 'unbound' }
  /** From another process that runs with the keys of this node, and lives now. */
  | { readonly outcome: 'namesake'; readonly boot: number }
  | { readonly outcome: 'dropped'; readonly reason: DropReason };

const DONE: Received = { outcome: 'done' };

export class Pairs {
  readonly #options: PairsOptions;
  readonly #env: HandshakeEnv;
  readonly #pairs = new Map<PublicIdentity, Pair>();
  readonly #pending = new Map<string, BegunHandshake & { readonly beganMs: number }>();
  #cluster: Uint8Array = NO_CLUSTER;

  constructor(options: PairsOptions) {
    const { self, boot, identity, keys, random } = options;
    assert(Number.isSafeInteger(boot) && boot > 0, 'a boot id is a positive safe integer');
    this.#options = options;
    this.#env = { self: { name: self, boot }, identity, clusterTag: keys.tag, random };
  }

  /** From now on this node speaks, and listens, as a member of this cluster. */
  bindTo(cluster: ClusterId): void {
    this.#cluster = hash('sha256', `parley/v1/cluster/${cluster}`, 'buffer').subarray(0, CLUSTER_MARK_BYTES);
  }

  get isBound(): boolean {
    return this.#cluster !== NO_CLUSTER;
  }

  get clusterMark(): Uint8Array {
    return this.#cluster;
  }

  /** The one that a name stands for: whose keys the membership lists, or whoever was met last while it lists none. */
  holder(name: NodeName): Pair | undefined {
    const identity = this.#options.directory.identityOf(name);
    if (identity !== null) return this.#pairs.get(identity);
    return this.allOf(name).toSorted((a, b) => b.boot - a.boot)[0];
  }

  /** Strangers under that name included. */
  allOf(name: NodeName): Pair[] {
    return [...this.#pairs.values()].filter((pair) => pair.name === name);
  }

  get all(): Iterable<Pair> {
    return this.#pairs.values();
  }

  /** Whether the membership lists the keys of this node under its name. */
  isMember({ name, identity }: Pair): boolean {
    return this.#options.directory.identityOf(name) === identity;
  }

  /** The boot of the process that `name` runs as, once it has shown that it lives and frames can be sealed for it. */
  bootOf(name: NodeName): number | undefined {
    const pair = this.holder(name);
    return pair?.current === undefined ? undefined : pair.boot;
  }

  // ---------------------------------------------------------------- sending

  /** Frames for another node, or `undefined` while there is no session with it. */
  seal(pair: Pair, kind: WireKind, payload: Uint8Array, pieceBytesMax: number): Buffer[] | undefined {
    assert(payload.length <= PAYLOAD_BYTES_MAX, 'payload too large');
    const session = pair.current;
    if (session === undefined) return undefined;
    const pieces = cut(payload, pieceBytesMax);
    assert(pieces.length <= FRAGMENTS_MAX, 'pieces too small');
    const { sealing, sendStream } = session;
    return pieces.map((piece, fragment) => {
      const place = { counter: sealing.next, fragment, fragments: pieces.length };
      return sealing.seal(this.header(kind, pair.name, sendStream, place), piece);
    });
  }

  /** To whom nobody may have a session with; to one process of a node where it is to answer. */
  introduce(receiver: NodeName | typeof EVERYBODY, receiverBoot = 0): void {
    this.#introduce('introduce', receiver, { receiverBoot, content: NOTHING });
  }

  /** Begins anew with everybody; with `silently`, nothing is said in the old sessions until there are new ones. */
  renewAll(silently: boolean): void {
    this.#pending.clear();
    for (const pair of this.#pairs.values()) {
      if (pair.boot === 0) continue;
      if (silently) pair.silence();
      this.#begin(pair.name, pair.identity, pair.boot);
    }
  }

  /** Every second or so. */
  onTick(): void {
    const nowMs = this.#options.monotonicMs();
    for (const pair of this.#pairs.values()) {
      pair.expire(nowMs);
      if (pair.isForgotten && !this.isMember(pair)) this.#pairs.delete(pair.identity);
      else if (pair.boot > 0 && this.#isDue(pair, nowMs)) this.#begin(pair.name, pair.identity, pair.boot);
    }
  }

  #isDue({ name, current }: Pair, nowMs: number): boolean {
    const dueMs = this.#options.self < name ? RENEW_MS : RENEW_LATE_MS;
    return current === undefined || nowMs - current.bornMs >= dueMs;
  }

  #introduce(
    kind: 'introduce' | 'handshake',
    receiver: NodeName | typeof EVERYBODY,
    introduction: Omit<Introduction, 'identity'>,
    stream: Uint8Array = NOBODY,
  ): void {
    const { identity, keys, publish } = this.#options;
    publish(
      receiver,
      writeIntroduction(this.header(kind, receiver, stream), identity, introduction, keys.introductionKey),
    );
  }

  /** The header of a frame of this node. */
  header(
    kind: WireKind,
    receiver: NodeName | typeof EVERYBODY,
    stream: Uint8Array,
    place = { counter: 0, fragment: 0, fragments: 1 },
  ): Buffer {
    const { self, boot, keys } = this.#options;
    return writeHeader(
      { kind, sender: self, senderBoot: boot, receiver, stream, ...place, cluster: this.#cluster },
      keys.tag,
    );
  }

  #begin(name: NodeName, identity: PublicIdentity, boot: number): void {
    const nowMs = this.#options.monotonicMs();
    for (const [stream, { remote, beganMs }] of this.#pending) {
      const isFresh = nowMs - beganMs < PENDING_MS;
      if (remote.identity === identity && remote.boot === boot && isFresh) return;
      if (!isFresh && this.#pending.size >= PENDING_MAX) this.#pending.delete(stream);
    }
    if (this.#pending.size >= PENDING_MAX) return;
    const begun = beginHandshake(this.#env, { name, boot, identity });
    if (begun === null) return;
    this.#pending.set(streamName(begun.stream), { ...begun, beganMs: nowMs });
    this.#introduce('handshake', name, { receiverBoot: boot, content: begun.message }, begun.stream);
  }

  // ---------------------------------------------------------------- receiving

  /** Takes a frame whose header is for this node, but not yet proven. Never throws, whatever the bytes. */
  receive(frame: Buffer, header: ParsedHeader): Received {
    const { kind } = header;
    if (kind === 'introduce') return this.#onIntroduction(frame, header);
    if (kind === 'handshake') return this.#onHandshake(frame, header);
    if (kind === 'handshake-reply') return this.#onReply(frame, header);
    return this.#onFrame(frame, header);
  }

  #onIntroduction(frame: Buffer, header: ParsedHeader): Received {
    const { self, boot, keys } = this.#options;
    const { sender, senderBoot, receiver } = header;
    const introduction = readIntroduction(frame, header.headerBytes, keys.introductionKey);
    if (introduction === undefined) return dropped('forged');
    const { identity, receiverBoot } = introduction;
    if (receiver !== EVERYBODY && receiverBoot !== boot) return dropped('unbound');
    if (sender === self) return this.#onOwnName(identity, senderBoot, receiver !== EVERYBODY);
    const known = this.#pairs.get(identity);
    if (known !== undefined && known.boot > senderBoot) return dropped('old-boot');
    // Who asks this very process has lost what it had; who asks everybody is known, or not.
    const isKnown = known?.boot === senderBoot && known.current !== undefined;
    if (receiver !== EVERYBODY || !isKnown) this.#begin(sender, identity, senderBoot);
    return DONE;
  }

  /** A directory with other keys is none of this node's business: one of the two is a stranger to the others. */
  #onOwnName(identity: PublicIdentity, senderBoot: number, isForThisProcess: boolean): Received {
    const { boot, self } = this.#options;
    if (identity !== this.#options.identity.public || senderBoot === boot) return dropped('misaddressed');
    // What a predecessor said may come late; but it did not know this process, nor was it started after it.
    if (senderBoot < boot && !isForThisProcess) return dropped('misaddressed');
    // It learns from the answer that this process lives, too.
    if (!isForThisProcess) this.introduce(self, senderBoot);
    return { outcome: 'namesake', boot: senderBoot };
  }

  #onHandshake(frame: Buffer, header: ParsedHeader): Received {
    const { boot, keys, self, monotonicMs, publish } = this.#options;
    const { sender, senderBoot } = header;
    const introduction = readIntroduction(frame, header.headerBytes, keys.introductionKey);
    if (introduction === undefined) return dropped('forged');
    if (sender === self) return dropped('misaddressed');
    if (introduction.receiverBoot !== boot) return { outcome: 'unbound' };
    const { identity, content } = introduction;
    const pair = this.#pairOf(sender, identity);
    if (pair === undefined) return dropped('too-many-peers');
    if (senderBoot < pair.boot) return dropped('old-boot');
    const answer = answerHandshake(this.#env, { name: sender, boot: senderBoot, identity }, content);
    if (answer === null) return dropped('forged');
    const { stream, reply, keys: sessionKeys } = answer;
    pair.expect({ ...sessionKeys, boot: senderBoot, stream, bornMs: monotonicMs() });
    publish(sender, Buffer.concat([this.header('handshake-reply', sender, sessionKeys.sendStream), reply]));
    return DONE;
  }

  #onReply(frame: Buffer, header: ParsedHeader): Received {
    const name = streamName(header.stream);
    const pending = this.#pending.get(name);
    if (pending === undefined) return dropped('unbound');
    const { remote, stream, finish, beganMs } = pending;
    if (remote.name !== header.sender || remote.boot !== header.senderBoot) return dropped('forged');
    // Whatever came first has ended it: the handshake cannot be tried twice.
    this.#pending.delete(name);
    const keys = finish(Uint8Array.from(frame.subarray(header.headerBytes)));
    if (keys === null) return dropped('forged');
    const pair = this.#pairOf(remote.name, remote.identity);
    if (pair === undefined) return dropped('too-many-peers');
    this.#confirm(pair, { ...keys, boot: remote.boot, stream, bornMs: beganMs });
    const frames = this.seal(pair, 'confirm', NOTHING, 1);
    for (const confirmation of frames ?? []) this.#options.publish(pair.name, confirmation);
    return DONE;
  }

  #onFrame(frame: Buffer, header: ParsedHeader): Received {
    const { kind, sender, stream } = header;
    const name = streamName(stream);
    for (const pair of this.allOf(sender)) {
      const session = pair.sessionOf(name);
      if (session === undefined) continue;
      if (session.boot !== header.senderBoot || session.boot < pair.boot) return dropped('old-boot');
      const opened = session.opening.open(frame, header);
      if ('refused' in opened) return dropped(opened.refused);
      this.#confirm(pair, session);
      if (!this.#maySay(pair, header)) return dropped(this.isMember(pair) || !this.isBound ? 'foreign' : 'stranger');
      if (kind === 'confirm') return { outcome: 'frame', pair, payload: undefined, abandoned: 0 };
      return { outcome: 'frame', pair, ...session.opening.assemble(header, opened.piece) };
    }
    return { outcome: 'unbound' };
  }

  #maySay(pair: Pair, { kind, cluster }: ParsedHeader): boolean {
    if (BESIDE_CLUSTERS.has(kind)) return true;
    return this.isBound && this.isMember(pair) && this.#cluster.every((byte, i) => byte === cluster[i]);
  }

  #confirm(pair: Pair, session: PairSession): void {
    if (pair.confirm(session)) this.#options.onMet(pair);
  }

  #pairOf(name: NodeName, identity: PublicIdentity): Pair | undefined {
    const known = this.#pairs.get(identity);
    if (known?.name === name) return known;
    // Keys belong to a data directory, which never changes its name.
    if (known !== undefined) return undefined;
    if (this.#pairs.size >= PAIRS_MAX) {
      const stranger = [...this.#pairs.values()].find((pair) => !this.isMember(pair));
      if (stranger === undefined) return undefined;
      this.#pairs.delete(stranger.identity);
    }
    const pair = new Pair(name, identity);
    this.#pairs.set(identity, pair);
    return pair;
  }
}

const dropped = (reason: DropReason): Received => ({ outcome: 'dropped', reason });
