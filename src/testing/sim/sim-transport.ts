import type { Message } from '../../consensus/message.ts';
import { decodeMessages, encodeMessages } from '../../node/raft/message-codec.ts';
import type { Frame, FrameKind, PeerDirectory, Transport } from '../../node/ports.ts';
import type { NodeName } from '../../protocol/ids.ts';
import { nameOfNumber, numberOfName, type SimHost } from './sim-host.ts';
import type { Packet, SimNetwork } from './sim-network.ts';
import type { VirtualTime } from './virtual-time.ts';

export interface SimTransportEnv {
  readonly host: SimHost;
  /** Of this process; larger than that of any before it. */
  readonly boot: number;
  readonly time: VirtualTime;
  readonly network: SimNetwork;
  /** Numbers of all machines, this one included. */
  readonly hosts: readonly number[];
  /** Who is reached under which id, as this process knows it. */
  readonly directory: PeerDirectory;
  readonly isAlive: () => boolean;
  /** Sees every Raft message before it leaves, and may end the process there. */
  readonly onSending: (message: Message) => void;
  readonly onReceived: (message: Message, from: NodeName) => void;
  readonly onFrameSent: () => void;
}

/** One process' way to the simulated network, through the codec of the real transport. */
export class SimTransport implements Transport {
  readonly #env: SimTransportEnv;
  #onRaft: (message: Message, from: NodeName) => void = () => {};
  #onFrame: (frame: Frame) => void = () => {};
  #onHint: (node: NodeName) => void = () => {};
  #onRestart: (node: NodeName) => void = () => {};
  /** The newest process of each other machine that was heard. */
  readonly #boots = new Map<number, number>();
  #isClosed = false;
  /** The node whose death would be noticed. */
  watched: NodeName | null = null;

  constructor(env: SimTransportEnv) {
    this.#env = env;
  }

  sendRaft(messages: readonly Message[]): void {
    const { directory, onSending, isAlive } = this.#env;
    const byReceiver = new Map<NodeName, Message[]>();
    for (const message of messages) {
      if (!isAlive()) break;
      onSending(message);
      const to = directory.nameOf(message.to);
      if (to === undefined) continue;
      const group = byReceiver.get(to);
      if (group === undefined) byReceiver.set(to, [message]);
      else group.push(message);
    }
    for (const [to, group] of byReceiver) this.#send(to, 'raft', encodeMessages(group));
  }

  send(to: NodeName, kind: FrameKind, payload: Uint8Array): void {
    const { isAlive, onFrameSent } = this.#env;
    if (!isAlive()) return;
    onFrameSent();
    this.#send(to, kind, payload);
  }

  broadcast(kind: FrameKind, payload: Uint8Array): void {
    const { hosts, host } = this.#env;
    for (const number of hosts) if (number !== host.number) this.send(nameOfNumber(number), kind, payload);
  }

  #send(to: NodeName, kind: string, bytes: Uint8Array): void {
    const { host, hosts, boot, network, time } = this.#env;
    const receiver = numberOfName(to);
    if (!hosts.includes(receiver) || this.#isClosed) return;
    network.send({ from: host.number, boot, to: receiver, kind, bytes, sentAtMs: time.nowMs });
  }

  onRaft(handler: (message: Message, from: NodeName) => void): void {
    this.#onRaft = handler;
  }
  onFrame(handler: (frame: Frame) => void): void {
    this.#onFrame = handler;
  }
  onHint(handler: (node: NodeName) => void): void {
    this.#onHint = handler;
  }
  onRestart(handler: (node: NodeName) => void): void {
    this.#onRestart = handler;
  }
  watch(node: NodeName | null): void {
    this.watched = node;
  }
  /** Only says how many signs of death a hint takes; here hints are given out whole. */
  suspect(): void {}
  close(): Promise<void> {
    this.#isClosed = true;
    return Promise.resolve();
  }

  hint(node: NodeName): void {
    this.#onHint(node);
  }

  /** A packet has arrived; runs inside the process. */
  receive({ from, boot, kind, bytes }: Packet): void {
    const sender = nameOfNumber(from);
    if (boot > (this.#boots.get(from) ?? -1)) {
      this.#boots.set(from, boot);
      this.#onRestart(sender);
    }
    if (kind !== 'raft') {
      this.#onFrame({ from: sender, boot, identity: null, kind: kind as FrameKind, payload: bytes });
      return;
    }
    for (const message of decodeMessages(bytes)) {
      this.#env.onReceived(message, sender);
      this.#onRaft(message, sender);
    }
  }
}
