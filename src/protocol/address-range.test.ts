import { BlockList, isIP } from 'node:net';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  addressRangeOf,
  blockAround,
  formatAddressBlock,
  isAddressRange,
  parseAddressBlock,
  whyNotBannable,
} from './address-range.ts';
import { ParleyError } from './errors.ts';
import type { AddressRange } from './address-range.ts';

const codeOf = (text: string): string => {
  try {
    return addressRangeOf(text);
  } catch (error) {
    expect(error).toBeInstanceOf(ParleyError);
    return (error as ParleyError).code;
  }
};

describe('a range of addresses', () => {
  it.each([
    ['203.0.113.7', '203.0.113.7'],
    [' 203.0.113.7/32 ', '203.0.113.7'],
    ['203.0.113.7/24', '203.0.113.0/24'],
    ['10.255.255.255/9', '10.128.0.0/9'],
    ['2001:DB8::1', '2001:db8::1'],
    ['2001:0db8:0000:0000:0001:0000:0000:0001', '2001:db8::1:0:0:1'],
    ['2001:db8:1:2:3:4:5:6/64', '2001:db8:1:2::/64'],
    ['2001:db8::/32', '2001:db8::/32'],
    ['1:0:2:3:4:5:6:7', '1:0:2:3:4:5:6:7'],
    ['1::', '1::'],
    ['::2:3', '::2:3'],
    ['2001:db8::1/128', '2001:db8::1'],
    ['64:ff9b::203.0.113.7', '64:ff9b::cb00:7107'],
    ['::ffff:203.0.113.7', '203.0.113.7'],
    ['::ffff:cb00:7107', '203.0.113.7'],
    ['::ffff:203.0.113.7/120', '203.0.113.0/24'],
  ])('%s is written %s', (text, canonical) => {
    expect(codeOf(text)).toBe(canonical);
    expect(isAddressRange(canonical)).toBe(true);
    expect(isAddressRange(text)).toBe(text === canonical);
  });

  it.each([
    '',
    ' ',
    '/',
    '/24',
    'localhost',
    '203.0.113',
    '203.0.113.7.1',
    '203.0.113.256',
    '203.0.113.-1',
    '203.0.113.07',
    '0x7f.0.0.1',
    '3405803783',
    '203.0.113.7/',
    '203.0.113.7/33',
    '203.0.113.7/024',
    '203.0.113.7/-1',
    '203.0.113.7/24/24',
    '203.0.113.7/1.5',
    '203.0.113.7 /24',
    ':',
    ':::',
    '1:2:3:4:5:6:7',
    '1:2:3:4:5:6:7:8:9',
    '1:2:3:4:5:6:7::8',
    '::1::2',
    ':1:2:3:4:5:6:7:8',
    '12345::',
    'g::',
    'fe80::1%eth0',
    '[::1]',
    '1.2.3.4::',
    '::1.2.3',
    '::1.2.3.4:5',
    '2001:db8::/129',
    `${'0'.repeat(64)}::`,
  ])('“%s” is none', (text) => {
    expect(codeOf(text)).toBe('invalid_field');
    expect(isAddressRange(text)).toBe(false);
  });

  it('reads exactly the addresses that Node reads, and gives back the same one', () => {
    const part = fc.oneof(
      fc.ipV4(),
      fc.ipV6(),
      fc.string({ maxLength: 20, unit: fc.constantFrom(...'0 1 2 3 a f . :'.split(' ')) }),
    );
    fc.assert(
      fc.property(part, (text) => {
        const block = parseAddressBlock(text);
        expect(block !== undefined).toBe(isIP(text) !== 0);
        if (block === undefined) return;
        const written = formatAddressBlock(block);
        expect(parseAddressBlock(written)).toEqual(block);
        if (isIP(text) !== block.family) return;
        const same = new BlockList();
        same.addAddress(text, `ipv${block.family}`);
        expect(same.check(written, `ipv${block.family}`)).toBe(true);
      }),
      { numRuns: 1_000 },
    );
  });

  it('holds the addresses that Node says', () => {
    fc.assert(
      fc.property(fc.ipV4(), fc.ipV4(), fc.nat({ max: 32 }), (one, other, prefix) => {
        const list = new BlockList();
        list.addSubnet(one, prefix);
        const around = (text: string): string => formatAddressBlock(blockAround(parseAddressBlock(text)!, prefix));
        expect(around(one) === around(other)).toBe(list.check(other));
      }),
    );
  });
});

describe('what may be banned', () => {
  it.each([
    ['203.0.113.7', undefined],
    ['10.0.0.0/8', undefined],
    ['126.0.0.0/8', undefined],
    ['2001::/16', undefined],
    ['::2', undefined],
    ['0.0.0.0/0', /too wide.*\/8/],
    ['10.0.0.0/7', /too wide/],
    ['::/0', /too wide.*\/16/],
    ['2000::/3', /too wide/],
    ['127.0.0.1', /loopback/],
    ['127.1.0.0/16', /loopback/],
    ['127.0.0.0/8', /loopback/],
    ['::1', /loopback/],
    ['::/64', /loopback/],
    ['::/16', /loopback/],
  ])('%s', (range, why) => {
    expect(isAddressRange(range)).toBe(true);
    const said = whyNotBannable(range as AddressRange);
    if (why === undefined) expect(said).toBeUndefined();
    else expect(said).toMatch(why);
  });

  it('takes loopback in IPv6 clothes for what it is', () => {
    expect(whyNotBannable(addressRangeOf('::ffff:127.0.0.1'))).toMatch(/loopback/);
    expect(whyNotBannable(addressRangeOf('::ffff:0:0/96'))).toMatch(/too wide/);
  });
});
