/**
 * One for a whole store: after the first failed write nothing more is written anywhere, because a database that
 * failed once may acknowledge later writes that are lost when it is opened again.
 */
export class FatalSwitch {
  readonly #report: (error: Error) => void;
  readonly #listeners: (() => void)[] = [];
  #tripped = false;

  constructor(report: (error: Error) => void) {
    this.#report = report;
  }

  get tripped(): boolean {
    return this.#tripped;
  }

  /** Reports the first error; later ones follow from it. */
  trip(error: Error): void {
    if (this.#tripped) return;
    this.#tripped = true;
    for (const listener of this.#listeners) listener();
    this.#report(error);
  }

  /** Calls once it trips, at once if it has. */
  onTrip(listener: () => void): void {
    if (this.#tripped) listener();
    else this.#listeners.push(listener);
  }
}
