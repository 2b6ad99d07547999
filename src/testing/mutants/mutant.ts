import type { ChaosOptions } from '../consensus/chaos.ts';
import type { Story } from './stories.ts';
import type { ReadsKind } from '../sim/leased-world.ts';
import type { Focus, MachineKind } from '../sim/world-traits.ts';

/** A change of one place in one source file. `find` stands there exactly once. */
export interface Edit {
  /** From the root of the repository. */
  readonly file: string;
  readonly find: string;
  readonly replace: string;
}

/** A bug that somebody might really make, and what it must not take more than to find it. */
export interface Mutant {
  readonly name: string;
  /** What is wrong then, one sentence. */
  readonly what: string;
  readonly edits: readonly Edit[];
  /** Worlds 1 to `seeds`, of `seconds` simulated seconds each. */
  readonly budget: { readonly seeds: number; readonly seconds: number };
  /** Found fast enough for every run of the tests. */
  readonly isQuick?: boolean;
  /** What the log drives in the worlds it is hunted in; either, when not said. */
  readonly machine?: MachineKind;
  /** What these worlds are about; anything, when not said. */
  readonly focus?: Focus;
  /** How reads are confirmed in these worlds; either, when not said. */
  readonly reads?: ReadsKind;
  /** It has to be found by its consequences: nobody looks whether what a message promises is on disk. */
  readonly blind?: boolean;
  /** Shown by this sequence of events in the bare core instead: chance hardly ever comes upon it. */
  readonly story?: Story;
  /** Hunted in the bare core instead, with these options: the node does not use it. */
  readonly core?: Omit<ChaosOptions, 'seed' | 'steps'>;
}
