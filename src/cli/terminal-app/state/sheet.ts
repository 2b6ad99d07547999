import { ParleyError } from '../../../protocol/errors.ts';
import { EMPTY_FIELD } from '../composer/text-field.ts';
import type { Line } from '../screen/line.ts';
import type { Field } from '../composer/text-field.ts';

/** People type faster than nodes should be asked. */
const ASK_AFTER_MS = 150;

export interface SheetItem {
  readonly line: Line;
  /** Without it, it is there to be read. */
  readonly pick?: () => Promise<void> | void;
}

export interface SheetParts {
  readonly title: string;
  /** What can be typed; null where nothing can. */
  readonly prompt: string | null;
  /** Where there is nothing. */
  readonly empty: string;
  /** @param signal aborts when something else was typed meanwhile */
  readonly find: (query: string, signal: AbortSignal) => Promise<readonly SheetItem[]>;
  /** What is to be known of what is found. */
  readonly note?: () => string | null;
  /** Finding needs no node. */
  readonly isLocal?: boolean;
  readonly changed: () => void;
}

/** A list over the conversation, in which something can be found and picked. */
export class Sheet {
  readonly title: string;
  readonly prompt: string | null;
  readonly empty: string;
  field: Field = EMPTY_FIELD;
  readonly #parts: SheetParts;
  #items: readonly SheetItem[] = [];
  #selected = 0;
  #failure: string | null = null;
  #asking: AbortController | null = null;

  constructor(parts: SheetParts) {
    this.#parts = parts;
    this.title = parts.title;
    this.prompt = parts.prompt;
    this.empty = parts.empty;
    void this.#find();
  }

  get items(): readonly SheetItem[] {
    return this.#items;
  }

  get selected(): number {
    return this.#selected;
  }

  get isAsking(): boolean {
    return this.#asking !== null;
  }

  /** Why nothing could be found. */
  get failure(): string | null {
    return this.#failure;
  }

  /** What is to be known of what is found; null for nothing. */
  get note(): string | null {
    return this.#parts.note?.() ?? null;
  }

  edit(field: Field): void {
    if (this.prompt === null) return;
    const isOther = field.text !== this.field.text;
    this.field = field;
    if (isOther) void this.#find();
  }

  move(by: number): void {
    this.#selected = Math.max(0, Math.min(this.#items.length - 1, this.#selected + by));
  }

  close(): void {
    this.#asking?.abort();
  }

  async #find(): Promise<void> {
    this.#asking?.abort();
    const asking = new AbortController();
    this.#asking = asking;
    const query = this.field.text.trim();
    try {
      if (this.#parts.isLocal !== true) await new Promise((resolve) => setTimeout(resolve, ASK_AFTER_MS));
      const items = asking.signal.aborted ? [] : await this.#parts.find(query, asking.signal);
      if (asking.signal.aborted) return;
      this.#items = items;
      this.#selected = 0;
      this.#failure = null;
    } catch (error) {
      if (!(error instanceof ParleyError)) throw error;
      if (asking.signal.aborted) return;
      this.#items = [];
      this.#failure = error.message;
    } finally {
      if (this.#asking === asking) this.#asking = null;
      this.#parts.changed();
    }
  }
}
