import fc from 'fast-check';
import { Packr } from 'msgpackr';
import { describe, expect, it } from 'vitest';
import { EMPTY_CONF_STATE, peerId, type ConfState, type LogIndex } from '../../consensus/types.ts';
import { MemberDirectory } from './member-directory.ts';
import {
  afterChange,
  decodeMemberTable,
  encodeMemberTable,
  foundingTable,
  isVoter,
  memberNamed,
} from './member-table.ts';
import type { NodeName } from '../../protocol/ids.ts';
import type { PublicIdentity } from '../identity/public-identity.ts';
import type { Member, MemberTable } from './member-table.ts';

const name = (text: string): NodeName => text as NodeName;
const FOUNDED = foundingTable([1, 2, 3].map((n) => ({ name: name(`n${n}`), peerId: peerId(n), identity: null })));
const at = (index: number): LogIndex => index as LogIndex;
const conf = (voters: number[], learners: number[] = []): ConfState => ({
  ...EMPTY_CONF_STATE,
  voters: voters.map(peerId),
  learners: learners.map(peerId),
});
const member = (peer: number, node: string, replaces: number | null = null): Member => ({
  peer: peerId(peer),
  name: name(node),
  incarnation: 'ab'.repeat(16),
  identity: 'cd'.repeat(64) as PublicIdentity,
  replaces: replaces === null ? null : peerId(replaces),
});

describe('the table of members', () => {
  it('begins with the founders', () => {
    expect(FOUNDED.nextPeer).toBe(4);
    expect(FOUNDED.members.map(({ peer, name: node }) => [peer, node])).toEqual([
      [1, 'n1'],
      [2, 'n2'],
      [3, 'n3'],
    ]);
  });

  it('never gives a peer id twice, even when its owner is gone', () => {
    const added = afterChange(FOUNDED, { index: at(7), confState: conf([1, 2, 3], [4]), added: member(4, 'n4') });
    const removed = afterChange(added, { index: at(8), confState: conf([1, 2, 3]), added: null });
    expect(removed.members).toHaveLength(3);
    expect(removed.nextPeer).toBe(5);
    expect(removed.index).toBe(8);
  });

  it('keeps both incarnations of a name until the old one is out, and leads to the newer', () => {
    const added = member(4, 'n3', 3);
    const both = afterChange(FOUNDED, { index: at(7), confState: conf([1, 2, 3], [4]), added });
    expect(both.members).toHaveLength(4);
    expect(memberNamed(both, name('n3'))?.peer).toBe(4);
    const joint: ConfState = { ...conf([1, 2, 4]), votersOutgoing: [1, 2, 3].map(peerId) };
    const during = afterChange(both, { index: at(8), confState: joint, added: null });
    expect(memberNamed(during, name('n3'))?.replaces).toBe(3);
    expect(isVoter(joint, peerId(3))).toBe(true);
    const after = afterChange(during, { index: at(9), confState: conf([1, 2, 4]), added: null });
    expect(after.members.map(({ peer }) => peer)).toEqual([1, 2, 4]);
    expect(memberNamed(after, name('n3'))?.replaces).toBeNull();
  });

  it('survives being written, and nothing else is read as one', () => {
    const table = afterChange(FOUNDED, { index: at(7), confState: conf([1, 2, 3], [4]), added: member(4, 'n3', 3) });
    expect(decodeMemberTable(encodeMemberTable(table))).toEqual(table);
    const packr = new Packr({ useRecords: false });
    for (const wrong of [
      null,
      [1, 0, 4, [], []],
      [2, -1, 4, [], []],
      [2, 0, 0, [], []],
      [2, 0, 4, [['N!', 1, null]], []],
      [2, 0, 4, [['n1', 1, 'short']], []],
      [2, 0, 4, [], [[1, 'n1', 'short', null, null]]],
      [2, 0, 4, [], [[1, 'n1', null, 'short', null]]],
      [2, 0, 4, [], [[0, 'n1', null, null, null]]],
      [2, 0, 4, [], Array.from({ length: 65 }, () => [1, 'n1', null, null, null])],
    ]) {
      expect(() => decodeMemberTable(packr.pack(wrong))).toThrow('cannot be read');
    }
  });

  it('is the same on every node whatever the changes were', () => {
    fc.assert(
      fc.property(fc.array(fc.nat({ max: 5 }), { maxLength: 30 }), (choices) => {
        const tables: MemberTable[] = [FOUNDED, decodeMemberTable(encodeMemberTable(FOUNDED))];
        const present = [1, 2, 3];
        for (const [step, choice] of choices.entries()) {
          const added = choice === 0 ? member(tables[0]!.nextPeer, `m${step}`) : null;
          if (added !== null) present.push(added.peer);
          else if (present.length > 1) present.splice(choice % present.length, 1);
          const change = { index: at(step + 1), confState: conf(present), added };
          for (const [node, table] of tables.entries()) tables[node] = afterChange(table, change);
          tables[1] = decodeMemberTable(encodeMemberTable(tables[1]!));
        }
        expect(tables[1]).toEqual(tables[0]);
        expect(new Set(tables[0]!.members.map(({ peer }) => peer))).toEqual(new Set(present));
      }),
    );
  });
});

describe('the directory', () => {
  const replaced = afterChange(FOUNDED, { index: at(7), confState: conf([1, 2, 3], [4]), added: member(4, 'n3', 3) });

  it('sends nothing to an incarnation that is gone', () => {
    const directory = new MemberDirectory(replaced);
    expect(directory.peerOf(name('n3'))).toBe(4);
    expect(directory.nameOf(peerId(4))).toBe('n3');
    expect(directory.nameOf(peerId(3))).toBeUndefined();
  });

  it('learns only what is newer, until it begins anew', () => {
    const directory = new MemberDirectory(FOUNDED);
    expect(directory.learn(replaced)).toBe(true);
    expect(directory.learn(replaced)).toBe(false);
    expect(directory.learn(FOUNDED)).toBe(false);
    expect(directory.peerOf(name('n3'))).toBe(4);
    directory.reset(FOUNDED);
    expect(directory.peerOf(name('n3'))).toBe(3);
  });

  it('hears of newcomers, but reaches whoever still counts by its own state', () => {
    const directory = new MemberDirectory(FOUNDED);
    const swapped = afterChange(FOUNDED, { index: at(9), confState: conf([1, 2, 4]), added: member(4, 'n4') });
    directory.hear(swapped);
    directory.hear(replaced);
    expect(directory.table).toBe(swapped);
    expect(directory.nameOf(peerId(4))).toBe('n4');
    // Its vote may be what is missing to learn that it is gone.
    expect(directory.nameOf(peerId(3))).toBe('n3');
    expect(directory.learn(swapped)).toBe(true);
    expect(directory.nameOf(peerId(3))).toBeUndefined();
  });
});
