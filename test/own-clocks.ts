import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { NodePlace } from '../src/cli/local-cluster/layout.ts';

const LIBRARIES = '/usr/lib';
const FILE = join('faketime', 'libfaketime.so.1');

/** libfaketime, where Debian and others put it; undefined where it is not installed. */
function findFakeTime(): string | undefined {
  if (!existsSync(LIBRARIES)) return undefined;
  const folders = ['.', ...readdirSync(LIBRARIES).filter((name) => name.endsWith('-linux-gnu'))];
  return folders.map((folder) => join(LIBRARIES, folder, FILE)).find((file) => existsSync(file));
}

export const FAKE_TIME = findFakeTime();

/** Wall clocks of nodes, each set by the test, also while its node runs. Their monotonic clocks go on as they are. */
export class OwnClocks {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
    mkdirSync(folder, { recursive: true });
  }

  set(node: string, secondsAhead: number): void {
    writeFileSync(this.#fileOf(node), `${secondsAhead < 0 ? '' : '+'}${secondsAhead}\n`);
  }

  /** What makes a process go by the clock of a node. */
  envOf({ name }: NodePlace): Readonly<Record<string, string>> {
    if (!existsSync(this.#fileOf(name))) this.set(name, 0);
    return {
      ...{ LD_PRELOAD: FAKE_TIME ?? '', FAKETIME_TIMESTAMP_FILE: this.#fileOf(name) },
      ...{ FAKETIME_NO_CACHE: '1', FAKETIME_DONT_FAKE_MONOTONIC: '1' },
    };
  }

  #fileOf(node: string): string {
    return join(this.#folder, node);
  }
}
