import type { ParleyClient } from '../../client/client.ts';
import type { RoomId } from '../../protocol/ids.ts';

const KEEP_AFTER_MS = 300;

/** What people have typed into rooms and not sent; it is kept while they type. */
export class DraftTexts {
  #client!: ParleyClient;
  #drafts = $state.raw<ReadonlyMap<RoomId, string>>(new Map());
  readonly #timers = new Map<RoomId, ReturnType<typeof setTimeout>>();
  /** Rooms whose composer has to take its draft anew. */
  #givenBack = $state(0);

  async open(client: ParleyClient): Promise<void> {
    this.#client = client;
    this.#drafts = await client.drafts.all();
    // A page that is closed gets no further turn.
    addEventListener('pagehide', () => this.#flush());
    addEventListener('visibilitychange', () => document.hidden && this.#flush());
  }

  draft(room: RoomId): string {
    return this.#drafts.get(room) ?? '';
  }

  /** Changes whenever a draft did so without being typed. */
  get givenBack(): number {
    return this.#givenBack;
  }

  keep(room: RoomId, text: string): void {
    this.#drafts = new Map(this.#drafts).set(room, text);
    clearTimeout(this.#timers.get(room));
    this.#timers.set(
      room,
      setTimeout(() => this.#write(room), KEEP_AFTER_MS),
    );
  }

  /** A message that cannot be sent goes back to where it was typed. */
  giveBack(room: RoomId, text: string): void {
    const draft = this.draft(room);
    this.keep(room, draft === '' ? text : `${text}\n${draft}`);
    this.#givenBack += 1;
  }

  #flush(): void {
    for (const room of this.#timers.keys()) this.#write(room);
  }

  #write(room: RoomId): void {
    clearTimeout(this.#timers.get(room));
    this.#timers.delete(room);
    void this.#client.drafts.keep(room, this.draft(room));
  }
}
