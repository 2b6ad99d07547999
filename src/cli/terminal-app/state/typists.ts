import type { TypingFrameJson } from '../../../protocol/http/frames.ts';

/** Who writes where, right now. */
export class Typists {
  readonly #changed: () => void;
  readonly #timers = new Map<string, Map<string, NodeJS.Timeout>>();

  constructor(changed: () => void) {
    this.#changed = changed;
  }

  in(room: string): readonly string[] {
    return [...(this.#timers.get(room)?.keys() ?? [])];
  }

  told({ room, account, active, forMs }: TypingFrameJson): void {
    this.wrote(room, account);
    if (!active) return;
    const timer = setTimeout(() => this.wrote(room, account), forMs);
    timer.unref();
    const inRoom = this.#timers.get(room) ?? new Map<string, NodeJS.Timeout>();
    this.#timers.set(room, inRoom.set(account, timer));
    this.#changed();
  }

  /** Whoever has written does not write any more. */
  wrote(room: string, account: string): void {
    const inRoom = this.#timers.get(room);
    clearTimeout(inRoom?.get(account));
    if (inRoom?.delete(account) === true) this.#changed();
  }
}
