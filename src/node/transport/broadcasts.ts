import { hkdfSync } from 'node:crypto';
import type { RandomBytes } from '../../crypto/random.ts';
import type { NodeName } from '../../protocol/ids.ts';
import type { EpochKey, RingKeys } from '../ring/ring-keys.ts';
import { EVERYBODY } from './cluster-keys.ts';
import { cut } from './fragments.ts';
import { readSafeInteger, STREAM_BYTES, streamName, writeSafeInteger } from './frame-header.ts';
import type { ParsedHeader, WireKind } from './frame-header.ts';
import type { Pair } from './pair.ts';
import type { Pairs, Received } from './pairs.ts';
import { withoutTags, withTags } from './receiver-tags.ts';
import { OpeningStream, SealingStream } from './sealed-stream.ts';

/**
 * Frames that are sealed once for all members: under a key that is derived from that of the ring, for one sender, its
 * boot and a random salt. A sender tells its salt to each member in their session; who has said that it holds the key is
 * ready, and all others are spoken to alone. So nothing is lost while keys change, and whoever is not told a salt cannot
 * be heard with an old key, nor hear with a new one.
 */

export const SALT_MS = 60_000;
/** After this a new salt is used, though not all who knew the old one have said that they know it. */
const PATIENCE_MS = 2_000;
/** Salts of one sender that are taken. */
const SALTS_KEPT_MAX = 3;
const EPOCH_BYTES = 8;
const LABEL = 'parley/v1/node-broadcast';

export interface BroadcastsOptions {
  readonly self: NodeName;
  readonly boot: number;
  readonly pairs: Pairs;
  readonly ring: RingKeys;
  readonly random: RandomBytes;
  readonly monotonicMs: () => number;
  readonly send: (pair: Pair, kind: 'salt' | 'salt-ready', payload: Uint8Array) => void;
}

interface Salt {
  readonly epoch: number;
  readonly salt: Uint8Array;
  readonly sealing: SealingStream;
  readonly bornMs: number;
  /** Who holds the key, by the boot of its process. */
  readonly ready: Map<Pair, number>;
}

interface HeardSalts {
  readonly boot: number;
  readonly streams: Map<string, { readonly epoch: number; readonly opening: OpeningStream }>;
}

export class Broadcasts {
  readonly #options: BroadcastsOptions;
  readonly #heard = new WeakMap<Pair, HeardSalts>();
  #current: Salt | null = null;
  /** Told, and used once those who are ready for the current one are ready for it. */
  #next: Salt | null = null;

  constructor(options: BroadcastsOptions) {
    this.#options = options;
    options.ring.onChange(() => this.renew(false));
  }

  // ---------------------------------------------------------------- sending

  /**
   * Begins with a new salt.
   * @param atOnce the numbers of the current one may have been used
   */
  renew(atOnce: boolean): void {
    const { ring, random, monotonicMs } = this.#options;
    const isOver = this.#current !== null && ring.keyOf(this.#current.epoch) === undefined;
    if (atOnce || isOver) this.#current = null;
    this.#next = null;
    if (ring.current === null) return;
    const salt = random(STREAM_BYTES);
    const { epoch } = ring.current;
    const { self, boot } = this.#options;
    const sealing = new SealingStream(this.#keyOf(ring.current, { sender: self, boot, salt }));
    this.#next = { epoch, salt, sealing, bornMs: monotonicMs(), ready: new Map() };
    this.#tell(this.#next);
    this.#switchWhenReady();
  }

  /** Every second or so. */
  onTick(): void {
    const nowMs = this.#options.monotonicMs();
    const newest = this.#next ?? this.#current;
    if (newest === null) {
      if (this.#options.ring.current !== null) this.renew(false);
    } else if (nowMs - newest.bornMs >= SALT_MS || newest.sealing.isUsedUp) this.renew(newest.sealing.isUsedUp);
    else this.#tell(newest);
    this.#switchWhenReady();
  }

  /** Another process has shown that it lives. */
  onMet(pair: Pair): void {
    const newest = this.#next ?? this.#current;
    if (newest !== null) this.#tellOne(newest, pair);
  }

  /** Whether what is sealed for everybody can be opened by this one. */
  isReady(pair: Pair): boolean {
    return this.#current !== null && isReadyFor(this.#current, pair);
  }

  /** Whether one frame reaches all members that there is a session with, and saves another one. */
  get areAllReady(): boolean {
    const members = this.#members();
    return members.length > 1 && members.every((pair) => this.isReady(pair));
  }

  /**
   * Frames for everybody, of whom somebody has to be ready.
   * @param tagged to whom they show that nobody else has made them; empty for what is of no one's weight
   */
  seal(kind: WireKind, payload: Uint8Array, pieceBytesMax: number, tagged: readonly Pair[]): Buffer[] {
    const current = this.#current;
    if (current === null) throw new Error('nobody is ready');
    const pieces = cut(payload, pieceBytesMax);
    return pieces.map((piece, fragment) => {
      const place = { counter: current.sealing.next, fragment, fragments: pieces.length };
      const header = this.#options.pairs.header(kind, EVERYBODY, current.salt, place);
      const sealed = current.sealing.seal(header, piece);
      return tagged.length === 0 ? sealed : withTags(sealed, tagged);
    });
  }

  #members(): Pair[] {
    const { pairs } = this.#options;
    return [...pairs.all].filter((pair) => pair.current !== undefined && pairs.isMember(pair));
  }

  #tell(salt: Salt): void {
    for (const pair of this.#members()) if (!isReadyFor(salt, pair)) this.#tellOne(salt, pair);
  }

  #tellOne({ epoch, salt }: Salt, pair: Pair): void {
    if (!this.#options.pairs.isMember(pair)) return;
    const payload = Buffer.alloc(EPOCH_BYTES + STREAM_BYTES);
    writeSafeInteger(payload, epoch, 0);
    payload.set(salt, EPOCH_BYTES);
    this.#options.send(pair, 'salt', payload);
  }

  #switchWhenReady(): void {
    const [current, next] = [this.#current, this.#next];
    if (next === null) return;
    const waitsFor = current === null ? [] : this.#members().filter((pair) => isReadyFor(current, pair));
    const isPatient = this.#options.monotonicMs() - next.bornMs < PATIENCE_MS;
    if (isPatient && !waitsFor.every((pair) => isReadyFor(next, pair))) return;
    this.#current = next;
    this.#next = null;
  }

  // ---------------------------------------------------------------- receiving

  /** A member tells its salt. */
  onSalt(pair: Pair, payload: Uint8Array): void {
    const bytes = Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength);
    if (bytes.length !== EPOCH_BYTES + STREAM_BYTES) return;
    const epoch = readSafeInteger(bytes, 0);
    const key = this.#options.ring.keyOf(epoch);
    // Told again until this node has the key.
    if (key === undefined) return;
    const salt = Uint8Array.from(bytes.subarray(EPOCH_BYTES));
    const { streams } = this.#heardOf(pair);
    if (!streams.has(streamName(salt))) {
      const derived = this.#keyOf({ epoch, key }, { sender: pair.name, boot: pair.boot, salt });
      streams.set(streamName(salt), { epoch, opening: new OpeningStream(derived) });
      const [oldest] = streams.keys();
      if (streams.size > SALTS_KEPT_MAX && oldest !== undefined) streams.delete(oldest);
    }
    this.#options.send(pair, 'salt-ready', salt);
  }

  /** A member holds the key of a salt. */
  onReady(pair: Pair, payload: Uint8Array): void {
    const name = streamName(payload);
    for (const salt of [this.#current, this.#next]) {
      if (salt !== null && streamName(salt.salt) === name) salt.ready.set(pair, pair.boot);
    }
    this.#switchWhenReady();
  }

  /** Takes a frame for everybody. Never throws, whatever the bytes. */
  receive(frame: Buffer, header: ParsedHeader): Received {
    const { ring, pairs } = this.#options;
    const pair = pairs.holder(header.sender);
    if (pair === undefined || pair.boot !== header.senderBoot) return { outcome: 'dropped', reason: 'unbound' };
    if (!pairs.isMember(pair)) return { outcome: 'dropped', reason: 'stranger' };
    const stream = this.#heardOf(pair).streams.get(streamName(header.stream));
    if (stream === undefined) return { outcome: 'dropped', reason: 'unbound' };
    if (ring.keyOf(stream.epoch) === undefined) return { outcome: 'dropped', reason: 'old-key' };
    const isTagged = header.kind === 'raft-shared';
    const sealed = isTagged ? withoutTags(frame, pair) : frame;
    if (sealed === null) return { outcome: 'done' };
    const opened = sealed === undefined ? ({ refused: 'forged' } as const) : stream.opening.open(sealed, header);
    if ('refused' in opened) return { outcome: 'dropped', reason: opened.refused };
    return { outcome: 'frame', pair, ...stream.opening.assemble(header, opened.piece) };
  }

  #heardOf(pair: Pair): HeardSalts {
    const known = this.#heard.get(pair);
    if (known?.boot === pair.boot) return known;
    const heard: HeardSalts = { boot: pair.boot, streams: new Map() };
    this.#heard.set(pair, heard);
    return heard;
  }

  /** HKDF-SHA256 (RFC 5869) of the ring's key, with the sender's salt. */
  #keyOf({ epoch, key }: EpochKey, from: { sender: NodeName; boot: number; salt: Uint8Array }): Uint8Array {
    const cluster = Buffer.from(this.#options.pairs.clusterMark).toString('hex');
    const info = [LABEL, cluster, String(epoch), from.sender, String(from.boot)].join('\0');
    return new Uint8Array(hkdfSync('sha256', key, from.salt, info, 32));
  }
}

const isReadyFor = ({ ready }: Salt, pair: Pair): boolean => ready.get(pair) === pair.boot && pair.boot > 0;
