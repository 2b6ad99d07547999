import type { Drafts } from '../../../client/drafts.ts';
import type { RoomId } from '../../../protocol/ids.ts';

/** What is typed is on disk so soon after the last key. */
const KEEP_AFTER_MS = 300;

/** What was typed into rooms and not sent; it is kept while somebody types. */
export class DraftTexts {
  readonly #drafts: Drafts;
  readonly #failed: (error: unknown) => void;
  #texts: ReadonlyMap<RoomId, string> = new Map();
  readonly #timers = new Map<RoomId, NodeJS.Timeout>();

  /** @param failed is told why a draft could not be kept */
  constructor(drafts: Drafts, failed: (error: unknown) => void) {
    this.#drafts = drafts;
    this.#failed = failed;
  }

  async open(): Promise<void> {
    this.#texts = await this.#drafts.all();
  }

  draft(room: RoomId): string {
    return this.#texts.get(room) ?? '';
  }

  keep(room: RoomId, text: string): void {
    this.#texts = new Map(this.#texts).set(room, text);
    clearTimeout(this.#timers.get(room));
    this.#timers.set(
      room,
      setTimeout(() => void this.#write(room).catch(this.#failed), KEEP_AFTER_MS),
    );
  }

  /** Whatever is not on disk yet goes there. */
  async flush(): Promise<void> {
    for (const room of [...this.#timers.keys()]) await this.#write(room);
  }

  async #write(room: RoomId): Promise<void> {
    clearTimeout(this.#timers.get(room));
    this.#timers.delete(room);
    await this.#drafts.keep(room, this.draft(room));
  }
}
