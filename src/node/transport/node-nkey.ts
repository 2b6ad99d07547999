import { base32nopad } from '@scure/base';
import { fromSeed } from 'nkeys.js';
import type { NodeName } from '../../protocol/ids.ts';
import type { ClusterKeys } from './cluster-keys.ts';

/**
 * The NATS user of a node. It follows from the cluster secret and the node's name, so every node knows the public
 * key of every other without an exchange.
 */
export interface NodeNkey {
  /** `U…`, what the server's configuration lists and its events name. */
  readonly publicKey: string;
  /** `SU…` as ASCII bytes. */
  readonly seed: Uint8Array;
}

export function nodeNkey(keys: ClusterKeys, node: NodeName): NodeNkey {
  const seed = encodeUserSeed(keys.userSeed(node));
  return { publicKey: fromSeed(seed).getPublicKey(), seed };
}

const PREFIX_SEED = 18 << 3;
const PREFIX_USER = 20 << 3;

/** Text form of an nkeys seed: base32 of two packed prefixes, the raw seed and a CRC-16 (little endian). */
function encodeUserSeed(raw: Uint8Array): Uint8Array {
  const body = Uint8Array.from([PREFIX_SEED | (PREFIX_USER >> 5), (PREFIX_USER & 31) << 3, ...raw]);
  const crc = crc16(body);
  return new TextEncoder().encode(base32nopad.encode(Uint8Array.from([...body, crc & 0xff, crc >> 8])));
}

/** CRC-16/XMODEM: polynomial 0x1021, initial value 0. */
function crc16(bytes: Uint8Array): number {
  let crc = 0;
  for (const byte of bytes) {
    crc ^= byte << 8;
    for (let bit = 0; bit < 8; bit += 1) crc = ((crc & 0x8000) === 0 ? crc << 1 : (crc << 1) ^ 0x1021) & 0xffff;
  }
  return crc;
}
