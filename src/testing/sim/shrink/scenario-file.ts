import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { World } from '../world.ts';

/** A world that broke a promise, as a file that can be run again. */
export interface ScenarioFile {
  readonly format: 1;
  /** What it breaks. */
  readonly rule: string;
  /** The planted bug that it breaks it with, if any. */
  readonly mutant: string | undefined;
  readonly world: World;
}

/** @returns where it is */
export function writeScenario(folder: string, scenario: ScenarioFile): string {
  mkdirSync(folder, { recursive: true });
  const path = join(folder, `${scenario.mutant ?? 'seed'}-${scenario.world.seed}.json`);
  const { faults, ...world } = scenario.world;
  const lines = faults.map((fault) => `    ${JSON.stringify(fault)}`).join(',\n');
  const head = JSON.stringify({ ...scenario, world }, null, 2).replace(/\n  \}\n\}$/, '');
  // One fault a line: that is what a reader looks for.
  writeFileSync(path, `${head},\n    "faults": [\n${lines}\n    ]\n  }\n}\n`);
  return path;
}

/** @throws Error that says what is wrong with the file */
export function readScenario(path: string): ScenarioFile {
  const value = JSON.parse(readFileSync(path, 'utf8')) as Partial<ScenarioFile> | null;
  const world = value?.world;
  const isWorld = world !== undefined && Array.isArray(world.faults) && typeof world.traits === 'object';
  if (value?.format !== 1 || typeof value.rule !== 'string' || !isWorld) {
    throw new Error(`${path} is no scenario of this simulator.`);
  }
  return { format: 1, rule: value.rule, mutant: value.mutant, world };
}
