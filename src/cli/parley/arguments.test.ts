import { InvalidArgumentError } from 'commander';
import { describe, expect, it } from 'vitest';
import { defaultHome, parseCount, parseDuration, parseLifetime, parsePlace, parseSeq, parseTxn } from './arguments.ts';

describe('what is typed', () => {
  it.each([
    ['30', 30_000],
    ['30s', 30_000],
    ['500ms', 500],
    ['1.5m', 90_000],
    ['24h', 86_400_000],
  ])('%s is so long', (text, ms) => expect(parseDuration(text)).toBe(ms));
  it.each([
    ['1s', 1_000],
    ['1.5h', 5_400_000],
    ['7d', 604_800_000],
  ])('%s is so long a life', (text, ms) => expect(parseLifetime(text)).toBe(ms));
  it.each(['', '30', '500ms', '0.5s', '0d', '-1d', '9999d', 'd'])('“%s” is no life', (text) =>
    expect(() => parseLifetime(text)).toThrow(InvalidArgumentError),
  );
  it.each(['0', '-1', '1.5', 'x'])('“%s” is no place', (text) =>
    expect(() => parsePlace(text)).toThrow(InvalidArgumentError),
  );

  it.each(['', 's', '0', '-1s', '1d', '25h', '1e9', '1 s', 'NaN'])('“%s” is no time', (text) =>
    expect(() => parseDuration(text)).toThrow(InvalidArgumentError),
  );

  it('a place begins at 0, a number of messages at 1', () => {
    expect([parseSeq('0'), parseSeq('12'), parseCount('1')]).toEqual([0, 12, 1]);
    for (const text of ['', '-1', '1.5', '0x10', '1e3', '99999999999999999999', ' 1']) {
      expect(() => parseSeq(text)).toThrow(InvalidArgumentError);
      expect(() => parseCount(text)).toThrow(InvalidArgumentError);
    }
    expect(() => parseCount('0')).toThrow(InvalidArgumentError);
  });

  it('a transaction id is a ULID in any case', () => {
    expect(parseTxn('01hzy3v7w8x9yazbcd0123efgh')).toBe('01HZY3V7W8X9YAZBCD0123EFGH');
    for (const text of ['', '01HZY3V7W8X9YAZBCD0123EFG', '81HZY3V7W8X9YAZBCD0123EFGH', '01HZY3V7W8X9YAZBCD0123EFGU']) {
      expect(() => parseTxn(text)).toThrow(InvalidArgumentError);
    }
  });

  it('a home is where the environment says, else where such data belongs', () => {
    expect(defaultHome({ PARLEY_HOME: '/p', XDG_DATA_HOME: '/x' })).toBe('/p');
    expect(defaultHome({ XDG_DATA_HOME: '/x' })).toBe('/x/parley');
    expect(defaultHome({ PARLEY_HOME: '', XDG_DATA_HOME: '' })).toMatch(/\/\.local\/share\/parley$/);
  });
});
