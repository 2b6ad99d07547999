import { describe, expect, it } from 'vitest';
import { damageOf, damageUnlessRefused } from './damage.ts';
import { levelDamage } from './row-iterator.ts';

const levelError = (code: string, message: string): Error => Object.assign(new Error(message), { code });

describe('an error of the database', () => {
  it.each([
    ['LEVEL_IO_ERROR', 'IO error: /data/log/000012.ldb: Too many open files'],
    ['LEVEL_IO_ERROR', 'IO error: /data/log/000013.log: No space left on device'],
    ['LEVEL_IO_ERROR', 'IO error: /data/log/000013.log: Permission denied'],
    ['EMFILE', "EMFILE: too many open files, open '/data/mark'"],
    ['LEVEL_DATABASE_NOT_OPEN', 'Database is not open'],
    ['LEVEL_SNAPSHOT_NOT_OPEN', 'Snapshot is not open'],
  ])('says nothing about the data when the system or we are to blame: %s %s', (code, message) => {
    expect(damageOf(levelDamage(levelError(code, message), 'state-1'))).toBeUndefined();
  });

  it.each([
    ['LEVEL_CORRUPTION', 'Corruption: block checksum mismatch'],
    ['LEVEL_IO_ERROR', 'IO error: /data/log/000012.ldb: Input/output error'],
    ['LEVEL_IO_ERROR', 'IO error: /data/log/000012.ldb: No such file or directory'],
  ])('is damage when the data cannot be read: %s %s', (code, message) => {
    const damage = damageOf(levelDamage(levelError(code, message), 'state-1'));
    expect(damage).toEqual({ part: 'state', where: 'state-1', reason: message });
  });

  it('is told with its causes, in which the blame may lie', () => {
    const cause = levelError('LEVEL_IO_ERROR', 'IO error: /data/log/LOCK: Read-only file system');
    const error = new Error('Database failed to open', { cause });
    const told = damageUnlessRefused('log', 'log', error);
    expect(told).toMatchObject({ code: 'internal' });
    expect(told.message).toMatch(/^The log of this node cannot be used now: Database failed to open: .*Read-only/);
  });
});
