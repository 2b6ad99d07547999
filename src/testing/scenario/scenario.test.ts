import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { runScenario } from './run-scenario.ts';

/** Scenario files are shared beside the repository; `PARLEY_SCENARIOS` says where else they are. */
const SHARED = resolve(process.env['PARLEY_SCENARIOS'] ?? '../shared/raft-scenarios');
/** What those leave out: combinations of commands and options, each told as a story. */
const STORIES = join(import.meta.dirname, 'stories');

/** @returns the paths of all scenario files below `folder`, none where it is missing */
const filesOf = (folder: string): string[] =>
  existsSync(folder)
    ? readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.txt'))
    : [];

if (filesOf(SHARED).length === 0) {
  process.stderr.write(`\nSKIPPED: no Raft scenarios in ${SHARED} (set PARLEY_SCENARIOS)\n\n`);
}

describe.each([STORIES, SHARED])('the scenarios in %s', (folder) => {
  it.for(filesOf(folder).toSorted())('%s shows the same states, and the same messages', (file) => {
    expect(runScenario(readFileSync(join(folder, file), 'utf8'), { strict: true })).toMatchObject({ passed: true });
  });
});

it('has stories', () => {
  expect(filesOf(STORIES).length).toBeGreaterThan(0);
});
