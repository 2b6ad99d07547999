import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { complaintsAbout, spaceOf } from './own-files.ts';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'own-files-'));
});
afterEach(() => rmSync(dir, { recursive: true }));

describe('complaintsAbout', () => {
  it('finds secrets that others may read or write, and those that are not there', () => {
    const path = join(dir, 'secret');
    writeFileSync(path, 'x');
    const complaint = (mode: number): string | undefined => {
      chmodSync(path, mode);
      return complaintsAbout([path])[0]?.complaint;
    };
    expect(complaint(0o600)).toBeUndefined();
    expect(complaint(0o400)).toBeUndefined();
    expect(complaint(0o640)).toBe('others may read it');
    expect(complaint(0o604)).toBe('others may read it');
    expect(complaint(0o620)).toBe('others may write it');
    expect(complaintsAbout([join(dir, 'nowhere')])[0]?.complaint).toContain('ENOENT');
  });
});

describe('spaceOf', () => {
  it('tells how much is free where the data is', () => {
    const space = spaceOf(dir)!;
    expect(space.totalBytes).toBeGreaterThan(space.freeBytes);
    expect(space.freeBytes).toBeGreaterThan(0);
    expect(spaceOf(join(dir, 'nowhere'))).toBeNull();
  });
});
