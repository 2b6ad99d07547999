import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ExportFolder } from './export-folder.ts';
import { parseTime } from './verb.ts';
import type { ExportHead } from './export-folder.ts';
import type { AccountName, ClusterId } from '../../../protocol/ids.ts';

let folder = '';
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'parley-export-'))));
afterEach(() => rmSync(folder, { recursive: true }));

const HEAD: ExportHead = { account: 'ann' as AccountName, cluster: 'C1' as ClusterId, since: null };

describe('the folder of an export', () => {
  it('is made for its owner alone, and found again', async () => {
    const path = join(folder, 'new', 'export');
    await ExportFolder.open(path, HEAD);
    expect(statSync(path).mode & 0o777).toBe(0o700);
    const again = await ExportFolder.open(path, HEAD);
    await again.put('rooms.jsonl', [{ room: 'a' }, { room: 'b' }]);
    expect(readFileSync(join(path, 'rooms.jsonl'), 'utf8')).toBe('{"room":"a"}\n{"room":"b"}\n');
  });

  it('is not mixed with anything else', async () => {
    writeFileSync(join(folder, 'thesis.txt'), 'mine');
    await expect(ExportFolder.open(folder, HEAD)).rejects.toMatchObject({ code: 'usage' });
  });

  it.each([
    ['of somebody else', { account: 'bob' as AccountName }],
    ['of another cluster', { cluster: 'C2' as ClusterId }],
    ['from another time on', { since: '2026-11-01T00:00:00.000Z' }],
  ])('refuses to go on with an export %s', async (_, change) => {
    await ExportFolder.open(folder, HEAD);
    await expect(ExportFolder.open(folder, { ...HEAD, ...change })).rejects.toMatchObject({ code: 'usage' });
  });
});

it.each(['yesterday', '2026-13-01', '2026-11-01T09:00', '1', ''])('takes %j for no time', (text) => {
  expect(() => parseTime(text)).toThrow('A time looks like');
});

it('takes a day, or a time with its zone', () => {
  expect(parseTime('2026-11-01')).toBe(Date.UTC(2026, 10, 1));
  expect(parseTime('2026-11-01T09:00:00.5+02:00')).toBe(Date.UTC(2026, 10, 1, 7, 0, 0, 500));
});
