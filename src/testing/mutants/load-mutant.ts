import { register } from 'node:module';
import type { Chaos } from '../consensus/chaos.ts';
import type { Engine } from '../sim/engine.ts';
import { findMutant, MUTANTS } from './catalog.ts';
import type { STORIES } from './stories.ts';

/** A module of ours with all that it imports, on sources with the bug of that name. */
async function importMutated(file: string, mutant: string): Promise<unknown> {
  registerHooks();
  return import(`${new URL(file, import.meta.url).href}?mutant=${mutant}`);
}

let registered = false;

function registerHooks(): void {
  if (registered) return;
  registered = true;
  const mutants = MUTANTS.map(({ name, edits }) => ({ name, edits }));
  register('./mutant-hooks.mjs', import.meta.url, { data: { mutants } });
}

/**
 * The simulator on sources with a planted bug. Needs the loader of `typescript-loader.mjs`.
 * @throws Error when there is no such bug, or the sources have changed so that it can no longer be planted
 */
export async function loadMutant(name: string): Promise<Engine> {
  findMutant(name);
  const { engine } = (await importMutated('../sim/engine.ts', name)) as { engine: Engine };
  return engine;
}

/** The same for the sequences of events that lead to one place. */
export async function loadMutatedStories(name: string): Promise<typeof STORIES> {
  findMutant(name);
  const module = (await importMutated('./stories.ts', name)) as { STORIES: typeof STORIES };
  return module.STORIES;
}

/** The same for the disturber of the bare core. */
export async function loadMutatedChaos(name: string): Promise<typeof Chaos> {
  findMutant(name);
  const module = (await importMutated('../consensus/chaos.ts', name)) as { Chaos: typeof Chaos };
  return module.Chaos;
}
