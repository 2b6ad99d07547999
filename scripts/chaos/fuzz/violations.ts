const VIOLATIONS_MAX = 20;
const SHOWN_MAX = 2_400;

/** What must not happen, as far as it is told apart; errors that nobody in this process caught are among it. */
export class Violations {
  readonly all: string[] = [];
  readonly #unhandled = (error: unknown): void =>
    this.add(`unhandled: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);

  constructor() {
    process.on('unhandledRejection', this.#unhandled);
    process.on('uncaughtException', this.#unhandled);
  }

  get goesOn(): boolean {
    return this.all.length < VIOLATIONS_MAX;
  }

  add(what: string): void {
    if (this.goesOn) this.all.push(what.slice(0, SHOWN_MAX));
  }

  close(): void {
    process.off('unhandledRejection', this.#unhandled);
    process.off('uncaughtException', this.#unhandled);
  }
}
