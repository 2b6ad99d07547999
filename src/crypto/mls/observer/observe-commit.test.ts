import { describe, expect, it } from 'vitest';
import { STAMP } from '../../../testing/mls/device.ts';
import { addDevices, createDevice, foundedBy } from '../../../testing/mls/small-group.ts';
import { nodeRandom } from '../../node-random.ts';
import { noblePublicSuite } from '../cipher-suite.ts';
import { readMlsMessage } from '../mls-message.ts';
import { decode } from '../tls-reader.ts';
import { ANY_APPLICATION } from '../validation-context.ts';
import { observeCommit } from './observe-commit.ts';
import { observeFounding } from './observe-group.ts';
import { observerChanges, readObserverRecords } from './observer-records.ts';
import type { MlsDevice } from '../../../testing/mls/device.ts';
import type { Proposal } from '../proposal.ts';
import type { RatchetTree } from '../ratchet-tree.ts';
import type { CommitBundle } from './observe-commit.ts';

const ann = foundedBy('ann');
const [bob] = addDevices(ann, ['bob', 'carl']) as [MlsDevice];
const { group } = ann.member;
const context = { suite: noblePublicSuite(3), ...STAMP, application: ANY_APPLICATION };

function bundleOf(proposals: readonly Proposal[] = []): CommitBundle {
  const { commit, welcome, groupInfo } = ann.member.commit({ proposals }, STAMP);
  return { commit: decode(readMlsMessage, commit), welcome, groupInfo };
}
const add = (name: string): Proposal => ({ type: 'add', keyPackage: createDevice(name).createKeyPackage().keyPackage });
const refused = (code: string, text: string): unknown =>
  expect.objectContaining({ code, message: expect.stringContaining(text) });

describe('an observer', () => {
  it('follows what the room profile allows', () => {
    const applied = observeCommit(group, bundleOf([add('eve'), add('fay')]), context);
    expect(applied.added.map(({ leafIndex }) => leafIndex)).toEqual([3, 4]);
    expect(applied.group.after.context.epoch).toBe(group.context.epoch + 1n);
    expect(applied.group.before).toBe(group);
  });

  it('takes only public messages with proposals by value, of the kinds that rooms use', () => {
    bob.save(0, 1);
    const { commit, welcome, groupInfo } = bob.member.commit({ wireFormat: 'private_message' }, STAMP);
    const hidden = { commit: decode(readMlsMessage, commit), welcome, groupInfo };
    expect(() => observeCommit(group, hidden, context)).toThrow(refused('forbidden', 'public messages'));
    const extensions: Proposal = { type: 'group_context_extensions', extensions: [] };
    expect(() => observeCommit(group, bundleOf([extensions]), context)).toThrow(refused('forbidden', 'do not use'));
    const many = Array.from({ length: 65 }, (_, i) => add(`guest ${i}`));
    expect(() => observeCommit(group, bundleOf(many), context)).toThrow(refused('forbidden', 'at most 64'));
  });

  it('takes only the group info of the new epoch, confirmed and signed by the committer', () => {
    const bundle = bundleOf();
    const check = (groupInfo: CommitBundle['groupInfo']): unknown =>
      observeCommit(group, { ...bundle, groupInfo }, context);
    expect(() => check(bundle.groupInfo)).not.toThrow();
    expect(() => check(ann.member.createGroupInfo({}))).toThrow(refused('bad_group_info', 'new epoch'));
    expect(() => check({ ...bundle.groupInfo, confirmationTag: nodeRandom(32) })).toThrow(
      refused('bad_group_info', 'another confirmation tag'),
    );
    expect(() => check({ ...bundle.groupInfo, signer: 1 })).toThrow(refused('bad_group_info', 'not signed by'));
    expect(() => check({ ...bundle.groupInfo, extensions: [{ type: 9, data: nodeRandom(1) }] })).toThrow(
      refused('bad_group_info', 'signature'),
    );
  });

  it('takes the group info without the tree', () => {
    const { commit, welcome, groupInfo } = ann.member.commit({ groupInfo: { withTree: true } }, STAMP);
    const bundle = { commit: decode(readMlsMessage, commit), welcome, groupInfo };
    expect(() => observeCommit(group, bundle, context)).toThrow(refused('forbidden', 'without the tree'));
  });

  it('takes only welcomes for exactly those who are added', () => {
    const bundle = bundleOf([add('eve'), add('fay')]);
    const { welcome } = bundle;
    const check = (changed: CommitBundle['welcome']): unknown =>
      observeCommit(group, { ...bundle, welcome: changed }, context);
    const [first] = welcome!.secrets;
    for (const changed of [
      null,
      { ...welcome!, secrets: [first!] },
      { ...welcome!, secrets: [first!, first!] },
      { ...welcome!, secrets: [...welcome!.secrets, { ...first!, newMember: nodeRandom(32) }] },
    ]) {
      expect(() => check(changed)).toThrow(refused('bad_welcome', 'Others are welcomed'));
    }
    const { newMember, encryptedGroupSecrets } = first!;
    const useless = { newMember, encryptedGroupSecrets: { ...encryptedGroupSecrets, kemOutput: new Uint8Array(32) } };
    expect(() => check({ ...welcome!, secrets: [useless, ...welcome!.secrets.slice(1)] })).toThrow(
      refused('bad_welcome', 'Nobody can open'),
    );
    expect(() => check({ ...welcome!, cipherSuite: 1 })).toThrow(refused('bad_welcome', 'cipher suite'));
  });

  it('begins with a group of one, signed by its founder', () => {
    const founder = foundedBy('founder');
    const info = founder.member.createGroupInfo({});
    const tree = founder.member.group.tree.clone();
    expect(observeFounding(info, tree, context).context.epoch).toBe(0n);
    expect(() => observeFounding({ ...info, confirmationTag: nodeRandom(32) }, tree, context)).toThrow(
      refused('bad_group_info', 'signature'),
    );
    expect(() => observeFounding({ ...info, signer: 1 }, tree, context)).toThrow(
      refused('bad_group_info', 'not a member'),
    );
    expect(() => observeFounding(ann.member.createGroupInfo({}), group.tree, context)).toThrow(
      refused('bad_group_info', 'one member and no history'),
    );
    const otherSuite = { ...info, groupContext: { ...info.groupContext, cipherSuite: 1 } };
    expect(() => observeFounding(otherSuite, tree, context)).toThrow(refused('wrong_group', 'cipher suite'));
  });

  it('keeps its state in records, of which a commit changes those of one path', () => {
    const { after } = observeCommit(group, bundleOf(), context).group;
    const records = new Map([...observerChanges(null, group)].map(([key, value]) => [key, value!]));
    const changes = observerChanges(group, after);
    expect(changes.size).toBeLessThanOrEqual(1 + 3);
    for (const [key, value] of changes) records.set(key, value!);
    const restored = readObserverRecords(records, context.suite);
    expect(restored.context).toEqual(after.context);
    expect(restored.interimTranscriptHash).toEqual(after.interimTranscriptHash);
    const nodes = (tree: RatchetTree): unknown[] => Array.from({ length: 7 }, (_, node) => tree.nodeAt(node));
    expect(nodes(restored.tree)).toEqual(nodes(after.tree));
    records.delete('tree/2');
    expect(() => readObserverRecords(records, context.suite)).toThrow(refused('bad_tree', 'node 2'));
    expect(() => readObserverRecords(new Map(), context.suite)).toThrow(refused('malformed', 'missing'));
  });
});
