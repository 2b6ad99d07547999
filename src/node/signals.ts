import type { NodeName } from '../protocol/ids.ts';
import type { Frame, Signal, SignalPort, Transport } from './ports.ts';

/** What nodes tell each other for the moment: sealed frames like all others, of which nobody needs to know more. */
export class Signals implements SignalPort {
  readonly #transport: Pick<Transport, 'send' | 'broadcast'>;
  readonly #handlers = new Set<(signal: Signal) => void>();

  constructor(transport: Pick<Transport, 'send' | 'broadcast'>) {
    this.#transport = transport;
  }

  broadcast(payload: Uint8Array): void {
    this.#transport.broadcast('signal', payload);
  }

  send(to: NodeName, payload: Uint8Array): void {
    this.#transport.send(to, 'signal', payload);
  }

  onSignal(handler: (signal: Signal) => void): () => void {
    this.#handlers.add(handler);
    return () => this.#handlers.delete(handler);
  }

  /** Takes a frame of kind `signal`. */
  receive({ from, boot, payload }: Frame): void {
    for (const handler of this.#handlers) handler({ from, boot, payload });
  }
}
