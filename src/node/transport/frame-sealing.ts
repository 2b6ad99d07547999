import { strict as assert } from 'node:assert';
import { createCipheriv, createDecipheriv, hash } from 'node:crypto';
import type { ClusterId, NodeName } from '../../protocol/ids.ts';
import { EVERYBODY, type ClusterKeys } from './cluster-keys.ts';
import { cut, PAYLOAD_BYTES_MAX, Reassembly } from './fragments.ts';
import { CLUSTER_MARK_BYTES, FRAGMENTS_MAX, parseHeader, writeHeader, writeSafeInteger } from './frame-header.ts';
import type { ParsedHeader, WireKind } from './frame-header.ts';
import { ReplayWindow } from './replay-window.ts';

/**
 * Seals and opens what travels between nodes: AES-256-GCM, the header as associated data, the key derived from the
 * cluster secret, both names and both boot ids. Who knows the secret can pose as any node; pair sessions end that.
 *
 * One counter numbers all frames of one boot, whatever their key, so that no nonce repeats however keys come and go.
 *
 * A boot id of ours in the key of a received frame proves that the frame was made for this very process: only such
 * frames make a boot of another node known, and it has to be newer than the one known before. Frames for everybody
 * are accepted from known boots, with counters above the one that made them known. So nothing recorded before a
 * restart counts after it. Two nodes get to know each
 * other by greetings: whoever receives a genuine frame that is not bound to its own boot greets the sender, and
 * whoever learns a boot greets back.
 */

const TAG_BYTES = 16;
const NONCE_BYTES = 12;
/** Senders are authentic, so this bounds mistakes, not attacks. */
const PEERS_MAX = 256;
const UNKNOWN_BOOT = 0;
const NO_CLUSTER = new Uint8Array(CLUSTER_MARK_BYTES);
/**
 * What nodes may say to each other whatever cluster they belong to. All else counts only within one: two clusters may
 * have come to share a secret, or a directory of one may have been put into the other.
 */
const BESIDE_CLUSTERS: ReadonlySet<WireKind> = new Set<WireKind>(['greet', 'hello', 'node-info']);

export type DropReason =
  /** Not a frame, or cut short in its header. */
  | 'malformed'
  /** Sealed with the secret of another cluster, or said in another one. */
  | 'foreign'
  /** For another node, or one of our own. */
  | 'misaddressed'
  /** Does not open: altered, cut short, or sealed with another key. */
  | 'forged'
  | 'replayed'
  /** Older than the replay window. */
  | 'stale'
  /** From a boot that a newer one has replaced. */
  | 'old-boot'
  /** Genuine, but not provably made since this process began. */
  | 'unbound'
  /** Genuine, but its content cannot be read or its sender may not say this. */
  | 'unreadable'
  /** A payload whose fragments never arrived in full. */
  | 'incomplete'
  | 'too-many-peers';

export type Opened =
  | {
      readonly outcome: 'frame';
      readonly header: ParsedHeader;
      /** Undefined while fragments are missing. */
      readonly payload: Uint8Array | undefined;
      /** Whether this frame made the sender's boot known. */
      readonly adopted: boolean;
      /** How many unfinished payloads of this sender were given up. */
      readonly abandoned: number;
    }
  | { readonly outcome: 'unbound'; readonly sender: NodeName; readonly senderBoot: number }
  /** From another process that speaks as this node, and lives now: it is newer, or speaks to this very process. */
  | { readonly outcome: 'namesake'; readonly senderBoot: number }
  | { readonly outcome: 'dropped'; readonly reason: DropReason };

export interface FrameSealingOptions {
  readonly self: NodeName;
  /** From 1 up to 2^53 − 1, larger at every start, never used twice by one node. */
  readonly boot: number;
  readonly keys: ClusterKeys;
}

interface Stream {
  readonly key: Uint8Array;
  readonly window: ReplayWindow;
  readonly reassembly: Reassembly;
}

/** What is known of another node. Exists once it has proven its boot. */
interface Peer {
  readonly boot: number;
  readonly sendKey: Uint8Array;
  readonly direct: Stream;
  readonly toEverybody: Stream;
}

interface CandidateKey {
  readonly senderBoot: number;
  readonly receiverBoot: number;
  readonly receiver: string;
  readonly key: Uint8Array;
}

export class FrameSealing {
  readonly #self: NodeName;
  readonly #boot: number;
  readonly #keys: ClusterKeys;
  readonly #broadcastKey: Uint8Array;
  readonly #peers = new Map<NodeName, Peer>();
  /** The last key derived for a boot that is not known (yet), per sender: frames come in runs. */
  readonly #candidates = new Map<NodeName, CandidateKey>();
  #nextCounter = 0;
  #cluster: Uint8Array = NO_CLUSTER;

  constructor({ self, boot, keys }: FrameSealingOptions) {
    assert(Number.isSafeInteger(boot) && boot > UNKNOWN_BOOT, 'a boot id is a positive safe integer');
    this.#self = self;
    this.#boot = boot;
    this.#keys = keys;
    this.#broadcastKey = this.#sendKey(EVERYBODY, UNKNOWN_BOOT);
  }

  /** From now on this node speaks, and listens, as a member of this cluster. */
  bindTo(cluster: ClusterId): void {
    this.#cluster = hash('sha256', `parley/v1/cluster/${cluster}`, 'buffer').subarray(0, CLUSTER_MARK_BYTES);
  }

  /** The boot of `peer` that has proven itself, if any. */
  bootOf(peer: NodeName): number | undefined {
    return this.#peers.get(peer)?.boot;
  }

  /** Frames for one node, or `undefined` while its boot is not known: greet it. */
  seal(receiver: NodeName, kind: WireKind, payload: Uint8Array, pieceBytesMax: number): Buffer[] | undefined {
    const peer = this.#peers.get(receiver);
    if (peer === undefined) return undefined;
    return this.#sealAll({ kind, receiver, receiverBoot: peer.boot, key: peer.sendKey }, payload, pieceBytesMax);
  }

  sealForEverybody(kind: WireKind, payload: Uint8Array, pieceBytesMax: number): Buffer[] {
    const target = { kind, receiver: EVERYBODY, receiverBoot: UNKNOWN_BOOT, key: this.#broadcastKey } as const;
    return this.#sealAll(target, payload, pieceBytesMax);
  }

  /** A greeting bound to the boot that `receiver` claims to have. */
  sealGreeting(receiver: NodeName, receiverBoot: number): Buffer {
    const known = this.#peers.get(receiver);
    const key = known?.boot === receiverBoot ? known.sendKey : this.#sendKey(receiver, receiverBoot);
    return this.#sealOne({ kind: 'greet', receiver, receiverBoot, key }, new Uint8Array(0), 0, 1);
  }

  /** Opens one frame. Never throws, whatever the bytes. */
  open(bytes: Uint8Array): Opened {
    const frame = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const header = parseHeader(frame);
    if (header === undefined) return dropped('malformed');
    const { sender, senderBoot, receiver } = header;
    if (!this.#keys.tag.every((byte, i) => byte === header.tag[i])) return dropped('foreign');
    if (receiver !== EVERYBODY && receiver !== this.#self) return dropped('misaddressed');
    if (sender === this.#self) return this.#openOwn(frame, header);
    if (!BESIDE_CLUSTERS.has(header.kind) && !this.#cluster.every((byte, i) => byte === header.cluster[i])) {
      return dropped('foreign');
    }
    const known = this.#peers.get(sender);
    if (known !== undefined && senderBoot < known.boot) return dropped('old-boot');
    if (known?.boot === senderBoot && this.#isBound(header)) return this.#openKnown(frame, header, known);
    return this.#openUnknown(frame, header);
  }

  /** One that a predecessor sent may come late; but it did not know this process, nor was it started after it. */
  #openOwn(frame: Buffer, header: ParsedHeader): Opened {
    const { senderBoot, receiver, receiverBoot } = header;
    const lives = senderBoot > this.#boot || (receiver !== EVERYBODY && receiverBoot === this.#boot);
    if (senderBoot === this.#boot || !lives) return dropped('misaddressed');
    const piece = decrypt(frame, header, this.#candidateKey(header));
    return piece === undefined ? dropped('forged') : { outcome: 'namesake', senderBoot };
  }

  /** Whether the frame cannot be older than this process, given that its sender's boot is known. */
  #isBound({ receiver, receiverBoot }: ParsedHeader): boolean {
    return receiver === EVERYBODY || receiverBoot === this.#boot;
  }

  #openKnown(frame: Buffer, header: ParsedHeader, peer: Peer): Opened {
    const stream = header.receiver === EVERYBODY ? peer.toEverybody : peer.direct;
    const freshness = stream.window.check(header.counter);
    if (freshness !== 'fresh') return dropped(freshness);
    const piece = decrypt(frame, header, stream.key);
    if (piece === undefined) return dropped('forged');
    return received(header, piece, stream, false);
  }

  /** A boot that is not known, or a frame made for an earlier boot of ours (or for none). */
  #openUnknown(frame: Buffer, header: ParsedHeader): Opened {
    const { sender, senderBoot, receiver, receiverBoot } = header;
    const key = this.#candidateKey(header);
    const piece = decrypt(frame, header, key);
    if (piece === undefined) return dropped('forged');
    if (receiver === EVERYBODY || receiverBoot !== this.#boot) return { outcome: 'unbound', sender, senderBoot };
    if (!this.#peers.has(sender) && this.#peers.size >= PEERS_MAX) return dropped('too-many-peers');
    const direct = newStream(key);
    this.#peers.set(sender, {
      boot: senderBoot,
      sendKey: this.#sendKey(sender, senderBoot),
      direct,
      toEverybody: newStream(this.#receiveKey(sender, senderBoot, EVERYBODY, UNKNOWN_BOOT), header.counter),
    });
    this.#candidates.delete(sender);
    return received(header, piece, direct, true);
  }

  #candidateKey({ sender, senderBoot, receiver, receiverBoot }: ParsedHeader): Uint8Array {
    const last = this.#candidates.get(sender);
    if (last?.senderBoot === senderBoot && last.receiver === receiver && last.receiverBoot === receiverBoot) {
      return last.key;
    }
    const key = this.#receiveKey(sender, senderBoot, receiver, receiverBoot);
    if (this.#candidates.size >= PEERS_MAX) this.#candidates.clear();
    this.#candidates.set(sender, { senderBoot, receiverBoot, receiver, key });
    return key;
  }

  #sendKey(receiver: NodeName | typeof EVERYBODY, receiverBoot: number): Uint8Array {
    return this.#keys.frameKey({ sender: this.#self, senderBoot: this.#boot, receiver, receiverBoot });
  }

  #receiveKey(
    sender: NodeName,
    senderBoot: number,
    receiver: NodeName | typeof EVERYBODY,
    receiverBoot: number,
  ): Uint8Array {
    return this.#keys.frameKey({ sender, senderBoot, receiver, receiverBoot });
  }

  #sealAll(target: Target, payload: Uint8Array, pieceBytesMax: number): Buffer[] {
    assert(payload.length <= PAYLOAD_BYTES_MAX, 'payload too large');
    const pieces = cut(payload, pieceBytesMax);
    assert(pieces.length <= FRAGMENTS_MAX, 'pieces too small');
    return pieces.map((piece, i) => this.#sealOne(target, piece, i, pieces.length));
  }

  #sealOne(target: Target, piece: Uint8Array, fragment: number, fragments: number): Buffer {
    const counter = this.#nextCounter;
    this.#nextCounter += 1;
    const { kind, receiver, receiverBoot, key } = target;
    const sender = this.#self;
    const header = writeHeader(
      {
        kind,
        sender,
        senderBoot: this.#boot,
        receiver,
        receiverBoot,
        counter,
        fragment,
        fragments,
        cluster: this.#cluster,
      },
      this.#keys.tag,
    );
    const cipher = createCipheriv('aes-256-gcm', key, nonceOf(counter));
    cipher.setAAD(header);
    const body = cipher.update(piece);
    cipher.final();
    return Buffer.concat([header, body, cipher.getAuthTag()]);
  }
}

interface Target {
  readonly kind: WireKind;
  readonly receiver: NodeName | typeof EVERYBODY;
  readonly receiverBoot: number;
  readonly key: Uint8Array;
}

const newStream = (key: Uint8Array, floor = -1): Stream => ({
  key,
  window: new ReplayWindow(floor),
  reassembly: new Reassembly(),
});

const dropped = (reason: DropReason): Opened => ({ outcome: 'dropped', reason });

function received(header: ParsedHeader, piece: Uint8Array, stream: Stream, adopted: boolean): Opened {
  stream.window.accept(header.counter);
  const payload = stream.reassembly.add(header, piece);
  return { outcome: 'frame', header, payload, adopted, abandoned: stream.reassembly.takeAbandoned() };
}

function nonceOf(counter: number): Buffer {
  const nonce = Buffer.alloc(NONCE_BYTES);
  writeSafeInteger(nonce, counter, NONCE_BYTES - 8);
  return nonce;
}

/** The plaintext, or `undefined` when the frame is not what its sender sealed. */
function decrypt(frame: Buffer, { headerBytes, counter }: ParsedHeader, key: Uint8Array): Uint8Array | undefined {
  const bodyEnd = frame.length - TAG_BYTES;
  if (bodyEnd < headerBytes) return undefined;
  const decipher = createDecipheriv('aes-256-gcm', key, nonceOf(counter), { authTagLength: TAG_BYTES });
  decipher.setAAD(frame.subarray(0, headerBytes));
  decipher.setAuthTag(frame.subarray(bodyEnd));
  const plain = decipher.update(frame.subarray(headerBytes, bodyEnd));
  try {
    decipher.final();
  } catch {
    return undefined;
  }
  return new Uint8Array(plain.buffer, plain.byteOffset, plain.byteLength);
}
