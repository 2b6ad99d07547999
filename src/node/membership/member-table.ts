import { Packr } from 'msgpackr';
import { peerId, plus, type ConfState, type LogIndex, type PeerId } from '../../consensus/types.ts';
import { ParleyError } from '../../protocol/errors.ts';
import { isNodeName, type NodeName } from '../../protocol/ids.ts';
import { isPublicIdentity, type PublicIdentity } from '../identity/public-identity.ts';
import type { FoundingPeer } from '../store/node-store.ts';

/**
 * Who is in the cluster: names beside the peer ids that the consensus core knows. A node's Raft identity is its name
 * and its incarnation: a node that lost its data is not the node it was, comes back under the same name as a new
 * peer, and no peer id is ever used twice.
 */
export interface Member {
  readonly peer: PeerId;
  readonly name: NodeName;
  /** What the node called its empty data directory when it was let in; null for a founder. */
  readonly incarnation: string | null;
  /** Its keys; null where frames are not sealed. */
  readonly identity: PublicIdentity | null;
  /** The peer whose place it takes once it has caught up. */
  readonly replaces: PeerId | null;
}

export interface MemberTable {
  /** Index of the entry that made this table; tables with a greater one are newer. 0: as founded. */
  readonly index: LogIndex;
  readonly nextPeer: PeerId;
  readonly founders: readonly FoundingPeer[];
  readonly members: readonly Member[];
}

/** Where the table stands among the rows of the state, so that it is part of every snapshot. */
export const MEMBERS_ROW = '@/members';

const FORMAT = 2;
const MEMBERS_MAX = 64;
const packr = new Packr({ useRecords: false });

export function foundingTable(founders: readonly FoundingPeer[]): MemberTable {
  return {
    index: 0 as LogIndex,
    nextPeer: peerId(Math.max(0, ...founders.map((founder) => founder.peerId)) + 1),
    founders,
    members: founders.map((founder) => ({
      peer: founder.peerId,
      name: founder.name,
      incarnation: null,
      identity: founder.identity,
      replaces: null,
    })),
  };
}

/**
 * The table after a change of the configuration was applied.
 * @param added who the change lets in, where it lets somebody in
 */
export function afterChange(
  table: MemberTable,
  {
    index,
    confState,
    added,
  }: { readonly index: LogIndex; readonly confState: ConfState; readonly added: Member | null },
): MemberTable {
  const present = peersOf(confState);
  const known = added === null ? table.members : [...table.members.filter(({ peer }) => peer !== added.peer), added];
  const members = known.filter(({ peer }) => present.has(peer));
  return {
    index,
    nextPeer: added === null || added.peer < table.nextPeer ? table.nextPeer : peerId(added.peer + 1),
    founders: table.founders,
    // Whoever was replaced is gone: nobody takes its place any more.
    members: members.map((member) =>
      member.replaces !== null && !present.has(member.replaces) ? { ...member, replaces: null } : member,
    ),
  };
}

/** Whether those of whom `counts` is true are a majority of the voters, of both sets while the voters change. */
export function isMajority(confState: ConfState, counts: (peer: PeerId) => boolean): boolean {
  const { voters, votersOutgoing } = confState;
  return [voters, votersOutgoing].every((set) => set.length === 0 || 2 * set.filter(counts).length > set.length);
}

export function isVoter(confState: ConfState, peer: PeerId): boolean {
  return confState.voters.includes(peer) || confState.votersOutgoing.includes(peer);
}

function peersOf({ voters, votersOutgoing, learners, learnersNext }: ConfState): ReadonlySet<PeerId> {
  return new Set([...voters, ...votersOutgoing, ...learners, ...learnersNext]);
}

/** The newest incarnation under a name, which is the one that frames to that name reach. */
export function memberNamed({ members }: MemberTable, name: NodeName): Member | undefined {
  return members.filter((member) => member.name === name).toSorted((a, b) => b.peer - a.peer)[0];
}

export function encodeMemberTable({ index, nextPeer, founders, members }: MemberTable): Uint8Array {
  const rows = members.map(memberRow);
  return packr.pack([FORMAT, index, nextPeer, founders.map(founderRow), rows]);
}

/** @throws ParleyError `invalid_field` for anything else than an encoded table */
export function decodeMemberTable(bytes: Uint8Array): MemberTable {
  const value: unknown = packr.unpack(bytes);
  if (!Array.isArray(value) || value[0] !== FORMAT) throw malformed();
  const [, index, nextPeer, founders, members] = value as unknown[];
  if (!Number.isSafeInteger(index) || (index as number) < 0) throw malformed();
  if (!Array.isArray(founders) || !Array.isArray(members) || members.length > MEMBERS_MAX) throw malformed();
  return {
    index: plus(0 as LogIndex, index as number),
    nextPeer: peerOf(nextPeer),
    founders: founders.map(readFounder),
    members: members.map(readMember),
  };
}

export type FounderRow = readonly [name: string, peer: number, identity: string | null];

export const founderRow = ({ name, peerId: id, identity }: FoundingPeer): FounderRow => [name, id, identity];

/** @throws ParleyError `invalid_field` */
export function readFounder(row: unknown): FoundingPeer {
  if (!Array.isArray(row)) throw malformed();
  const [name, peer, identity] = row as unknown[];
  return { name: nameOf(name), peerId: peerOf(peer), identity: identityFrom(identity) };
}

export type MemberRow = readonly [
  peer: number,
  name: string,
  incarnation: string | null,
  identity: string | null,
  replaces: number | null,
];

export function memberRow({ peer, name, incarnation, identity, replaces }: Member): MemberRow {
  return [peer, name, incarnation, identity, replaces];
}

/** @throws ParleyError `invalid_field` */
export function readMember(row: unknown): Member {
  if (!Array.isArray(row)) throw malformed();
  const [peer, name, incarnation, identity, replaces] = row as unknown[];
  if (incarnation !== null && !isIncarnation(incarnation)) throw malformed();
  return {
    peer: peerOf(peer),
    name: nameOf(name),
    incarnation,
    identity: identityFrom(identity),
    replaces: replaces === null ? null : peerOf(replaces),
  };
}

/** 16 random bytes as hex. */
export function isIncarnation(value: unknown): value is string {
  return typeof value === 'string' && /^[0-9a-f]{32}$/.test(value);
}

function peerOf(value: unknown): PeerId {
  if (!Number.isSafeInteger(value) || (value as number) < 1) throw malformed();
  return peerId(value as number);
}

function identityFrom(value: unknown): PublicIdentity | null {
  if (value !== null && !isPublicIdentity(value)) throw malformed();
  return value;
}

function nameOf(value: unknown): NodeName {
  if (typeof value !== 'string' || !isNodeName(value)) throw malformed();
  return value;
}

function malformed(): ParleyError {
  return new ParleyError('invalid_field', 'The table of members cannot be read.');
}
