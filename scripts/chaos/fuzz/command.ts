import { fuzz } from './fuzz.ts';

/** `npm run chaos -- fuzz`. @returns whether all promises were kept */
export async function runFuzz(inputs: number, seed: number): Promise<boolean> {
  const report = await fuzz({ inputs, seed, say: (sentence) => console.log(sentence) });
  for (const what of report.violations) console.log(`VIOLATION ${what}`);
  const outcomes = [...report.outcomes]
    .toSorted(([a], [b]) => a.localeCompare(b))
    .map(([outcome, count]) => `${outcome}: ${count}`);
  console.log(outcomes.join(', '));
  console.log(`${report.inputs} inputs, ${report.violations.length} violations`);
  return report.violations.length === 0;
}
