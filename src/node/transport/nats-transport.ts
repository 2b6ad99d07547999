import type { Logger } from 'pino';
import { nodeRandom } from '../../crypto/node-random.ts';
import type { Message } from '../../consensus/message.ts';
import type { PeerId } from '../../consensus/types.ts';
import { ParleyError } from '../../protocol/errors.ts';
import type { ClusterId, NodeName } from '../../protocol/ids.ts';
import type { Clock, Frame, FrameKind, NodeTransport, PeerDirectory } from '../ports.ts';
import type { NodeIdentity } from '../identity/node-identity.ts';
import type { RingKeys } from '../ring/ring-keys.ts';
import { decodeMessages, encodeMessages } from '../raft/message-codec.ts';
import { Broadcasts } from './broadcasts.ts';
import { ClockJumps } from './clock-jumps.ts';
import { ClusterKeys, EVERYBODY } from './cluster-keys.ts';
import { DeathSigns } from './death-signs.ts';
import { DeathWatch } from './death-watch.ts';
import { PAYLOAD_BYTES_MAX } from './fragments.ts';
import {
  FRAME_VERSION,
  HEADER_BYTES_MAX,
  isFrameKind,
  parseHeader,
  versionOf,
  type ParsedHeader,
  type WireKind,
} from './frame-header.ts';
import type { DropReason } from './drop-reason.ts';
import { Greeter } from './greeter.ts';
import { NatsConnection } from './nats-connection.ts';
import { nodeNkey } from './node-nkey.ts';
import type { Pair } from './pair.ts';
import { TAGS_BYTES_MAX } from './receiver-tags.ts';
import { Pairs, type Received } from './pairs.ts';
import { decodeShared, encodeShared, planRaftFrames } from './raft-frames.ts';
import { Subjects } from './subjects.ts';
import { newCounters, type TransportCounters } from './transport-counters.ts';

export interface NatsTransportOptions {
  readonly self: NodeName;
  /** Positive, larger at every start of this node, never used twice: nonces rest on it. */
  readonly boot: number;
  /** This node's keys. */
  readonly identity: NodeIdentity;
  /** The keys that members share, as far as this node has them. */
  readonly ring: RingKeys;
  /** The cluster secret, at least 16 bytes. */
  readonly secret: Uint8Array;
  /** The own sidecar's `clientUrl`, or another NATS server. */
  readonly url: string;
  /** Nodes to get acquainted with at the start; others are met when they are spoken to. */
  readonly peers: readonly NodeName[];
  readonly directory: PeerDirectory;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Pieces stay well below the server's limit: a large payload must not hold up heartbeats behind it for long. */
const PIECE_BYTES_MAX = 256 * 1024;
const SEAL_BYTES = HEADER_BYTES_MAX + 16 + TAGS_BYTES_MAX;
/** What goes to each node in its session: it is also for those who are not in the ring, or decides about them. */
const BESIDE_THE_RING: ReadonlySet<FrameKind> = new Set<FrameKind>(['hello', 'node-info']);
const TICK_MS = 1_000;
/** So that two nodes of which only one believes that they know each other find out, and two processes of one node. */
const INTRODUCE_EVERY_TICKS = 5;

/** Frames between nodes as sealed NATS messages: one subject per node, one for everybody. */
export class NatsTransport implements NodeTransport {
  readonly #self: NodeName;
  readonly #directory: PeerDirectory;
  readonly #log: Logger;
  readonly #nats: NatsConnection;
  readonly #keys: ClusterKeys;
  readonly #subjects: Subjects;
  readonly #pairs: Pairs;
  readonly #broadcasts: Broadcasts;
  readonly #jumps: ClockJumps;
  readonly #clock: Clock;
  readonly #greeter: Greeter;
  readonly #deathSigns: DeathSigns;
  readonly #deathWatch: DeathWatch;
  readonly #counters = newCounters();
  /** Of frames that were refused, each told once; a version is one byte, so there are not many. */
  readonly #otherVersions = new Set<number>();
  #raftHandler: (message: Message, from: NodeName) => void = () => undefined;
  #frameHandler: (frame: Frame) => void = () => undefined;
  #hintHandler: (node: NodeName) => void = () => undefined;
  #namesakeHandler: (boot: number) => void = () => undefined;
  #restartHandler: (node: NodeName) => void = () => undefined;
  #cancelTick: (() => void) | null = null;
  #ticks = 0;
  #closed = false;

  private constructor(options: NatsTransportOptions, keys: ClusterKeys, nats: NatsConnection) {
    const { self, directory, clock, logger, peers } = options;
    this.#self = self;
    this.#directory = directory;
    this.#log = logger.child({ part: 'transport' });
    this.#nats = nats;
    this.#keys = keys;
    this.#subjects = new Subjects(keys.tagHex);
    this.#clock = clock;
    this.#jumps = new ClockJumps(clock, TICK_MS);
    this.#pairs = new Pairs({
      ...options,
      keys,
      random: nodeRandom,
      monotonicMs: () => clock.monotonicMs(),
      publish: (receiver, frame) => {
        const { all } = this.#subjects;
        this.#publish(receiver === EVERYBODY ? all : this.#subjects.node(receiver), [frame]);
      },
      onMet: (pair) => {
        this.#broadcasts.onMet(pair);
        if (this.#pairs.holder(pair.name) === pair) this.#restartHandler(pair.name);
      },
    });
    this.#broadcasts = new Broadcasts({
      ...options,
      pairs: this.#pairs,
      random: nodeRandom,
      monotonicMs: () => clock.monotonicMs(),
      send: (pair, kind, payload) => {
        if (this.isConnected) this.#sendTo(pair, kind, payload);
      },
    });
    this.#greeter = new Greeter({
      clock,
      expected: peers.filter((peer) => peer !== self),
      isKnown: (node) => this.#pairs.bootOf(node) !== undefined,
      greetEverybody: () => {
        this.#introduce();
      },
      greet: (node, nodeBoot) => {
        this.#counters.greetingsSent += 1;
        this.#pairs.introduce(node, nodeBoot);
      },
    });
    this.#deathWatch = new DeathWatch({
      clock,
      ping: (node) => {
        this.#deathSigns.ping(node);
      },
      hint: (node, isRepeated) => {
        this.#counters.hints += 1;
        if (!isRepeated) this.#log.info({ node }, 'signs of death');
        this.#hintHandler(node);
      },
    });
    this.#deathSigns = new DeathSigns({
      self,
      keys,
      nats,
      subjects: this.#subjects,
      peers: peers.filter((peer) => peer !== self),
      sign: (node, sign) => {
        this.#deathWatch.sign(node, sign);
      },
    });
  }

  /** @throws ParleyError `cannot_connect` */
  static async connect(options: NatsTransportOptions): Promise<NatsTransport> {
    const keys = new ClusterKeys(options.secret);
    const nats = await NatsConnection.connect({
      url: options.url,
      name: `parley-${keys.tagHex}-${options.self}`,
      nkeySeed: nodeNkey(keys, options.self).seed,
      logger: options.logger,
    });
    const transport = new NatsTransport(options, keys, nats);
    transport.#start();
    return transport;
  }

  /** The boot of `node` once both processes have met; frames to it can be sealed from then on. */
  bootOf(node: NodeName): number | undefined {
    return this.#pairs.bootOf(node);
  }

  get counters(): Readonly<TransportCounters> {
    return this.#counters;
  }

  sendRaft(messages: readonly Message[]): void {
    if (!this.#isUp(messages.length)) return;
    for (const frame of planRaftFrames(messages)) {
      if ('addressees' in frame) this.#sendShared(frame.addressees, frame.message);
      else this.#sendToPeer(frame.to, frame.messages);
    }
  }

  bindTo(cluster: ClusterId): void {
    this.#pairs.bindTo(cluster);
  }

  onRaft(handler: (message: Message, from: NodeName) => void): void {
    this.#raftHandler = handler;
  }

  send(to: NodeName, kind: FrameKind, payload: Uint8Array): void {
    if (!this.#isUp(1)) return;
    if (kind === 'hello') for (const pair of this.#pairs.allOf(to)) this.#sendTo(pair, kind, payload);
    else this.#sendToName(to, kind, payload);
  }

  broadcast(kind: FrameKind, payload: Uint8Array): void {
    if (!this.#isUp(1)) return;
    if (!BESIDE_THE_RING.has(kind) && this.#broadcasts.areAllReady && this.#fits(payload)) {
      this.#publish(this.#subjects.all, this.#broadcasts.seal(kind, payload, this.#pieceBytesMax(), []));
      return;
    }
    for (const pair of this.#pairs.all) if (this.#mayHear(pair, kind)) this.#sendTo(pair, kind, payload);
  }

  onFrame(handler: (frame: Frame) => void): void {
    this.#frameHandler = handler;
  }

  watch(node: NodeName | null): void {
    this.#deathSigns.watch(node);
    this.#deathWatch.watch(node);
  }

  suspect(node: NodeName): void {
    this.#deathWatch.suspect(node);
  }

  onHint(handler: (node: NodeName) => void): void {
    this.#hintHandler = handler;
  }

  onRestart(handler: (node: NodeName) => void): void {
    this.#restartHandler = handler;
  }

  onNamesake(handler: (boot: number) => void): void {
    this.#namesakeHandler = handler;
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#cancelTick?.();
    this.#greeter.stop();
    this.#deathWatch.close();
    await this.#nats.close();
  }

  #start(): void {
    const receive = (data: Uint8Array): void => {
      if (!this.#closed) this.#receive(data);
    };
    this.#nats.subscribe(this.#subjects.node(this.#self), receive);
    this.#nats.subscribe(this.#subjects.all, receive);
    this.#nats.onDown(() => {
      this.#deathWatch.disconnected();
      this.#greeter.stop();
    });
    this.#nats.onUp(() => {
      this.#deathWatch.connected();
      this.#greeter.start();
    });
    this.#deathWatch.connected();
    this.#greeter.start();
    this.#tickLater();
  }

  #tickLater(): void {
    this.#cancelTick = this.#clock.after(TICK_MS, () => {
      this.#tickLater();
      if (!this.isConnected) return;
      this.#noticeJumps();
      this.#pairs.onTick();
      this.#broadcasts.onTick();
      this.#ticks += 1;
      if (this.#ticks % INTRODUCE_EVERY_TICKS === 0) this.#introduce();
    });
  }

  /** Nothing is numbered in the old sessions once their numbers may have been used, elsewhere or by this node itself. */
  #noticeJumps(): void {
    const jump = this.#jumps.since();
    if (jump === 'none') return;
    this.#log.warn({ jump }, 'the clock has jumped: new keys with all nodes');
    this.#pairs.renewAll(jump === 'set');
    this.#broadcasts.renew(jump === 'set');
  }

  // ---------------------------------------------------------------- sending

  get isConnected(): boolean {
    return this.#nats.isUp && !this.#closed;
  }

  #isUp(messages: number): boolean {
    if (!this.isConnected) {
      this.#counters.notSent.down += messages;
      return false;
    }
    this.#noticeJumps();
    return true;
  }

  #sendShared(addressees: readonly PeerId[], message: Message): void {
    const ready: [PeerId, Pair][] = [];
    for (const to of addressees) {
      const pair = this.#pairs.holder(this.#directory.nameOf(to) ?? ('' as NodeName));
      if (pair?.current !== undefined && this.#broadcasts.isReady(pair)) ready.push([to, pair]);
    }
    const together = ready.length > 1 ? ready : [];
    if (together.length > 0) this.#sendTogether(together, message);
    for (const to of addressees) {
      if (together.every(([peer]) => peer !== to)) this.#sendToPeer(to, [{ ...message, to }]);
    }
  }

  #sendTogether(receivers: readonly (readonly [PeerId, Pair])[], message: Message): void {
    const payload = encodeShared(
      receivers.map(([peer]) => peer),
      message,
    );
    if (!this.#fits(payload)) return;
    const pairs = receivers.map(([, pair]) => pair);
    this.#counters.sharedFramesSent += 1;
    this.#publish(this.#subjects.all, this.#broadcasts.seal('raft-shared', payload, this.#pieceBytesMax(), pairs));
  }

  #sendToPeer(peer: PeerId, messages: readonly Message[]): void {
    const name = this.#directory.nameOf(peer);
    if (name === undefined) this.#counters.notSent['unknown-peer'] += messages.length;
    else this.#sendToName(name, 'raft', encodeMessages(messages));
  }

  #sendToName(to: NodeName, kind: WireKind, payload: Uint8Array): void {
    const pair = this.#pairs.holder(to);
    if (pair === undefined) this.#reportUnknownBoot();
    else this.#sendTo(pair, kind, payload);
  }

  #sendTo(pair: Pair, kind: WireKind, payload: Uint8Array): void {
    if (!this.#fits(payload)) return;
    const frames = this.#pairs.seal(pair, kind, payload, this.#pieceBytesMax());
    if (frames === undefined) this.#reportUnknownBoot();
    else this.#publish(this.#subjects.node(pair.name), frames);
  }

  /** Strangers hear who is in the cluster, as they may have been let in, or out; before there is one, all are. */
  #mayHear(pair: Pair, kind: FrameKind): boolean {
    return kind === 'hello' || !this.#pairs.isBound || this.#pairs.isMember(pair);
  }

  #fits(payload: Uint8Array): boolean {
    if (payload.length <= PAYLOAD_BYTES_MAX) return true;
    this.#counters.notSent['too-large'] += 1;
    this.#log.error({ bytes: payload.length }, 'a payload is too large to be sent');
    return false;
  }

  #pieceBytesMax(): number {
    return Math.max(1_024, Math.min(PIECE_BYTES_MAX, this.#nats.payloadBytesMax - SEAL_BYTES));
  }

  #reportUnknownBoot(): void {
    this.#counters.notSent['unknown-boot'] += 1;
    this.#greeter.introduce();
  }

  #introduce(): void {
    this.#counters.greetingsSent += 1;
    this.#pairs.introduce(EVERYBODY);
  }

  #publish(subject: string, frames: readonly Buffer[]): void {
    for (const frame of frames) {
      this.#counters.framesSent += 1;
      this.#counters.bytesSent += frame.length;
      this.#nats.publish(subject, frame);
    }
  }

  // ---------------------------------------------------------------- receiving

  #receive(data: Uint8Array): void {
    const frame = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
    const header = parseHeader(frame);
    if (header === undefined) {
      this.#dropUnread(versionOf(frame));
    } else if (!this.#keys.tag.every((byte, i) => byte === header.tag[i])) {
      this.#drop('foreign');
    } else if (header.receiver !== EVERYBODY && header.receiver !== this.#self) {
      this.#drop('misaddressed');
    } else {
      this.#take(this.#open(frame, header), header, data.length);
    }
  }

  #open(frame: Buffer, header: ParsedHeader): Received {
    const isForAll = header.receiver === EVERYBODY && header.kind !== 'introduce';
    if (!isForAll) return this.#pairs.receive(frame, header);
    if (header.sender === this.#self) return { outcome: 'dropped', reason: 'misaddressed' };
    // Who does not know the sender's salt is spoken to alone.
    return this.#broadcasts.receive(frame, header);
  }

  #take(received: Received, header: ParsedHeader, bytes: number): void {
    if (received.outcome === 'dropped') this.#drop(received.reason);
    else if (received.outcome === 'unbound') {
      this.#drop('unbound');
      this.#greeter.answer(header.sender, header.senderBoot);
    } else if (received.outcome === 'namesake') this.#namesakeHandler(received.boot);
    else {
      this.#counters.framesReceived += 1;
      this.#counters.bytesReceived += bytes;
      if (received.outcome === 'frame') this.#accept(header, received);
    }
  }

  #accept(
    { kind, receiver }: ParsedHeader,
    { pair, payload, abandoned }: Extract<Received, { outcome: 'frame' }>,
  ): void {
    const { name: from, boot, identity } = pair;
    this.#counters.dropped.incomplete += abandoned;
    // What all members could have sealed is no sign that its sender lives.
    const isItsOwn = receiver !== EVERYBODY || kind === 'raft-shared';
    if (isItsOwn && this.#pairs.holder(from) === pair) this.#deathWatch.heard(from);
    if (payload === undefined) return;
    if (kind === 'raft' || kind === 'raft-shared') this.#acceptRaft(from, kind, payload);
    else if (kind === 'salt') this.#broadcasts.onSalt(pair, payload);
    else if (kind === 'salt-ready') this.#broadcasts.onReady(pair, payload);
    else if (isFrameKind(kind)) this.#frameHandler({ from, boot, identity, kind, payload });
  }

  #acceptRaft(from: NodeName, kind: 'raft' | 'raft-shared', payload: Uint8Array): void {
    const messages = this.#readRaft(from, kind, payload);
    if (messages === undefined) this.#drop('unreadable');
    else for (const message of messages) this.#raftHandler(message, from);
  }

  /** Undefined when the payload is malformed, or says something its sender may not say. */
  #readRaft(sender: NodeName, kind: 'raft' | 'raft-shared', payload: Uint8Array): readonly Message[] | undefined {
    const selfPeer = this.#directory.peerOf(this.#self);
    const senderPeer = this.#directory.peerOf(sender);
    if (selfPeer === undefined || senderPeer === undefined) return undefined;
    try {
      const shared = kind === 'raft-shared' ? decodeShared(payload, selfPeer) : null;
      if (shared === undefined) return [];
      const messages = shared === null ? decodeMessages(payload) : [shared];
      return messages.every(({ from, to }) => from === senderPeer && to === selfPeer) ? messages : undefined;
    } catch (error) {
      if (error instanceof ParleyError || error instanceof RangeError) return undefined;
      throw error;
    }
  }

  #dropUnread(version: number | undefined): void {
    if (version === undefined || version === FRAME_VERSION) {
      this.#drop('malformed');
      return;
    }
    this.#drop('other-version');
    if (this.#otherVersions.has(version)) return;
    this.#otherVersions.add(version);
    this.#log.warn(
      { version, own: FRAME_VERSION },
      'frames of another version of the protocol between nodes are refused: do all nodes run the same release?',
    );
  }

  #drop(reason: DropReason): void {
    this.#counters.dropped[reason] += 1;
  }
}
