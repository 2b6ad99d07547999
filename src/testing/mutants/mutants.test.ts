import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { runSource } from '../source-program.ts';
import { MUTANTS } from './catalog.ts';

/** A machine that is busy with other things may take its time. */
const MS_MAX = 600_000;
const RUN = 'src/testing/mutants/run.ts';
const ROOT = new URL('../../../', import.meta.url);

describe('the planted bugs', () => {
  it('have names of their own', () => {
    const names = MUTANTS.map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
    expect(names.filter((name) => !/^[a-z-]+$/.test(name))).toEqual([]);
  });

  it.each(MUTANTS.map(({ name, edits }) => [name, edits] as const))('can be planted: %s', (_, edits) => {
    for (const { file, find, replace } of edits) {
      const source = readFileSync(new URL(file, ROOT), 'utf8');
      expect(source.split(find), `${file} has to have this once: ${find}`).toHaveLength(2);
      expect(replace).not.toBe(find);
    }
  });

  it(
    'are found: those that take little time',
    async () => {
      const { code, stdout, stderr } = await runSource(RUN, ['--quick']);
      expect(code, stdout + stderr).toBe(0);
      expect(stdout).toMatch(/^[5-9] passed, 0 failed$/m);
    },
    MS_MAX,
  );

  it('let the run fail when they survive', async () => {
    const { code, stdout } = await runSource(RUN, ['--only', 'log-up-to-date-by-length', '--seeds', '1']);
    expect(code).toBe(1);
    expect(stdout).toContain('SURVIVED log-up-to-date-by-length');
    expect(stdout).toMatch(/^0 passed, 1 failed$/m);
  });

  it('are refused by a wrong name', async () => {
    const { code, stderr } = await runSource(RUN, ['--only', 'nobody']);
    expect(code).toBe(2);
    expect(stderr).toContain('There is no mutant nobody');
  });
});
