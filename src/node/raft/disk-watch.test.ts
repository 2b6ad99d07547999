import { beforeEach, describe, expect, it } from 'vitest';
import type { PeerId } from '../../consensus/types.ts';
import { DiskWatch } from './disk-watch.ts';

const P2 = 2 as PeerId;
const P3 = 3 as PeerId;
let nowMs = 0;
beforeEach(() => {
  nowMs = 0;
});

describe('DiskWatch', () => {
  let disk: DiskWatch;
  beforeEach(() => {
    disk = new DiskWatch(1_000, () => nowMs);
  });
  const successors = (): readonly PeerId[] | undefined => {
    const found = disk.successors();
    return found && [...found];
  };

  it('finds nothing wrong with a disk that rests, or that ends what it begins', () => {
    nowMs = 5_000;
    expect(successors()).toBeUndefined();
    for (let write = 0; write < 10; write += 1) {
      disk.onDisk('began', 1);
      nowMs += 400;
      disk.onDisk('began', 2);
      nowMs += 400;
      disk.onDisk('ended', 1);
      expect(successors()).toBeUndefined();
      nowMs += 400;
      disk.onDisk('ended', 0);
    }
    nowMs += 5_000;
    expect(successors()).toBeUndefined();
  });

  it('names those who have acknowledged something since the disk hangs', () => {
    disk.onDisk('began', 1);
    disk.acknowledged(P3);
    disk.onDisk('ended', 0);
    disk.acknowledged(P3);
    disk.onDisk('began', 1);
    disk.acknowledged(P2);
    nowMs = 999;
    expect(successors()).toBeUndefined();
    nowMs = 1_000;
    expect(successors()).toEqual([P2]);
  });

  it('begins anew when one of several writes ends', () => {
    disk.onDisk('began', 1);
    disk.acknowledged(P2);
    nowMs = 900;
    disk.onDisk('began', 2);
    disk.onDisk('ended', 1);
    nowMs = 1_500;
    expect(successors()).toBeUndefined();
    nowMs = 1_900;
    expect(successors()).toEqual([]);
  });
});
