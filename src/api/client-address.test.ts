import { describe, expect, it } from 'vitest';
import { ClientAddresses } from './client-address.ts';
import type { IncomingMessage } from 'node:http';

const from = (remoteAddress: string, forwarded?: string): IncomingMessage =>
  ({ socket: { remoteAddress }, headers: forwarded === undefined ? {} : { 'x-forwarded-for': forwarded } }) as never;

describe('who a request comes from', () => {
  const behind = new ClientAddresses(['10.0.0.0/8', 'fd00::/8']);

  it.each([
    ['nobody forwards', '203.0.113.1', undefined, '203.0.113.1'],
    ['a stranger claims to forward', '203.0.113.1', '198.51.100.1', '203.0.113.1'],
    ['a trusted proxy forwards', '10.0.0.1', '203.0.113.1', '203.0.113.1'],
    ['two trusted proxies forward', '10.0.0.1', '203.0.113.1, 10.2.2.2', '203.0.113.1'],
    ['the client forges a hop', '10.0.0.1', '198.51.100.1, 203.0.113.1', '203.0.113.1'],
    ['the proxy sends what is no address', '10.0.0.1', 'unknown, evil', '10.0.0.1'],
    ['all hops are proxies', '10.0.0.1', '10.0.0.3, 10.0.0.2', '10.0.0.3'],
    ['an empty header', '10.0.0.1', '', '10.0.0.1'],
    ['IPv4 in IPv6', '::ffff:203.0.113.1', undefined, '203.0.113.1'],
    ['a trusted IPv6 proxy', 'fd00::1', '2001:db8::7', '2001:db8::7'],
    ['a zone', 'fe80::1%eth0', undefined, 'fe80::1'],
  ])('%s', (_what, remote, forwarded, expected) => {
    expect(behind.of(from(remote, forwarded))).toBe(expected);
  });

  it('looks at a bounded number of hops', () => {
    const chain = `203.0.113.1, ${Array.from({ length: 100_000 }, () => '10.0.0.2').join(', ')}`;
    expect(behind.of(from('10.0.0.1', chain))).toBe('10.0.0.2');
  });

  it.each([
    ['203.0.113.1', '203.0.113.1'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:DB8:1:2::9', '2001:db8:1:2::/64'],
    ['2001:db8::9', '2001:db8:0:0::/64'],
    ['2001:0db8:0000:0000:1::', '2001:db8:0:0::/64'],
    ['::1', '0:0:0:0::/64'],
  ])('%s is limited as %s', (address, key) => {
    expect(ClientAddresses.limitKey(address)).toBe(key);
  });

  it.each(['10.0.0.0/33', '10.0.0', 'localhost', '10.0.0.0/8/8', '10.0.0.0/x', '::1/129'])('refuses %s', (entry) => {
    expect(() => new ClientAddresses([entry])).toThrow(/neither an address/);
  });
});
