import { BlockList, isIP } from 'node:net';
import type { IncomingMessage } from 'node:http';
import { ParleyError } from '../protocol/errors.ts';

/** At most so many hops of `X-Forwarded-For` are looked at. */
const HOPS_MAX = 16;

/**
 * Tells who a request comes from. `X-Forwarded-For` counts only as far as trusted proxies vouch for it: read from
 * the right, the first address that is not a trusted proxy is the client. Whoever connects directly is themselves,
 * whatever header they send.
 */
export class ClientAddresses {
  readonly #trusted = new BlockList();

  /** @throws ParleyError `usage` for an entry that is neither an address nor a CIDR range */
  constructor(trustedProxies: readonly string[]) {
    for (const entry of trustedProxies) this.#trust(entry);
  }

  of(request: IncomingMessage): string {
    let address = plain(request.socket.remoteAddress ?? '');
    const header = request.headers['x-forwarded-for'];
    if (header === undefined || !this.#isTrusted(address)) return address;
    const hops = (Array.isArray(header) ? header.join(',') : header).split(',').slice(-HOPS_MAX);
    for (const hop of hops.reverse()) {
      const next = plain(hop.trim());
      if (isIP(next) === 0) return address;
      address = next;
      if (!this.#isTrusted(address)) return address;
    }
    return address;
  }

  /** Who shares a rate limit: one IPv4 address, or one IPv6 /64, which is what one household holds. */
  static limitKey(address: string): string {
    return isIP(address) === 6 ? prefix64(address) : address;
  }

  #isTrusted(address: string): boolean {
    const family = isIP(address);
    return family !== 0 && this.#trusted.check(address, family === 6 ? 'ipv6' : 'ipv4');
  }

  #trust(entry: string): void {
    const [address = '', bits, ...rest] = entry.trim().split('/');
    const family = isIP(address);
    const width = family === 6 ? 128 : 32;
    const prefix = bits === undefined ? width : Number(bits);
    if (family === 0 || rest.length > 0 || !Number.isInteger(prefix) || prefix < 0 || prefix > width) {
      throw new ParleyError('usage', `${entry} is neither an address nor a range like 10.0.0.0/8.`);
    }
    this.#trusted.addSubnet(address, prefix, family === 6 ? 'ipv6' : 'ipv4');
  }
}

/** IPv4 in IPv6 clothes is IPv4; a zone (`%eth0`) is of this machine alone. */
function plain(address: string): string {
  const bare = address.replace(/%.*$/, '');
  return /^::ffff:\d+\.\d+\.\d+\.\d+$/i.test(bare) ? bare.slice(7) : bare;
}

function prefix64(address: string): string {
  const [head = '', tail] = address.toLowerCase().split('::');
  const left = head === '' ? [] : head.split(':');
  const right = tail === undefined || tail === '' ? [] : tail.split(':');
  const groups =
    tail === undefined ? left : [...left, ...Array<string>(8 - left.length - right.length).fill('0'), ...right];
  return `${groups
    .slice(0, 4)
    .map((group) => group.replace(/^0+(?=.)/, ''))
    .join(':')}::/64`;
}
