import { randomBytes } from 'node:crypto';
import { appendFileSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startScratchCluster } from '../scripts/load/scratch-cluster.ts';
import { apiUrl } from '../src/cli/local-cluster/layout.ts';
import { ParleyHome, linesOf } from './parley-home.ts';
import { CHATD } from './support.ts';
import type { ScratchCluster } from '../scripts/load/scratch-cluster.ts';

interface Message {
  readonly seq: number;
  readonly text: string | null;
  readonly gone?: string;
  readonly file?: { readonly name: string; readonly path?: string };
}

interface RoomEntry {
  readonly room: string;
  readonly kind: string;
  readonly name: string | null;
  readonly members?: readonly { readonly account: string; readonly role: string }[];
  readonly folder: string;
}

/** Three real nodes, real programs, and what lies on the disk afterwards. */
describe('parley export', () => {
  let cluster: ScratchCluster;
  let folder: string;
  let out: string;
  let ann: ParleyHome;
  let bob: ParleyHome;
  const picture = randomBytes(300_000);

  beforeAll(async () => {
    cluster = await startScratchCluster({ nodes: 3, restart: false, say: () => {}, chatdFile: CHATD });
    folder = mkdtempSync(join(tmpdir(), 'parley-export-'));
    out = join(folder, 'out');
    const endpoints = cluster.layout.nodes.map(apiUrl).join();
    [ann, bob] = [new ParleyHome(join(folder, 'ann')), new ParleyHome(join(folder, 'bob'))];
    await ann.json('--endpoint', endpoints, 'register', 'ann');
    await bob.json('--endpoint', endpoints, 'register', 'bob');
    await ann.json('profile', 'set', '--name', 'Ann A.', '--status', 'here');
    await ann.json('room', 'create', 'garden', 'bob');
    await bob.json('send', 'garden', 'first');
    await bob.json('send', 'garden', 'to be deleted');
    await bob.json('delete', 'garden', '2');
    const path = join(folder, 'picture.png');
    writeFileSync(path, picture);
    await bob.json('file', 'send', 'garden', path, '--text', 'look');
    await ann.json('send', '@bob', 'between us');
  });
  afterAll(async () => {
    ann.close();
    bob.close();
    await cluster.close();
    rmSync(folder, { recursive: true });
  });

  const objects = <T>(...path: string[]): T[] =>
    linesOf(readFileSync(join(out, ...path), 'utf8')).map((line) => JSON.parse(line) as T);
  const room = (name: string): RoomEntry => objects<RoomEntry>('rooms.jsonl').find((entry) => entry.name === name)!;
  const messages = (name: string): Message[] => objects<Message>(room(name).folder, 'messages.jsonl');
  const exportAll = async (...more: string[]): Promise<Record<string, unknown>> =>
    (await ann.json('export', '--all', '--out', out, ...more)).at(-1)!;

  it('gives a person all that is theirs', async () => {
    expect(await exportAll()).toEqual({ out, rooms: 2, messages: 4, files: 1, missing: 0 });
    expect(objects('profile.json')).toMatchObject([{ account: 'ann', displayName: 'Ann A.', status: 'here' }]);
    expect(objects('account.json')).toMatchObject([{ account: 'ann', devices: [{ own: true }], blocked: [] }]);
    expect(objects('sessions.jsonl')).toMatchObject([{ current: true }]);
    expect(room('garden')).toMatchObject({ kind: 'group', members: [{ account: 'ann' }, { account: 'bob' }] });
    expect(messages('bob').map(({ text }) => text)).toEqual(['between us']);
    expect(messages('garden').map(({ text, gone }) => text ?? gone)).toEqual(['first', 'deleted', 'look']);
    const saved = messages('garden')[2]!.file!;
    expect(saved).toMatchObject({ name: 'picture.png', path: 'files/3-picture.png' });
    expect(readFileSync(join(out, room('garden').folder, saved.path!))).toEqual(picture);
  });

  it('goes on where it ended, also where it was killed in the middle of writing', async () => {
    await bob.json('send', 'garden', 'later');
    appendFileSync(join(out, room('garden').folder, 'messages.jsonl'), '{"seq":4,"text":"la');
    expect(await exportAll()).toEqual({ out, rooms: 2, messages: 1, files: 0, missing: 0 });
    expect(messages('garden').map(({ seq }) => seq)).toEqual([1, 2, 3, 4]);
    expect(messages('garden').at(-1)).toMatchObject({ text: 'later' });
  });

  it('takes one room alone, and begins where it is told to', async () => {
    const apart = join(folder, 'apart');
    const tomorrow = new Date(Date.now() + 86_400_000).toISOString();
    const [line, total] = await ann.json('export', 'garden', '--out', apart, '--since', tomorrow);
    expect(line).toMatchObject({ name: 'garden', messages: 0 });
    expect(total).toMatchObject({ rooms: 1, messages: 0 });
    expect(existsSync(join(apart, 'profile.json'))).toBe(false);
    const whole = join(folder, 'whole');
    expect((await ann.json('export', 'garden', '--out', whole, '--since', '2020-01-01')).at(-1)).toMatchObject({
      messages: 4,
      files: 1,
    });
  });

  it('changes nothing where it is not welcome', async () => {
    const before = readFileSync(join(out, 'rooms.jsonl'), 'utf8');
    for (const args of [
      ['--all', '--out', out, '--since', '2026-01-01'],
      ['garden', '--all', '--out', out],
      ['--out', out],
      ['--all', '--out', folder],
      ['garden', '--since', 'yesterday'],
    ]) {
      expect((await ann.run('export', ...args)).code).toBe(2);
    }
    expect((await bob.run('export', '--all', '--out', out)).code).toBe(2);
    expect((await ann.run('export', 'nowhere', '--out', join(folder, 'none'))).code).toBe(6);
    expect(readFileSync(join(out, 'rooms.jsonl'), 'utf8')).toBe(before);
    expect(existsSync(join(folder, 'none'))).toBe(false);
  });
});
