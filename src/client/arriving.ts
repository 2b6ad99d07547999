import type { RoomId } from '../protocol/ids.ts';
import type { Sent } from './outbox.ts';
import type { PendingMessage } from './pending.ts';

/** Far more than one attempt sends; what is older than these is left to its line. */
const ARRIVING_MAX = 1_000;

interface Arriving {
  readonly message: PendingMessage;
  readonly seq: number;
}

/**
 * Own messages that a node has acknowledged and whose lines have not come back yet. They have left the outbox, so
 * without these they would be nowhere for as long as that takes. The line may also be faster than the acknowledgement.
 */
export class ArrivingMessages {
  #arriving: readonly Arriving[] = [];

  sent(message: PendingMessage, { seq }: Sent): void {
    this.#arriving = [...this.#arriving, { message, seq }].slice(-ARRIVING_MAX);
  }

  /**
   * What waits in the outbox, behind what has left it and is not there yet, each once.
   * @param reached the seq up to which the lines of a room are there
   */
  behind(waiting: readonly PendingMessage[], reached: (room: RoomId) => number): readonly PendingMessage[] {
    this.#arriving = this.#arriving.filter(({ message, seq }) => seq > reached(message.room));
    if (this.#arriving.length === 0) return waiting;
    const ids = new Set(this.#arriving.map(({ message }) => message.id));
    return [...this.#arriving.map(({ message }) => message), ...waiting.filter(({ id }) => !ids.has(id))];
  }
}
