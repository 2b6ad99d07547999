import type { StateView } from './ports.ts';
import type { RowCodec } from './rows.ts';

/**
 * Rows of one kind during one batch: each is read and decoded at most once, and written at most once, when the batch
 * ends. A room that gets a hundred messages in a batch costs one read and one write.
 */
export class Table<Key, Row> {
  readonly #view: StateView;
  readonly #keyOf: (key: Key) => string;
  readonly #codec: RowCodec<Row>;
  /** Most of the tables are not used by a batch: made when they are. */
  #rows: Map<string, Row | undefined> | undefined;
  #dirty: Set<string> | undefined;

  constructor(view: StateView, keyOf: (key: Key) => string, codec: RowCodec<Row>) {
    this.#view = view;
    this.#keyOf = keyOf;
    this.#codec = codec;
  }

  get(key: Key): Row | undefined {
    const text = this.#keyOf(key);
    const rows = (this.#rows ??= new Map<string, Row | undefined>());
    const known = rows.get(text);
    if (known !== undefined || rows.has(text)) return known;
    const bytes = this.#view.get(text);
    const row = bytes === undefined ? undefined : this.#codec.decode(bytes);
    rows.set(text, row);
    return row;
  }

  put(key: Key, row: Row): void {
    this.#set(this.#keyOf(key), row);
  }

  delete(key: Key): void {
    this.#set(this.#keyOf(key), undefined);
  }

  /** Hands all changes to the view, in the order of first change. */
  flush(): void {
    if (this.#dirty === undefined) return;
    for (const text of this.#dirty) {
      const row = this.#rows?.get(text);
      if (row === undefined) this.#view.delete(text);
      else this.#view.put(text, this.#codec.encode(row));
    }
    this.#dirty.clear();
  }

  #set(text: string, row: Row | undefined): void {
    (this.#rows ??= new Map<string, Row | undefined>()).set(text, row);
    (this.#dirty ??= new Set()).add(text);
  }
}
