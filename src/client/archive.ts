import { noteEdits, noteUnindexed, PAGE_LINES, pageOf, readPage } from './archive-pages.ts';
import { KEY, pack, unpack } from './rows.ts';
import type { RoomId } from '../protocol/ids.ts';
import type { MessageLine } from './reader.ts';
import type { ClientStore, StoreTransaction } from './store.ts';

/** How far one room is kept, and what was said in it last. */
export interface ArchivedRoom {
  readonly room: RoomId;
  readonly lastSeq: number;
  /** The last line that says something. */
  readonly last: MessageLine | null;
}

/**
 * What this device has read, for when no node answers, and so that nothing is opened twice. There may be gaps: only
 * what was read is here. What is gone is taken out as soon as this device hears of it.
 */
export class Archive {
  readonly #store: ClientStore;

  constructor(store: ClientStore) {
    this.#store = store;
  }

  /** @param lines of one room, in any order; what was known of their places before is replaced */
  async keep(lines: readonly MessageLine[]): Promise<void> {
    const [first] = lines;
    if (first === undefined) return;
    const byPage = new Map<number, MessageLine[]>();
    for (const line of lines) byPage.set(pageOf(line.seq), [...(byPage.get(pageOf(line.seq)) ?? []), line]);
    await this.#store.transaction(async (tx) => {
      for (const [page, news] of byPage) {
        const bySeq = new Map((await readPage(tx, first.room, page)).map((line) => [line.seq, line]));
        for (const line of news) bySeq.set(line.seq, line);
        const merged = [...bySeq.values()].toSorted((a, b) => a.seq - b.seq);
        tx.put(KEY.lines(first.room, page), pack(merged));
        await noteUnindexed(tx, first.room, page);
      }
      await noteEdits(tx, first.room, lines);
      await this.#noteLast(tx, first.room, lines);
    });
  }

  async #noteLast(tx: StoreTransaction, room: RoomId, lines: readonly MessageLine[]): Promise<void> {
    const known = await tx.get(KEY.archived(room));
    const before = known === undefined ? null : unpack<Omit<ArchivedRoom, 'room'>>(known);
    const lastSeq = Math.max(before?.lastSeq ?? 0, ...lines.map(({ seq }) => seq));
    const saying = lines.filter(saysSomething).reduce<MessageLine | null>(later, null);
    const kept = before?.last ?? null;
    // The one that was last may be among those that are gone now.
    const isGone = lines.some(({ seq, gone }) => seq === kept?.seq && gone !== undefined);
    const last = later(isGone ? null : kept, saying);
    tx.put(KEY.archived(room), pack({ lastSeq, last }));
  }

  /** Up to `count` lines just before `before`, ascending; as many as are there without a gap. */
  async before(room: RoomId, before: number, count: number): Promise<MessageLine[]> {
    const run: MessageLine[] = [];
    await this.#store.transaction(async (tx) => {
      let wanted = before - 1;
      for (let page = pageOf(wanted); page >= 0 && wanted > 0 && run.length < count; page--) {
        const lines = await readPage(tx, room, page);
        for (const line of lines.filter(({ seq }) => seq <= wanted).toReversed()) {
          if (line.seq !== wanted || run.length === count) return;
          run.push(line);
          wanted -= 1;
        }
        if (wanted >= page * PAGE_LINES + 1) return;
      }
    });
    return run.toReversed();
  }

  /** Up to `count` lines just behind `after`, ascending; as many as are there without a gap. */
  async after(room: RoomId, after: number, count: number): Promise<MessageLine[]> {
    const run: MessageLine[] = [];
    await this.#store.transaction(async (tx) => {
      for (let page = pageOf(after + 1); run.length < count; page++) {
        const lines = await readPage(tx, room, page);
        for (const line of lines.filter(({ seq }) => seq > after)) {
          if (line.seq !== after + run.length + 1 || run.length === count) return;
          run.push(line);
        }
        if (after + run.length < (page + 1) * PAGE_LINES) return;
      }
    });
    return run;
  }

  /** Those of these places that are here. */
  async at(room: RoomId, seqs: readonly number[]): Promise<ReadonlyMap<number, MessageLine>> {
    const found = new Map<number, MessageLine>();
    const wanted = new Set(seqs);
    await this.#store.transaction(async (tx) => {
      for (const page of new Set(seqs.map(pageOf))) {
        for (const line of await readPage(tx, room, page)) if (wanted.has(line.seq)) found.set(line.seq, line);
      }
    });
    return found;
  }

  /** Every room of which something is kept. */
  async rooms(): Promise<readonly ArchivedRoom[]> {
    const rows = await this.#store.transaction((tx) => tx.list(KEY.archivedPrefix));
    return rows.map(([key, bytes]) => ({
      room: key.slice(KEY.archivedPrefix.length) as RoomId,
      ...unpack<Omit<ArchivedRoom, 'room'>>(bytes),
    }));
  }

  /** Nothing stands at these places any more: their texts go from here too. */
  async markGone(room: RoomId, seqs: readonly number[], reason: NonNullable<MessageLine['gone']>): Promise<void> {
    const lines = await this.at(room, seqs);
    await this.keep([...lines.values()].map((line) => goneLine(line, reason)));
  }

  /** This account is not in the room any more. */
  async forget(room: RoomId): Promise<void> {
    await this.#store.transaction(async (tx) => {
      const prefixes = [KEY.linesPrefix, KEY.editedPrefix, KEY.unindexedRoom, KEY.wordsRoom];
      for (const prefixOf of prefixes) for (const [key] of await tx.list(prefixOf(room))) tx.delete(key);
      tx.delete(KEY.filled(room));
      tx.delete(KEY.archived(room));
    });
  }
}

/** What is left of a line of which nothing is left; of an edit or a reaction it stays known that it was one. */
export function goneLine(line: MessageLine, gone: NonNullable<MessageLine['gone']>): MessageLine {
  const { room, seq, id, from, account, device, sentAt, edits, reactsTo } = line;
  const was = { ...(edits === undefined ? {} : { edits }), ...(reactsTo === undefined ? {} : { reactsTo }) };
  return { room, seq, id, from, account, device, sentAt, text: null, gone, ...was };
}

/** Whether people count it as a message: no edit, no reaction, nothing that is gone. */
export function saysSomething({ gone, edits, reactsTo }: MessageLine): boolean {
  return gone === undefined && edits === undefined && reactsTo === undefined;
}

function later(a: MessageLine | null, b: MessageLine | null): MessageLine | null {
  return a === null || (b !== null && b.seq > a.seq) ? b : a;
}
