import { describe, expect, it } from 'vitest';
import { seededRandom } from '../random.ts';
import { dataFilesOf, drawHit, type Hit, type Spread } from './file-kinds.ts';

const FILES = dataFilesOf([
  { path: 'log/000005.ldb', bytes: 9_000 },
  { path: 'log/000007.ldb', bytes: 900 },
  { path: 'mark', bytes: 100 },
]);

const hits = (spread: Spread, count: number): Hit[] => {
  const random = seededRandom(5);
  return Array.from({ length: count }, () => drawHit(FILES, spread, random));
};
const share = (all: readonly Hit[], accepts: (hit: Hit) => boolean): number => all.filter(accepts).length / all.length;

describe('where damage goes', () => {
  it('is every byte alike, or every kind of file', () => {
    const ofMark = ({ file }: Hit): boolean => file.kind === 'mark';
    const ofSmallTable = ({ file }: Hit): boolean => file.path === 'log/000007.ldb';
    const [bytes, kinds] = [hits('bytes', 20_000), hits('kinds', 20_000)];
    expect([share(bytes, ofMark), share(bytes, ofSmallTable)]).toEqual([
      expect.closeTo(0.01, 2) as number,
      expect.closeTo(0.09, 1) as number,
    ]);
    expect([share(kinds, ofMark), share(kinds, ofSmallTable)]).toEqual([
      expect.closeTo(0.5, 1) as number,
      expect.closeTo(0.25, 1) as number,
    ]);
  });

  it('is in the file: a bit of it, or a place where something is cut off', () => {
    const all = hits('kinds', 2_000);
    const flipped = all.flatMap((hit) => (hit.how === 'flipped' ? [hit.bit / hit.file.bytes] : []));
    const cut = all.flatMap((hit) => (hit.how === 'cut' ? [hit.bytesLeft / hit.file.bytes] : []));
    expect(flipped.length + cut.length).toBe(2_000);
    expect([Math.max(...flipped) < 8, Math.max(...flipped) > 7, Math.min(...flipped) < 1]).toEqual([true, true, true]);
    expect([Math.max(...cut) < 1, Math.max(...cut) > 0.9, Math.min(...cut) < 0.1]).toEqual([true, true, true]);
  });

  it('leaves out what is no data, and insists on knowing everything else', () => {
    const files = ['state-2.damaged/000003.ldb', 'chatd.pid', 'state-2/000003.ldb'].map((path) => ({ path, bytes: 1 }));
    expect(dataFilesOf(files).map(({ kind }) => kind)).toEqual(['tables of the state']);
    expect(() => dataFilesOf([{ path: 'notes.txt', bytes: 1 }])).toThrow('what kind of file is notes.txt?');
  });
});
