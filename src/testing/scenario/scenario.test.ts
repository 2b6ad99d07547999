import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { runScenario } from './run-scenario.ts';

/** Scenario files are shared beside the repository; `PARLEY_SCENARIOS` says where else they are. */
const FOLDER = resolve(process.env['PARLEY_SCENARIOS'] ?? '../shared/raft-scenarios');

const files = existsSync(FOLDER)
  ? readdirSync(FOLDER, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.txt'))
  : [];

if (files.length === 0) process.stderr.write(`\nSKIPPED: no Raft scenarios in ${FOLDER} (set PARLEY_SCENARIOS)\n\n`);

describe.skipIf(files.length === 0)(`the scenarios in ${FOLDER}`, () => {
  for (const file of files.toSorted()) {
    it(`${file} shows the same states, and the same messages`, () => {
      expect(runScenario(readFileSync(join(FOLDER, file), 'utf8'), { strict: true })).toMatchObject({ passed: true });
    });
  }
});
