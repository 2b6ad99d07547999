import type { TypingFrameJson } from '../../protocol/http/frames.ts';

/** Who writes where, right now. */
export class Typists {
  #byRoom = $state.raw<ReadonlyMap<string, ReadonlyMap<string, number>>>(new Map());

  in(room: string): readonly string[] {
    return [...(this.#byRoom.get(room)?.keys() ?? [])];
  }

  told({ room, account, active, forMs }: TypingFrameJson): void {
    if (!active) {
      this.wrote(room, account);
      return;
    }
    const until = Date.now() + forMs;
    this.#set(room, (people) => people.set(account, until));
    setTimeout(() => {
      if (this.#byRoom.get(room)?.get(account) === until) this.wrote(room, account);
    }, forMs);
  }

  /** Whoever has written does not write any more. */
  wrote(room: string, account: string): void {
    if (this.#byRoom.get(room)?.has(account) === true) this.#set(room, (people) => people.delete(account));
  }

  #set(room: string, change: (people: Map<string, number>) => void): void {
    const people = new Map(this.#byRoom.get(room));
    change(people);
    this.#byRoom = new Map(this.#byRoom).set(room, people);
  }
}
