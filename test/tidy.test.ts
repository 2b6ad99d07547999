import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

/** What linters cannot say about this repository. */
const ROOT = join(dirname(fileURLToPath(import.meta.url)), '..');
const LINES_MAX = 500;
const LINE_LENGTH_MAX = 180;

const files = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard'], {
  cwd: ROOT,
  encoding: 'utf8',
})
  .split('\n')
  .filter((file) => file !== '');
const code = files.filter((file) => /\.(ts|mjs|cjs|svelte)$/.test(file));
const read = (file: string): string => readFileSync(join(ROOT, file), 'utf8');
/** Comments are for people; these rules are about what runs. */
const withoutComments = (text: string): string => text.replaceAll(/\/\*[\s\S]*?\*\/|(?<!:)\/\/.*$/gm, lineBreaksOf);
/** Nor is prose in quotes a part of the program. */
const PROSE = /\/\*[\s\S]*?\*\/|\/\/.*|'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*"|`(?:[^`\\]|\\[\s\S])*`/g;
const withoutProse = (text: string): string => text.replaceAll(PROSE, lineBreaksOf);
/** What is left out keeps its lines, so that what is found is found where it stands. */
const lineBreaksOf = (text: string): string => text.replaceAll(/[^\n]/g, '');

/** Clocks, chance, the machine: what would make two replicas differ. */
const IMPURE = [
  'Date.now',
  'new Date()',
  'Math.random',
  'performance.',
  'setTimeout',
  'setInterval',
  'setImmediate',
  'queueMicrotask',
  'process.',
  'globalThis.crypto',
  'crypto.getRandomValues',
  'fetch(',
  'console.',
];
const anyOf = (texts: readonly string[]): RegExp =>
  new RegExp(`\\b(${texts.map((text) => text.replaceAll(/[.()]/g, String.raw`\$&`)).join('|')})`);
const ANY_TYPE = /\bas any\b|[:<|&=] ?any\b|\bany\[/;

function offenders(candidates: readonly string[], pattern: RegExp, view = read): string[] {
  return candidates.flatMap((file) =>
    view(file)
      .split('\n')
      .flatMap((line, place) => (pattern.test(line) ? [`${file}:${place + 1}: ${line.trim()}`] : [])),
  );
}

/** Of `it` and of `it.each`, as they are written. */
function testNamesIn(text: string): string[] {
  return [...text.matchAll(/\n\s*(?:it\(|it\.each\([\s\S]*?\)\(|\]\)\()\s*(['`])((?:(?!\1)[^\\]|\\.)*)\1/g)].map(
    ([, , name]) => name!.replaceAll('\\', ''),
  );
}

describe('the repository is tidy', () => {
  it('has files of a size that can be read in one go', () => {
    const long = code.filter((file) => read(file).split('\n').length > LINES_MAX);
    expect(long).toEqual([]);
  });

  it('has lines that fit on a screen', () => {
    expect(offenders(code, new RegExp(`^.{${LINE_LENGTH_MAX + 1},}$`))).toEqual([]);
  });

  it('names files in kebab-case and has no barrels', () => {
    const odd = code.filter((file) => !/^\.?[a-z0-9-]+(\.[a-z0-9-]+)*$/.test(basename(file)));
    expect(odd).toEqual([]);
    expect(code.filter((file) => /^src\/.*\/index\.ts$/.test(file))).toEqual([]);
  });

  it('keeps clocks, chance and the machine out of the pure folders', () => {
    const pure = code.filter(
      (file) =>
        /^src\/(consensus|chat|protocol|crypto)\//.test(file) &&
        !file.endsWith('.test.ts') &&
        !file.startsWith('src/crypto/node-'),
    );
    expect(pure.length).toBeGreaterThan(50);
    expect(offenders(pure, anyOf(IMPURE), (file) => withoutComments(read(file)))).toEqual([]);
  });

  it('keeps promises out of the consensus core', () => {
    const core = code.filter((file) => file.startsWith('src/consensus/') && !file.endsWith('.test.ts'));
    expect(offenders(core, /\b(async|await|Promise)\b/, (file) => withoutComments(read(file)))).toEqual([]);
  });

  it('ends processes only in entry files', () => {
    const below = code.filter(
      (file) => /^src\/(?!cli\/[a-z]+\.ts$|testing\/)/.test(file) && !file.endsWith('.test.ts'),
    );
    expect(offenders(below, /process\.exit\(/, (file) => withoutComments(read(file)))).toEqual([]);
  });

  it('leaves nothing half done', () => {
    const here = 'test/tidy.test.ts';
    const others = code.filter((file) => file !== here);
    expect(offenders(others, /\b(TODO|FIXME|XXX|HACK)\b/)).toEqual([]);
    expect(offenders(others, /\b(describe|it|test)\.only\(|@ts-ignore|@ts-expect-error/)).toEqual([]);
    expect(offenders(others, ANY_TYPE, (file) => withoutProse(read(file)))).toEqual([]);
  });

  it('tells types from prose, where it looks for types', () => {
    const types = ['let a: any;', 'f(b as any)', 'const c: Set<any> = d', "e('x: y', f as any)", 'let g: any[]'];
    for (const line of types) expect(withoutProse(line)).toMatch(ANY_TYPE);
    const prose = ["it('each: any other')", '/** as any */ let a = 1;', '// b: any', '`c: any ${d}`', "'it\\'s: any'"];
    for (const line of prose) expect(withoutProse(line)).not.toMatch(ANY_TYPE);
  });

  it('has tests that wait for conditions, not for time', () => {
    const tests = code.filter((file) => file.endsWith('.test.ts') && file !== 'test/tidy.test.ts');
    expect(offenders(tests, /toBeLessThan\(.*(Ms|ms)\b|elapsed.*toBe(Less|Greater)/)).toEqual([]);
  });

  it('has the tests that docs/ACCEPTANCE.md names', () => {
    const table = read('docs/ACCEPTANCE.md');
    const named = [...table.matchAll(/`([^`]+\.ts) › ([^`]+)`/g)].map(([, file, name]) => ({
      file: file!,
      name: name!,
    }));
    expect(named.length).toBeGreaterThan(80);
    // The name stands in the file as the beginning of a test's: what follows may be filled in for each case.
    const isTest = ({ file, name }: { file: string; name: string }): boolean =>
      code.includes(file) && testNamesIn(read(file)).some((title) => title.startsWith(name));
    expect(named.filter((one) => !isTest(one)).map(({ file, name }) => `${file} › ${name}`)).toEqual([]);
    // A row that is shown by nothing says why.
    const bare = table.split('\n').filter((line) => line.endsWith('| – |'));
    const open = /\*\*(not there yet|not run|not tested there)\*\*|npm run bench/;
    expect(bare.filter((line) => !open.test(line))).toEqual([]);
  });

  it('records no download addresses in the lockfile', () => {
    expect(read('package-lock.json')).not.toMatch(/"resolved": "https?:/);
  });
});
