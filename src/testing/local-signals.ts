import type { Signal, SignalPort } from '../node/ports.ts';
import type { NodeName } from '../protocol/ids.ts';

/** Signals between nodes of one process: delivered at once, unless a test loses them. */
export class LocalSignals implements SignalPort {
  readonly name: NodeName;
  boot = 1;
  /** Whether what this node says now gets lost. */
  loses: () => boolean = () => false;
  /** Frames that were sent, each once for however many it was meant. */
  sent = 0;
  readonly #others = new Map<NodeName, LocalSignals>();
  readonly #handlers = new Set<(signal: Signal) => void>();

  constructor(name: NodeName) {
    this.name = name;
  }

  static link(...all: readonly LocalSignals[]): void {
    for (const one of all) for (const other of all) if (one !== other) one.#others.set(other.name, other);
  }

  broadcast(payload: Uint8Array): void {
    this.sent += 1;
    for (const other of this.#others.values()) this.#deliver(other, payload);
  }

  send(to: NodeName, payload: Uint8Array): void {
    this.sent += 1;
    const other = this.#others.get(to);
    if (other !== undefined) this.#deliver(other, payload);
  }

  onSignal(handler: (signal: Signal) => void): () => void {
    this.#handlers.add(handler);
    return () => this.#handlers.delete(handler);
  }

  #deliver(to: LocalSignals, payload: Uint8Array): void {
    if (this.loses()) return;
    for (const handler of to.#handlers) handler({ from: this.name, boot: this.boot, payload });
  }
}
