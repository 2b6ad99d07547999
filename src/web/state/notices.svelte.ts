import { ParleyError } from '../../protocol/errors.ts';
import { errorText } from '../text/error-text.ts';

const SHOWN_MS = 7_000;
const SHOWN_MAX = 3;

export interface Notice {
  readonly id: number;
  readonly text: string;
  readonly isError: boolean;
}

/** What is said in passing at the edge of the screen. */
export class Notices {
  #list = $state.raw<readonly Notice[]>([]);
  #last = 0;

  get list(): readonly Notice[] {
    return this.#list;
  }

  say(text: string, isError = false): void {
    const id = ++this.#last;
    this.#list = [...this.#list, { id, text, isError }].slice(-SHOWN_MAX);
    setTimeout(() => this.dismiss(id), SHOWN_MS);
  }

  /** @throws what is no error of operation */
  failed(error: unknown): void {
    if (!(error instanceof ParleyError)) throw error;
    this.say(errorText(error), true);
  }

  dismiss(id: number): void {
    this.#list = this.#list.filter((notice) => notice.id !== id);
  }
}
