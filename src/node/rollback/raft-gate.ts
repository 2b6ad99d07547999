import type { Message } from '../../consensus/message.ts';
import type { NodeName } from '../../protocol/ids.ts';
import type { Frame, FrameKind, Transport } from '../ports.ts';
import type { Standing } from './standing.ts';

export interface RaftGateOptions {
  /** Another process of a node has come into reach. */
  readonly onMet: (node: NodeName) => void;
  /** Whether a message that would make this node lead is to be lost. */
  readonly withholds: (message: Message) => boolean;
}

/**
 * The transport as the Raft peer sees it: as long as this node may not take part, nothing of Raft leaves it or reaches
 * it, so it promises nothing; and nothing reaches it from peers whose data was rolled back.
 */
export class RaftGate implements Transport {
  readonly #transport: Transport;
  readonly #standing: Pick<Standing, 'takesPart' | 'hears'>;
  readonly #options: RaftGateOptions;

  constructor(
    transport: Transport,
    standing: Pick<Standing, 'takesPart' | 'hears'>,
    options: RaftGateOptions = { onMet: () => undefined, withholds: () => false },
  ) {
    this.#transport = transport;
    this.#standing = standing;
    this.#options = options;
  }

  sendRaft(messages: readonly Message[]): void {
    if (!this.#standing.takesPart) return;
    const { withholds } = this.#options;
    this.#transport.sendRaft(messages.some(withholds) ? messages.filter((message) => !withholds(message)) : messages);
  }

  onRaft(handler: (message: Message, from: NodeName) => void): void {
    this.#transport.onRaft((message, from) => {
      if (this.#standing.hears(message) && !this.#options.withholds(message)) handler(message, from);
    });
  }

  onHint(handler: (node: NodeName) => void): void {
    this.#transport.onHint((node) => {
      if (this.#standing.takesPart) handler(node);
    });
  }

  onRestart(handler: (node: NodeName) => void): void {
    this.#transport.onRestart((node) => {
      handler(node);
      this.#options.onMet(node);
    });
  }

  send(to: NodeName, kind: FrameKind, payload: Uint8Array): void {
    this.#transport.send(to, kind, payload);
  }

  broadcast(kind: FrameKind, payload: Uint8Array): void {
    this.#transport.broadcast(kind, payload);
  }

  onFrame(handler: (frame: Frame) => void): void {
    this.#transport.onFrame(handler);
  }

  watch(node: NodeName | null): void {
    this.#transport.watch(node);
  }

  suspect(node: NodeName): void {
    this.#transport.suspect(node);
  }

  close(): Promise<void> {
    return this.#transport.close();
  }
}
