import { describe, expect, it } from 'vitest';
import { isAccountName, isDeviceId, isNodeName, isRoomId, isTxnId, messageIdOf } from './ids.ts';
import type { DeviceId, TxnId } from './ids.ts';

const tail = 'a2b3c4d5e6f7g2h3i4j5k6l7mn';

describe('forms of ids', () => {
  it('take one letter and 26 characters of base32, nothing more', () => {
    expect(isRoomId(`R${tail}`)).toBe(true);
    for (const text of [
      `D${tail}`,
      `R${tail}a`,
      `R${tail.slice(1)}`,
      `R${tail}\n`,
      `\nR${tail}`,
      `R${tail.toUpperCase()}`,
    ]) {
      expect(isRoomId(text)).toBe(false);
    }
    expect(isDeviceId(`D${tail}`)).toBe(true);
    expect(isDeviceId(`D${tail.replace('a', '1')}`)).toBe(false);
  });

  it('take names of 2 to 32 characters', () => {
    for (const name of ['al', 'a.b-c_9', 'x'.repeat(32)]) expect(isAccountName(name)).toBe(true);
    for (const name of ['a', 'x'.repeat(33), 'Al', 'a b', '@al', 'al\n', 'ål', ''])
      expect(isAccountName(name)).toBe(false);
    expect(isNodeName('n1')).toBe(true);
    expect(isNodeName('1n')).toBe(false);
  });

  it('take ULIDs below 2^128, in upper case, without the letters that look like digits', () => {
    expect(isTxnId('01ARZ3NDEKTSV4RRFFQ69G5FAV')).toBe(true);
    for (const text of ['81ARZ3NDEKTSV4RRFFQ69G5FAV', '01arz3ndektsv4rrffq69g5fav', '01ARZ3NDEKTSV4RRFFQ69G5FAI']) {
      expect(isTxnId(text)).toBe(false);
    }
  });

  it('join a transaction and its device to the id of a message', () => {
    expect(messageIdOf('T' as TxnId, 'D' as DeviceId)).toBe('T-D');
  });
});
