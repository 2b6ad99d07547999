import type { World } from '../world.ts';
import { withoutMachine } from './fewer-machines.ts';
import { simplerTraits } from './simpler-traits.ts';

/** What a run of a world came to. */
export interface Outcome {
  /** The promise that was broken, if any. */
  readonly rule: string | undefined;
  /** When it ended. */
  readonly simulatedMs: number;
}

export interface ShrinkOptions {
  readonly run: (world: World) => Promise<Outcome>;
  /** No run begins after so many, or after this time on the wall clock. */
  readonly runsMax: number;
  readonly isOver: () => boolean;
}

export interface Shrunk {
  readonly world: World;
  readonly runs: number;
}

/**
 * Makes a world that breaks a promise smaller, as long as it breaks the same one: a shorter time, fewer faults (delta
 * debugging), fewer machines, plainer circumstances. What is left is not the least that fails, but little enough to read.
 */
export async function shrink(world: World, first: Outcome, options: ShrinkOptions): Promise<Shrunk> {
  const search = new Search(world, first, options);
  await search.run();
  return { world: search.smallest, runs: search.runs };
}

class Search {
  smallest: World;
  runs = 0;
  readonly #rule: string | undefined;
  readonly #options: ShrinkOptions;

  constructor(world: World, first: Outcome, options: ShrinkOptions) {
    this.#rule = first.rule;
    this.#options = options;
    this.smallest = cutAt(world, first.simulatedMs);
  }

  get #isOver(): boolean {
    return this.runs >= this.#options.runsMax || this.#options.isOver();
  }

  async run(): Promise<void> {
    for (let before = ''; before !== JSON.stringify(this.smallest) && !this.#isOver;) {
      before = JSON.stringify(this.smallest);
      await this.#fewerFaults();
      await this.#tryEach(this.#machines(), (number) => withoutMachine(this.smallest, number));
      await this.#tryEach(simplerTraits(), (simpler) => simpler(this.smallest));
      await this.#tryEach([0.25, 0.5, 0.75], (part) => cutAt(this.smallest, this.smallest.seconds * 1_000 * part));
    }
  }

  #machines(): number[] {
    const { voters, spares } = this.smallest.traits;
    return Array.from({ length: voters + spares }, (_, at) => voters + spares - at);
  }

  async #tryEach<T>(ideas: readonly T[], apply: (idea: T) => World | undefined): Promise<void> {
    for (const idea of ideas) {
      const candidate = apply(idea);
      if (candidate !== undefined) await this.#accept(candidate);
    }
  }

  /** Leaves out halves of the faults, then quarters, down to single ones. */
  async #fewerFaults(): Promise<void> {
    for (let parts = 2; !this.#isOver && this.smallest.faults.length > 0;) {
      const { faults } = this.smallest;
      const size = Math.ceil(faults.length / parts);
      let found = false;
      // From the end: what comes late has the least consequences.
      for (let from = (parts - 1) * size; from >= 0 && !found; from -= size) {
        const rest = faults.filter((_, at) => at < from || at >= from + size);
        found = rest.length < faults.length && (await this.#accept({ ...this.smallest, faults: rest }));
      }
      if (found) parts = Math.max(2, parts - 1);
      else if (size === 1) return;
      else parts = Math.min(parts * 2, faults.length);
    }
  }

  /** Whether the candidate fails in the same way; then it is the smallest. */
  async #accept(candidate: World): Promise<boolean> {
    if (this.#isOver || JSON.stringify(candidate) === JSON.stringify(this.smallest)) return false;
    this.runs += 1;
    const outcome = await this.#options.run(candidate);
    if (outcome.rule !== this.#rule) return false;
    this.smallest = cutAt(candidate, outcome.simulatedMs);
    return true;
  }
}

/** Without what would have come later. */
function cutAt(world: World, ms: number): World {
  const seconds = Math.min(world.seconds, Math.max(1, Math.ceil(ms / 1_000)));
  return { ...world, seconds, faults: world.faults.filter(({ atMs }) => atMs <= ms) };
}
