import type { Roster } from './roster.ts';
import type { RoomId } from '../protocol/ids.ts';

/** How many devices the remembered rosters list together: some tens of megabytes. */
const MEMO_DEVICES_MAX = 100_000;

interface Entry {
  readonly base: number;
  readonly deviceEpoch: number;
  readonly roster: Roster;
}

/**
 * Rosters of rooms that were written to lately. An entry holds for the `base` of its room's row and the device epoch
 * of the whole cluster: both grow with every change that could alter a roster, so one history of rows has at most
 * one roster for a pair of them.
 */
export class RosterMemo {
  /** In order of last use. */
  readonly #entries = new Map<RoomId, Entry>();
  #devices = 0;

  get(room: RoomId, at: { readonly base: number; readonly deviceEpoch: number }): Roster | undefined {
    const entry = this.#entries.get(room);
    if (entry === undefined || entry.base !== at.base || entry.deviceEpoch !== at.deviceEpoch) return undefined;
    this.#entries.delete(room);
    this.#entries.set(room, entry);
    return entry.roster;
  }

  set(room: RoomId, entry: Entry): void {
    this.#forget(room);
    this.#entries.set(room, entry);
    this.#devices += entry.roster.devices.length;
    for (const oldest of this.#entries.keys()) {
      if (this.#devices <= MEMO_DEVICES_MAX || oldest === room) break;
      this.#forget(oldest);
    }
  }

  #forget(room: RoomId): void {
    const entry = this.#entries.get(room);
    if (entry === undefined) return;
    this.#entries.delete(room);
    this.#devices -= entry.roster.devices.length;
  }
}
