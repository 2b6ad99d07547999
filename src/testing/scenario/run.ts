import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { runScenario } from './run-scenario.ts';

/**
 * `npm run scenario -- [--strict] FILE…`: runs scenario files, or all `.txt` files of folders.
 * Exit codes: 0 all passed, 1 some failed, 2 wrong usage.
 */
const USAGE = `usage: npm run scenario -- [--strict] FILE…
Runs Raft scenario files (of folders: all .txt files in them) and compares what the peers did.
  --strict   compare everything they print, not only states, memberships and logs`;

const write = (line: string): void => {
  process.stdout.write(`${line}\n`);
};

interface Scenario {
  readonly file: string;
  readonly text: string;
}

/** All scenario files below `path`, which may be one itself. Throws when there is none. */
const filesAt = (path: string): string[] => {
  if (!statSync(path).isDirectory()) return [path];
  return readdirSync(path, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.txt'))
    .map((entry) => join(entry.parentPath, entry.name))
    .toSorted();
};

const usage = (problem: string): number => {
  process.stderr.write(`${problem}\n${USAGE}\n`);
  return 2;
};

const main = (args: readonly string[]): number => {
  if (args.includes('--help')) {
    write(USAGE);
    return 0;
  }
  const strict = args.includes('--strict');
  const paths = args.filter((arg) => arg !== '--strict');
  const unknown = paths.find((arg) => arg.startsWith('-'));
  if (unknown !== undefined) return usage(`unknown option ${unknown}`);
  if (paths.length === 0) return usage('no file given');

  let scenarios: Scenario[];
  try {
    scenarios = paths.flatMap(filesAt).map((file) => ({ file, text: readFileSync(file, 'utf8') }));
  } catch (error) {
    return usage(error instanceof Error ? error.message : String(error));
  }
  if (scenarios.length === 0) return usage('no scenario file found');
  let failures = 0;
  for (const { file, text } of scenarios) {
    const result = runScenario(text, { strict });
    if (result.passed) {
      write(`pass ${file}`);
    } else {
      failures += 1;
      write(`FAIL ${file}\n${result.problem.replaceAll(/^/gmu, '  ')}`);
    }
  }
  write(`${scenarios.length - failures} passed, ${failures} failed`);
  return failures === 0 ? 0 : 1;
};

process.exitCode = main(process.argv.slice(2));
