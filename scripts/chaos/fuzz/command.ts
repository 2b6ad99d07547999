import { fuzzApi } from './api-fuzz.ts';
import { fuzzFrames } from './frame-fuzz.ts';
import type { FuzzOptions, FuzzReport } from './report.ts';

/** What is sent to whom. */
const FUZZ_TARGETS: Readonly<Record<FuzzTarget, (options: FuzzOptions) => Promise<FuzzReport>>> = {
  api: fuzzApi,
  frames: fuzzFrames,
};
export type FuzzTarget = 'api' | 'frames';

export const isFuzzTarget = (text: string): text is FuzzTarget => Object.hasOwn(FUZZ_TARGETS, text);

/** `npm run chaos -- fuzz`. @returns whether all promises were kept */
export async function runFuzz(target: FuzzTarget, inputs: number, seed: number): Promise<boolean> {
  const report = await FUZZ_TARGETS[target]({ inputs, seed, say: (sentence) => console.log(sentence) });
  for (const what of report.violations) console.log(`VIOLATION ${what}`);
  const outcomes = [...report.outcomes]
    .toSorted(([a], [b]) => a.localeCompare(b))
    .map(([outcome, count]) => `${outcome}: ${count}`);
  console.log(outcomes.join(', '));
  console.log(`${report.inputs} inputs, ${report.violations.length} violations`);
  return report.violations.length === 0;
}
