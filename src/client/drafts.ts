import { KEY, pack, unpack } from './rows.ts';
import type { RoomId } from '../protocol/ids.ts';
import type { ClientStore } from './store.ts';

/** What people have typed and not sent: kept like messages, so that it outlives the program. */
export class Drafts {
  readonly #store: ClientStore;

  constructor(store: ClientStore) {
    this.#store = store;
  }

  /** Of every room that has one. */
  async all(): Promise<ReadonlyMap<RoomId, string>> {
    const rows = await this.#store.transaction((tx) => tx.list(KEY.draftPrefix));
    return new Map(rows.map(([key, text]) => [key.slice(KEY.draftPrefix.length) as RoomId, unpack<string>(text)]));
  }

  /** An empty text is none. */
  async keep(room: RoomId, text: string): Promise<void> {
    await this.#store.transaction(async (tx) => {
      if (text === '') tx.delete(KEY.draft(room));
      else tx.put(KEY.draft(room), pack(text));
    });
  }
}
