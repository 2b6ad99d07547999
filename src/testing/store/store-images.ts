import assert from 'node:assert/strict';
import { cp, open, readdir, rm, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { LogIndex } from '../../consensus/types.ts';
import type { LogStore, StateStore } from '../../node/ports.ts';
import { makeTemporaryFolder } from './temporary-store.ts';

/**
 * Copies a data directory as it is now. Lock files stay behind: a process that closes one gives back the lock it
 * holds on it, and the store that is being copied may be open in this very process.
 */
export async function copyImage(dir: string): Promise<string> {
  const copy = await makeTemporaryFolder();
  await cp(dir, copy, { recursive: true, filter: (source) => basename(source) !== 'LOCK' });
  return copy;
}

export async function removeImage(dir: string): Promise<void> {
  await rm(dir, { recursive: true, force: true });
}

export interface ImageFile {
  readonly path: string;
  readonly bytes: number;
}

/** All files below a folder that hold anything, in a fixed order. */
export async function filesOf(dir: string): Promise<ImageFile[]> {
  const names = await readdir(dir, { recursive: true });
  const files: ImageFile[] = [];
  for (const name of names.sort()) {
    const found = await stat(join(dir, name));
    if (found.isFile() && found.size > 0) files.push({ path: name, bytes: found.size });
  }
  return files;
}

/** In place: whoever reads the file meanwhile sees it whole. */
export async function flipBit(path: string, bit: number): Promise<void> {
  const position = bit >> 3;
  const handle = await open(path, 'r+');
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(1), 0, 1, position);
    assert.equal(bytesRead, 1, `${path} ends before byte ${position}`);
    buffer[0] = buffer[0]! ^ (1 << (bit & 7));
    await handle.write(buffer, 0, 1, position);
  } finally {
    await handle.close();
  }
}

/**
 * Everything that a log answers, as text: two logs with the same text hold the same data. Without the commit index,
 * which need not be the newest.
 *
 * @param first entry to begin with
 */
export function logContentOf(log: LogStore, first = log.firstIndex()): string {
  const lines: string[] = [];
  const { hardState, confState } = log.initialState();
  lines.push(`hard state ${hardState.term} ${hardState.vote} ${JSON.stringify(confState)}`);
  const last = log.lastIndex();
  lines.push(
    `log ${first} ${last} ${log.term((first - 1) as LogIndex)} ${hex(log.chainHash((first - 1) as LogIndex))}`,
  );
  const entries = first <= last ? log.entries(first, (last + 1) as LogIndex, Number.MAX_SAFE_INTEGER) : [];
  assert(Array.isArray(entries));
  for (const { index, term, type, data } of entries) {
    assert.equal(log.term(index), term);
    lines.push(`${index} ${term} ${type} ${hex(data)} ${hex(log.chainHash(index))}`);
  }
  return lines.join('\n');
}

export async function stateContentOf(state: StateStore): Promise<string> {
  const lines: string[] = [];
  lines.push(`state ${state.appliedIndex} ${state.appliedTerm} ${state.lastStampMs} ${state.hash().hash}`);
  for (const [key, value] of await state.range({ gte: '\0', lt: '\x7f', limit: 1_000_000 })) {
    const read = state.get(key);
    assert(read !== undefined && hex(read) === hex(value));
    lines.push(`${key} ${hex(value)}`);
  }
  return lines.join('\n');
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
