import { LIMITS } from '../protocol/limits.ts';
import type { PresenceChoiceT } from '../protocol/http/presence.ts';
import type { AccountName, RoomId } from '../protocol/ids.ts';
import type { LiveSocket } from './live-socket.ts';

/** Somebody whose presence is of interest, and a room that both are in. */
export interface Watched {
  readonly room: RoomId;
  readonly account: AccountName;
}

/**
 * What a device says over its live connection without waiting for an answer: how it is, whom it watches, what has
 * arrived. It outlives connections: the next one is told anew what still holds.
 */
export class LiveSignals {
  #socket: LiveSocket | null = null;
  #presence: PresenceChoiceT;
  #watched: readonly Watched[] = [];

  constructor(presence: PresenceChoiceT) {
    this.#presence = presence;
  }

  get presence(): PresenceChoiceT {
    return this.#presence;
  }

  /** A connection was made, in whose greeting the presence was said. */
  attach(socket: LiveSocket): void {
    this.#socket = socket;
    this.#sayWatched();
  }

  setPresence(status: PresenceChoiceT): void {
    this.#presence = status;
    this.#socket?.say({ type: 'presence', status });
  }

  /** Instead of those who were watched before; of too many, the first ones. */
  watch(people: readonly Watched[]): void {
    this.#watched = people.slice(0, LIMITS.presenceWatchedMax);
    this.#sayWatched();
  }

  /** Everything in the room up to `seq` has arrived on this device. */
  delivered(room: RoomId, seq: number): void {
    this.#socket?.say({ type: 'ack', room, delivered: seq });
  }

  #sayWatched(): void {
    this.#socket?.say({ type: 'watch', people: [...this.#watched] });
  }
}
