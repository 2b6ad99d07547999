import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

/**
 * Published test vectors. They are not part of this repository: `$PARLEY_VECTORS`, or the folder `shared/vectors` beside
 * the checkout, with whatever folders are in it. What a file is, is told by what it says, whatever its name.
 */
const checkout = fileURLToPath(new URL('../../../', import.meta.url));
export const vectorFolder = resolve(process.env['PARLEY_VECTORS'] ?? resolve(checkout, '../shared/vectors'));

/** A folder with more is not one of vectors. */
const FILES_MAX = 5_000;

export interface VectorFile {
  /** Its path inside the folder. */
  readonly name: string;
  /** What the JSON says. */
  readonly content: unknown;
}

/** Every JSON file, in the order of their names. @throws Error for one that is not JSON, and for too many */
export function readVectorFiles(folder: string = vectorFolder): readonly VectorFile[] {
  const paths = (existsSync(folder) ? readdirSync(folder, { recursive: true, withFileTypes: true }) : [])
    .filter((entry) => entry.isFile() && entry.name.endsWith('.json'))
    .map((entry) => resolve(entry.parentPath, entry.name))
    .toSorted();
  if (paths.length > FILES_MAX) throw new Error(`${folder} has ${paths.length} files, more than ${FILES_MAX}.`);
  if (paths.length === 0) announce(`no vectors in ${folder}; set PARLEY_VECTORS`);
  return paths.map((path) => {
    const text = readFileSync(path, 'utf8');
    try {
      return { name: relative(folder, path), content: JSON.parse(text) as unknown };
    } catch (cause) {
      throw new Error(`${path} is not JSON.`, { cause });
    }
  });
}

/** Says aloud that something is not tested. */
export function announce(what: string): void {
  process.stderr.write(`SKIPPED: ${what}\n`);
}

/** How often each value is there, the most frequent first: “2 (31×), 5 (7×)”. */
export function tally(values: readonly unknown[]): string {
  const counts = new Map<string, number>();
  for (const value of values) counts.set(String(value), (counts.get(String(value)) ?? 0) + 1);
  return [...counts]
    .toSorted(([, a], [, b]) => b - a)
    .map(([value, count]) => `${value} (${count}×)`)
    .join(', ');
}
