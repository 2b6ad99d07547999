import { appendFileSync, mkdtempSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { RoomArchive } from './room-archive.ts';

let folder = '';
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'parley-archive-'))));
afterEach(() => rmSync(folder, { recursive: true }));

const messages = (): string => readFileSync(join(folder, 'messages.jsonl'), 'utf8');

async function append(lines: readonly object[], seq: number): Promise<void> {
  const archive = await RoomArchive.open(folder);
  await archive.append(lines, seq);
  await archive.close();
}

describe('one room of an export', () => {
  it('goes on behind what is there', async () => {
    await append([{ seq: 4 }, { seq: 5 }], 5);
    const archive = await RoomArchive.open(folder);
    expect(archive.seq).toBe(5);
    await archive.append([{ seq: 6 }], 6);
    await archive.close();
    expect(messages()).toBe('{"seq":4}\n{"seq":5}\n{"seq":6}\n');
  });

  it('cuts off what was written and did not count yet', async () => {
    await append([{ seq: 1 }], 1);
    appendFileSync(join(folder, 'messages.jsonl'), '{"seq":2}\n{"seq":3,"te');
    await append([{ seq: 2 }], 2);
    expect(messages()).toBe('{"seq":1}\n{"seq":2}\n');
  });

  it('refuses to go on where something is missing, and to guess', async () => {
    await append([{ seq: 1 }], 1);
    truncateSync(join(folder, 'messages.jsonl'), 3);
    await expect(RoomArchive.open(folder)).rejects.toMatchObject({ code: 'usage' });
    writeFileSync(join(folder, 'progress.json'), '{}');
    await expect(RoomArchive.open(folder)).rejects.toMatchObject({ code: 'usage' });
  });

  it('notices that another program writes to it', async () => {
    const [one, other] = [await RoomArchive.open(folder), await RoomArchive.open(folder)];
    await one.append([{ seq: 1 }], 1);
    await expect(other.append([{ seq: 1 }], 1)).rejects.toMatchObject({ code: 'usage' });
    await Promise.all([one.close(), other.close()]);
    expect(messages()).toBe('{"seq":1}\n');
  });

  it('is for its owner alone', async () => {
    await append([{ seq: 1 }], 1);
    expect(statSync(join(folder, 'messages.jsonl')).mode & 0o777).toBe(0o600);
    expect(statSync(join(folder, 'progress.json')).mode & 0o777).toBe(0o600);
  });
});
