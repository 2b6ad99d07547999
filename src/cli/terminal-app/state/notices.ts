import { ParleyError } from '../../../protocol/errors.ts';

const SHOWN_MS = 7_000;

export interface Notice {
  readonly text: string;
  readonly isError: boolean;
}

/** The sentence that is said in passing, until another one is or some seconds are over. */
export class Notices {
  readonly #changed: () => void;
  #now: Notice | null = null;
  #timer: NodeJS.Timeout | undefined;

  constructor(changed: () => void) {
    this.#changed = changed;
  }

  get now(): Notice | null {
    return this.#now;
  }

  say(text: string, isError = false): void {
    this.#show({ text, isError });
    this.#timer = setTimeout(() => this.#show(null), SHOWN_MS);
    this.#timer.unref();
  }

  /** @throws what is no error of operation */
  failed(error: unknown): void {
    if (!(error instanceof ParleyError)) throw error;
    this.say(error.message, true);
  }

  #show(notice: Notice | null): void {
    clearTimeout(this.#timer);
    this.#now = notice;
    this.#changed();
  }
}
