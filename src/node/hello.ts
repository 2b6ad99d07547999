import { Packr } from 'msgpackr';
import { ParleyError } from '../protocol/errors.ts';
import { isClusterId, isNodeName } from '../protocol/ids.ts';
import {
  decodeMemberTable,
  encodeMemberTable,
  founderRow,
  isIncarnation,
  readFounder,
} from './membership/member-table.ts';
import { lifeRow, readLife, readVerdict, verdictRow } from './rollback/life-codec.ts';
import type { Hello, Membership } from './founding.ts';
import type { PublicIdentity } from './identity/public-identity.ts';
import type { NodeName } from '../protocol/ids.ts';

/** Hellos as they stand in frames: `[format, kind, cluster, peers, incarnation, founders, table, life, verdict]` as msgpack. */

const FORMAT = 2;
const packr = new Packr({ useRecords: false });

export function encodeHello({ membership, peers, incarnation, founders, table, life, verdict }: Hello): Uint8Array {
  const clusterId = membership.kind === 'empty' ? null : membership.clusterId;
  const tableBytes = table === null ? null : encodeMemberTable(table);
  return packr.pack([
    FORMAT,
    membership.kind,
    clusterId,
    peers,
    incarnation,
    founders && founders.map(founderRow),
    tableBytes,
    life && lifeRow(life),
    verdict && verdictRow(verdict),
  ]);
}

/**
 * Null for what is not a hello of this format.
 * @param identity whose keys it was sealed with
 */
export function decodeHello(node: NodeName, identity: PublicIdentity | null, payload: Uint8Array): Hello | null {
  const value: unknown = packr.unpack(payload);
  if (!Array.isArray(value) || value[0] !== FORMAT) return null;
  const [, kind, clusterId, peers, incarnation, founders, table, life, verdict] = value as unknown[];
  if (!Array.isArray(peers) || !peers.every((peer) => typeof peer === 'string' && isNodeName(peer))) return null;
  const membership = readMembership(kind, clusterId);
  if (membership === null) return null;
  return {
    node,
    membership,
    peers,
    incarnation: isIncarnation(incarnation) ? incarnation : null,
    identity,
    founders: Array.isArray(founders) ? tolerantly(() => founders.map(readFounder)) : null,
    table: table instanceof Uint8Array ? tolerantly(() => decodeMemberTable(table)) : null,
    life: readLife(life),
    verdict: readVerdict(verdict),
  };
}

function readMembership(kind: unknown, clusterId: unknown): Membership | null {
  if (kind === 'empty') return { kind };
  if (kind !== 'founding' && kind !== 'member') return null;
  return typeof clusterId === 'string' && isClusterId(clusterId) ? { kind, clusterId } : null;
}

function tolerantly<T>(read: () => T): T | null {
  try {
    return read();
  } catch (error) {
    if (error instanceof ParleyError) return null;
    throw error;
  }
}
