import { engine, type Engine } from './engine.ts';

/**
 * The simulator on these very sources, or on sources with a planted bug.
 * @throws Error when there is no such bug
 */
export async function loadEngine(mutant: string | undefined): Promise<Engine> {
  // Whoever looks for bugs throws many errors; only those that end a simulation are looked at, and run again for it.
  Error.stackTraceLimit = 0;
  if (mutant === undefined) return engine;
  const { loadMutant } = (await import(MUTANTS)) as { loadMutant: (name: string) => Promise<Engine> };
  return loadMutant(mutant);
}

/** Not known to the compiler, so that nothing that is built depends on planted bugs. */
const MUTANTS: string = new URL('../mutants/load-mutant.ts', import.meta.url).href;
