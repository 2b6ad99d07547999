import { EMPTY_HISTORY, newer, older, remembered } from '../composer/history.ts';
import { movedRow } from '../composer/field-layout.ts';
import { EMPTY_FIELD, edited, fieldOf, inserted } from '../composer/text-field.ts';
import { withEmoji } from '../../../client/emoji-table.ts';
import { completionOf } from './completion.ts';
import type { Edit, Field } from '../composer/text-field.ts';
import type { History } from '../composer/history.ts';
import type { Completion } from './completion.ts';

export interface ComposerListener {
  /** The text is not what it was. */
  changed(text: string): void;
}

/** What is being typed: the text, what was sent before, and what can be completed. */
export class Composer {
  readonly #listener: ComposerListener;
  #field: Field = EMPTY_FIELD;
  #history: History = EMPTY_HISTORY;
  #completion: Completion | null = null;
  #offer = 0;

  constructor(listener: ComposerListener) {
    this.#listener = listener;
  }

  get field(): Field {
    return this.#field;
  }

  /** What can be put in the place of what is being typed, and which of it is next. */
  get completion(): (Completion & { readonly next: number }) | null {
    return this.#completion === null ? null : { ...this.#completion, next: this.#offer };
  }

  /** As it is sent: with the emoji that were written by name. */
  get text(): string {
    return withEmoji(this.#field.text.trimEnd());
  }

  /** Another conversation, or a text that comes back: nobody is told of a change. */
  show(text: string): void {
    this.#field = fieldOf(text);
    this.#completion = null;
  }

  /** @param names of those who may be mentioned */
  insert(text: string, names: Iterable<string>): void {
    this.#become(inserted(this.#field, text));
    this.#offerFor(names);
  }

  edit(edit: Edit, names: Iterable<string>): void {
    this.#become(edited(this.#field, edit));
    this.#offerFor(names);
  }

  /** The cursor a row up or down; where there is no such row, what was sent before. */
  moveRow(by: -1 | 1, width: number): void {
    const moved = movedRow(this.#field, width, by);
    this.#completion = null;
    if (moved !== null) {
      this.#field = moved;
      return;
    }
    const step = by === -1 ? older(this.#history, this.#field.text) : newer(this.#history);
    if (step === null) return;
    this.#history = step.history;
    this.#become(fieldOf(step.text));
  }

  /** @returns false where there is nothing to complete */
  complete(): boolean {
    const offer = this.#completion?.offers[this.#offer];
    if (this.#completion === null || offer === undefined) return false;
    const { begin } = this.#completion;
    const { text, cursor } = this.#field;
    const insert = `${offer.insert} `;
    this.#completion = null;
    this.#become({ text: text.slice(0, begin) + insert + text.slice(cursor), cursor: begin + insert.length });
    return true;
  }

  /** Another one of what is offered. */
  nextOffer(by: -1 | 1): void {
    const count = this.#completion?.offers.length ?? 0;
    if (count > 0) this.#offer = (this.#offer + by + count) % count;
  }

  /** It was sent: remembered, and out of the way. */
  sent(text: string): void {
    this.#history = remembered(this.#history, text);
    this.#completion = null;
    this.#become(EMPTY_FIELD);
  }

  /** Offers nothing any more. */
  calm(): void {
    this.#completion = null;
  }

  #become(field: Field): void {
    const isOther = field.text !== this.#field.text;
    this.#field = field;
    if (isOther) this.#listener.changed(field.text);
  }

  #offerFor(names: Iterable<string>): void {
    this.#completion = completionOf(this.#field, names);
    this.#offer = 0;
  }
}
