import { SOMETIMES } from './sometimes.ts';

export type Counts = Readonly<Record<string, number>>;

/** How often each noteworthy situation came about. */
export class Coverage {
  readonly #counts = new Map<string, number>();

  note(what: string): void {
    this.#counts.set(what, (this.#counts.get(what) ?? 0) + 1);
  }

  get counts(): Counts {
    return Object.fromEntries(this.#counts);
  }

  add(counts: Counts): void {
    for (const [what, count] of Object.entries(counts)) {
      this.#counts.set(what, (this.#counts.get(what) ?? 0) + count);
    }
  }

  /** What should come about now and then, and never did. */
  get missing(): readonly string[] {
    return SOMETIMES.filter((what) => !this.#counts.has(what));
  }

  /** One line for each situation, in alphabetical order. */
  table(): string {
    const names = [...new Set([...SOMETIMES, ...this.#counts.keys()])].toSorted();
    const required = new Set<string>(SOMETIMES);
    return names
      .map((name) => `${String(this.#counts.get(name) ?? 0).padStart(10)} ${required.has(name) ? '*' : ' '} ${name}`)
      .join('\n');
  }
}
