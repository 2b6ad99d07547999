import type { Message } from '../../consensus/message.ts';
import type { PeerId } from '../../consensus/types.ts';
import { decodeMessages, encodeMessages } from '../../node/raft/message-codec.ts';
import type { Frame, FrameKind, Transport } from '../../node/ports.ts';
import type { NodeName } from '../../protocol/ids.ts';
import type { SimHost } from './sim-host.ts';
import type { Packet, SimNetwork } from './sim-network.ts';

export interface SimTransportEnv {
  readonly host: SimHost;
  readonly boot: number;
  readonly network: SimNetwork;
  readonly nodes: readonly number[];
  readonly isAlive: () => boolean;
  /** Sees every Raft message before it leaves, and may end the process there. */
  readonly onSending: (message: Message) => void;
  readonly onReceived: (message: Message) => void;
}

export const nameOfNumber = (number: number): NodeName => `n${number}` as NodeName;
export const numberOfName = (name: NodeName): number => Number(name.slice(1));

/** One process' way to the simulated network, through the codec of the real transport. */
export class SimTransport implements Transport {
  readonly #env: SimTransportEnv;
  #onRaft: (message: Message, from: NodeName) => void = () => {};
  #onFrame: (frame: Frame) => void = () => {};
  #onHint: (node: NodeName) => void = () => {};
  /** The node whose death would be noticed. */
  watched: NodeName | null = null;

  constructor(env: SimTransportEnv) {
    this.#env = env;
  }

  sendRaft(messages: readonly Message[]): void {
    const byReceiver = new Map<PeerId, Message[]>();
    for (const message of messages) {
      if (!this.#env.isAlive()) break;
      this.#env.onSending(message);
      const group = byReceiver.get(message.to);
      if (group === undefined) byReceiver.set(message.to, [message]);
      else group.push(message);
    }
    for (const [to, group] of byReceiver) this.#send(to, 'raft', encodeMessages(group));
  }

  send(to: NodeName, kind: FrameKind, payload: Uint8Array): void {
    if (this.#env.isAlive()) this.#send(numberOfName(to), kind, payload);
  }

  broadcast(kind: FrameKind, payload: Uint8Array): void {
    for (const node of this.#env.nodes)
      if (node !== this.#env.host.number) this.send(nameOfNumber(node), kind, payload);
  }

  #send(to: number, kind: string, bytes: Uint8Array): void {
    this.#env.network.send({ from: this.#env.host.number, to, kind, bytes });
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
  watch(node: NodeName | null): void {
    this.watched = node;
  }
  close(): Promise<void> {
    return Promise.resolve();
  }

  hint(node: NodeName): void {
    this.#onHint(node);
  }

  /** A packet has arrived; runs inside the process. */
  receive({ from, kind, bytes }: Packet): void {
    const sender = nameOfNumber(from);
    if (kind !== 'raft') {
      this.#onFrame({ from: sender, boot: 0, kind: kind as FrameKind, payload: bytes });
      return;
    }
    for (const message of decodeMessages(bytes)) {
      this.#env.onReceived(message);
      this.#onRaft(message, sender);
    }
  }
}
