/** One step: what comes after a key, and the last key of it; undefined at the end. */
export type ResealStep = (after: string) => Promise<string | undefined>;

/**
 * Seals a database anew step by step, in turns that its owner gives between its own writes, so that no row is written
 * by two at once.
 */
export class Resealing {
  #waiting: (() => Promise<void>)[] = [];
  #givenUp = false;

  get isWaiting(): boolean {
    return this.#waiting.length > 0;
  }

  /**
   * @param wake called when a step waits for its turn
   * @returns whether the end was reached; never after a step that failed
   */
  async run(step: ResealStep, wake: () => void): Promise<boolean> {
    for (let after: string | undefined = ''; after !== undefined && !this.#givenUp;) {
      const from: string = after;
      after = await new Promise<string | undefined>((resolve) => {
        this.#waiting.push(async () => resolve(await step(from)));
        wake();
      });
    }
    return !this.#givenUp;
  }

  /** Takes the step that waits. */
  async take(): Promise<void> {
    await this.#waiting.shift()?.();
  }

  /** No turn comes any more. */
  giveUp(): void {
    this.#givenUp = true;
    this.#waiting = [];
  }
}
