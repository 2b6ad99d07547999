import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { asMlsVectors } from '../mls/vectors.ts';
import { readVectorFiles, tally } from './vector-folder.ts';
import { asWycheproof } from './wycheproof.ts';

const folder = mkdtempSync(join(tmpdir(), 'parley-vectors-'));
afterAll(() => rmSync(folder, { recursive: true }));

describe('a folder of vectors', () => {
  it('is read with the folders in it, and files are told by what they say', () => {
    mkdirSync(join(folder, 'some', 'where'), { recursive: true });
    writeFileSync(join(folder, 'some', 'where', 'x.json'), '[{"cipher_suite": 7, "ref_hash": {}}]');
    writeFileSync(join(folder, 'y.json'), '{"algorithm": "XDH", "testGroups": []}');
    writeFileSync(join(folder, 'notes.md'), '[]');
    const files = readVectorFiles(folder);
    expect(files.map(({ name }) => name)).toEqual([join('some', 'where', 'x.json'), 'y.json']);
    expect(files.map((file) => asMlsVectors(file)?.kind)).toEqual(['crypto-basics', undefined]);
    expect(files.map((file) => asWycheproof(file)?.algorithm)).toEqual([undefined, 'XDH']);
    for (const content of [null, 3, 'text', [], [null], [{ ref_hash: {}, n_leaves: 1 }], { algorithm: 'XDH' }]) {
      expect([asMlsVectors({ name: '', content }), asWycheproof({ name: '', content })]).toEqual([null, null]);
    }
  });

  it('with a file that is not JSON is refused', () => {
    writeFileSync(join(folder, 'z.json'), '{');
    expect(() => readVectorFiles(folder)).toThrow('z.json is not JSON');
  });

  it('has its values counted', () => {
    expect(tally([2, 5, 2])).toBe('2 (2×), 5 (1×)');
  });
});
