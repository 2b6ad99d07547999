import type { Logger } from 'pino';
import type { Message } from '../../consensus/message.ts';
import type { PeerId } from '../../consensus/types.ts';
import { ParleyError } from '../../protocol/errors.ts';
import type { ClusterId, NodeName } from '../../protocol/ids.ts';
import type { Clock, Frame, FrameKind, NodeTransport, PeerDirectory } from '../ports.ts';
import { decodeMessages, encodeMessages } from '../raft/message-codec.ts';
import { ClusterKeys } from './cluster-keys.ts';
import { DeathSigns } from './death-signs.ts';
import { DeathWatch } from './death-watch.ts';
import { PAYLOAD_BYTES_MAX } from './fragments.ts';
import { HEADER_BYTES_MAX, type WireKind } from './frame-header.ts';
import { FrameSealing, type DropReason, type Opened } from './frame-sealing.ts';
import { Greeter } from './greeter.ts';
import { NatsConnection } from './nats-connection.ts';
import { nodeNkey } from './node-nkey.ts';
import { decodeShared, encodeShared, planRaftFrames } from './raft-frames.ts';
import { Subjects } from './subjects.ts';
import { newCounters, type TransportCounters } from './transport-counters.ts';

export interface NatsTransportOptions {
  readonly self: NodeName;
  /** Positive, larger at every start of this node, never used twice: nonces rest on it. */
  readonly boot: number;
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
const SEAL_BYTES = HEADER_BYTES_MAX + 16;
const NOTHING = new Uint8Array(0);

/** Frames between nodes as sealed NATS messages: one subject per node, one for everybody. */
export class NatsTransport implements NodeTransport {
  readonly #self: NodeName;
  readonly #directory: PeerDirectory;
  readonly #log: Logger;
  readonly #nats: NatsConnection;
  readonly #subjects: Subjects;
  readonly #sealing: FrameSealing;
  readonly #greeter: Greeter;
  readonly #deathSigns: DeathSigns;
  readonly #deathWatch: DeathWatch;
  readonly #counters = newCounters();
  #raftHandler: (message: Message, from: NodeName) => void = () => undefined;
  #frameHandler: (frame: Frame) => void = () => undefined;
  #hintHandler: (node: NodeName) => void = () => undefined;
  #namesakeHandler: (boot: number) => void = () => undefined;
  #restartHandler: (node: NodeName) => void = () => undefined;
  #closed = false;

  private constructor(options: NatsTransportOptions, keys: ClusterKeys, nats: NatsConnection) {
    const { self, boot, directory, clock, logger, peers } = options;
    this.#self = self;
    this.#directory = directory;
    this.#log = logger.child({ part: 'transport' });
    this.#nats = nats;
    this.#subjects = new Subjects(keys.tagHex);
    this.#sealing = new FrameSealing({ self, boot, keys });
    this.#greeter = new Greeter({
      clock,
      expected: peers.filter((peer) => peer !== self),
      isKnown: (node) => this.#sealing.bootOf(node) !== undefined,
      greetEverybody: () => {
        this.#greetEverybody();
      },
      greet: (node, nodeBoot) => {
        this.#greet(node, nodeBoot);
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
    return this.#sealing.bootOf(node);
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
    this.#sealing.bindTo(cluster);
  }

  onRaft(handler: (message: Message, from: NodeName) => void): void {
    this.#raftHandler = handler;
  }

  send(to: NodeName, kind: FrameKind, payload: Uint8Array): void {
    if (this.#isUp(1)) this.#sendTo(to, kind, payload);
  }

  broadcast(kind: FrameKind, payload: Uint8Array): void {
    if (this.#isUp(1)) this.#sendToEverybody(kind, payload);
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
  }

  // ---------------------------------------------------------------- sending

  get isConnected(): boolean {
    return this.#nats.isUp && !this.#closed;
  }

  #isUp(messages: number): boolean {
    if (this.isConnected) return true;
    this.#counters.notSent.down += messages;
    return false;
  }

  #sendShared(addressees: readonly PeerId[], message: Message): void {
    // A frame for everybody is only accepted by nodes that have met this one; the others are greeted on the way.
    const known = addressees.filter((peer) => this.#isReachable(peer));
    if (known.length === 0) return;
    this.#counters.sharedFramesSent += 1;
    this.#sendToEverybody('raft-shared', encodeShared(known, message));
  }

  #isReachable(peer: PeerId): boolean {
    const name = this.#directory.nameOf(peer);
    if (name === undefined) this.#counters.notSent['unknown-peer'] += 1;
    else if (this.#sealing.bootOf(name) === undefined) this.#reportUnknownBoot();
    else return true;
    return false;
  }

  #sendToPeer(peer: PeerId, messages: readonly Message[]): void {
    const name = this.#directory.nameOf(peer);
    if (name === undefined) this.#counters.notSent['unknown-peer'] += messages.length;
    else this.#sendTo(name, 'raft', encodeMessages(messages));
  }

  #sendTo(to: NodeName, kind: WireKind, payload: Uint8Array): void {
    if (!this.#fits(payload)) return;
    const frames = this.#sealing.seal(to, kind, payload, this.#pieceBytesMax());
    if (frames === undefined) this.#reportUnknownBoot();
    else this.#publish(this.#subjects.node(to), frames);
  }

  #sendToEverybody(kind: WireKind, payload: Uint8Array): void {
    if (!this.#fits(payload)) return;
    this.#publish(this.#subjects.all, this.#sealing.sealForEverybody(kind, payload, this.#pieceBytesMax()));
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

  #greetEverybody(): void {
    this.#counters.greetingsSent += 1;
    this.#sendToEverybody('greet', NOTHING);
  }

  #greet(node: NodeName, boot: number): void {
    this.#counters.greetingsSent += 1;
    this.#publish(this.#subjects.node(node), [this.#sealing.sealGreeting(node, boot)]);
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
    const opened = this.#sealing.open(data);
    if (opened.outcome === 'dropped') this.#drop(opened.reason);
    else if (opened.outcome === 'unbound') {
      this.#drop('unbound');
      this.#greeter.answer(opened.sender, opened.senderBoot);
    } else if (opened.outcome === 'namesake') {
      // It learns from the answer that this process lives, too.
      this.#greeter.answer(this.#self, opened.senderBoot);
      this.#namesakeHandler(opened.senderBoot);
    } else {
      this.#counters.framesReceived += 1;
      this.#counters.bytesReceived += data.length;
      this.#accept(opened);
    }
  }

  #accept({ header, payload, adopted, abandoned }: Extract<Opened, { outcome: 'frame' }>): void {
    const { sender, senderBoot, kind } = header;
    if (adopted) {
      this.#greet(sender, senderBoot);
      this.#restartHandler(sender);
    }
    this.#counters.dropped.incomplete += abandoned;
    this.#deathWatch.heard(sender);
    if (payload === undefined || kind === 'greet') return;
    if (kind !== 'raft' && kind !== 'raft-shared') {
      this.#frameHandler({ from: sender, boot: senderBoot, kind, payload });
      return;
    }
    const messages = this.#readRaft(sender, kind, payload);
    if (messages === undefined) this.#drop('unreadable');
    else for (const message of messages) this.#raftHandler(message, sender);
  }

  /** Undefined when the payload is malformed, or says something its sender may not say. */
  #readRaft(sender: NodeName, kind: 'raft' | 'raft-shared', payload: Uint8Array): readonly Message[] | undefined {
    const selfPeer = this.#directory.peerOf(this.#self);
    const senderPeer = this.#directory.peerOf(sender);
    if (selfPeer === undefined || senderPeer === undefined) return undefined;
    let messages: readonly Message[];
    try {
      const shared = kind === 'raft-shared' ? decodeShared(payload, selfPeer) : null;
      if (shared === undefined) return [];
      messages = shared === null ? decodeMessages(payload) : [shared];
    } catch (error) {
      if (error instanceof ParleyError || error instanceof RangeError) return undefined;
      throw error;
    }
    return messages.every(({ from, to }) => from === senderPeer && to === selfPeer) ? messages : undefined;
  }

  #drop(reason: DropReason): void {
    this.#counters.dropped[reason] += 1;
  }
}
