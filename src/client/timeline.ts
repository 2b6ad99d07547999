import type { AccountName } from '../protocol/ids.ts';
import type { MessageLine } from './reader.ts';

/** Everybody who reacted in one way, in the order in which they did. */
export interface Reaction {
  readonly reaction: string;
  readonly by: readonly AccountName[];
}

/** A message as people see it: with its edits and reactions put in. */
export interface Entry {
  readonly line: MessageLine;
  /** As it was edited last; null where there is nothing to read. */
  readonly text: string | null;
  readonly isEdited: boolean;
  readonly mentions: readonly AccountName[];
  readonly reactions: readonly Reaction[];
  /** How many messages of its thread are known here. */
  readonly replies: number;
}

/**
 * Lines of one room, ascending, put together to what people see. Edits and reactions are messages of their own that
 * come after what they are about; they have no place among the entries. Pure: no clock, no store.
 */
export class Timeline {
  readonly #lines = new Map<number, MessageLine>();
  /** Seqs of what has a place of its own, ascending. */
  #order: number[] = [];
  readonly #edits = new Map<number, MessageLine[]>();
  readonly #reactions = new Map<number, MessageLine[]>();
  readonly #threads = new Map<number, number[]>();
  /** What was put together, until something changes it. */
  readonly #entries = new Map<number, Entry>();
  #first = 0;
  #last = 0;
  #revision = 0;

  /** The seqs between which all lines are here; 0 where there is none. */
  get first(): number {
    return this.#first;
  }

  get last(): number {
    return this.#last;
  }

  /** Another number after each change. */
  get revision(): number {
    return this.#revision;
  }

  /** Seqs of the entries, ascending. Another array after each change. */
  get order(): readonly number[] {
    return this.#order;
  }

  /** Those of one thread, ascending; the first is what began it, where it is here. */
  thread(root: number): readonly number[] {
    const replies = this.#threads.get(root) ?? [];
    return this.#lines.has(root) ? [root, ...replies] : replies;
  }

  line(seq: number): MessageLine | undefined {
    return this.#lines.get(seq);
  }

  /** Undefined for what is not here, or has no place of its own. */
  entry(seq: number): Entry | undefined {
    const known = this.#entries.get(seq);
    if (known !== undefined) return known;
    const line = this.#lines.get(seq);
    if (line === undefined || isRelation(line)) return undefined;
    const entry = this.#entryOf(line);
    this.#entries.set(seq, entry);
    return entry;
  }

  /**
   * Takes lines that follow each other: before those that are here, behind them, or in the place of some.
   * @returns false, and takes none, when there would be a gap
   */
  put(lines: readonly MessageLine[]): boolean {
    const [first, last] = [lines[0], lines.at(-1)];
    if (first === undefined || last === undefined) return true;
    const isEmpty = this.#last === 0;
    if (!isEmpty && (first.seq > this.#last + 1 || last.seq < this.#first - 1)) return false;
    this.#revision += 1;
    const places = lines.filter((line) => this.#take(line)).map(({ seq }) => seq);
    this.#first = isEmpty ? first.seq : Math.min(this.#first, first.seq);
    this.#last = isEmpty ? last.seq : Math.max(this.#last, last.seq);
    if (places.length > 0) this.#order = mergedAscending(this.#order, places);
    return true;
  }

  /** @returns whether it takes a place that was not there before */
  #take(line: MessageLine): boolean {
    const before = this.#lines.get(line.seq);
    this.#lines.set(line.seq, line);
    this.#entries.delete(line.seq);
    if (before !== undefined) this.#unrelate(before);
    if (line.gone !== undefined) return before === undefined && !isRelation(line);
    if (line.edits !== undefined) this.#relate(this.#edits, line.edits, line);
    else if (line.reactsTo !== undefined) this.#relate(this.#reactions, line.reactsTo, line);
    else if (line.thread !== undefined && before === undefined) this.#addReply(line.thread, line.seq);
    return before === undefined && !isRelation(line);
  }

  #relate(relations: Map<number, MessageLine[]>, target: number, line: MessageLine): void {
    const others = relations.get(target) ?? [];
    const all = [...others, line].toSorted((a, b) => a.seq - b.seq);
    relations.set(target, all);
    this.#entries.delete(target);
  }

  /** A relation that is gone, or is told of again. */
  #unrelate({ seq, edits, reactsTo }: MessageLine): void {
    const target = edits ?? reactsTo;
    if (target === undefined) return;
    for (const relations of [this.#edits, this.#reactions]) {
      const left = relations.get(target)?.filter((other) => other.seq !== seq);
      if (left !== undefined) relations.set(target, left);
    }
    this.#entries.delete(target);
  }

  #addReply(root: number, seq: number): void {
    this.#threads.set(root, mergedAscending(this.#threads.get(root) ?? [], [seq]));
    this.#entries.delete(root);
  }

  #entryOf(line: MessageLine): Entry {
    // Nodes let only its author edit a message; this client does not rely on it.
    const edit = (this.#edits.get(line.seq) ?? []).findLast(({ from }) => from === line.from);
    const isEdited = edit !== undefined && line.gone === undefined && line.text !== null;
    return {
      line,
      text: isEdited ? edit.text : line.text,
      isEdited,
      mentions: (isEdited ? edit.mentions : line.mentions) ?? [],
      reactions: line.gone === undefined ? reactionsOf(this.#reactions.get(line.seq) ?? []) : [],
      replies: this.#threads.get(line.seq)?.length ?? 0,
    };
  }
}

function isRelation({ edits, reactsTo }: MessageLine): boolean {
  return edits !== undefined || reactsTo !== undefined;
}

function reactionsOf(lines: readonly MessageLine[]): readonly Reaction[] {
  const by = new Map<string, Set<AccountName>>();
  for (const { reaction, from } of lines) {
    if (reaction === undefined) continue;
    by.set(reaction, (by.get(reaction) ?? new Set()).add(from));
  }
  return Array.from(by, ([reaction, names]) => ({ reaction, by: [...names] }));
}

/** Both ascending, and nothing twice. */
function mergedAscending(a: readonly number[], b: readonly number[]): number[] {
  const [head, tail] = [b[0], b.at(-1)];
  if (head === undefined || tail === undefined) return [...a];
  if (a.length === 0 || head > a.at(-1)!) return [...a, ...b];
  if (tail < a[0]!) return [...b, ...a];
  return [...new Set([...a, ...b])].toSorted((x, y) => x - y);
}
