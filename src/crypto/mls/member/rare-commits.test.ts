import { utf8ToBytes } from '@noble/hashes/utils.js';
import { describe, expect, it } from 'vitest';
import { STAMP } from '../../../testing/mls/device.ts';
import { addDevices, createDevice, deliver, foundedBy } from '../../../testing/mls/small-group.ts';
import { nodeRandom } from '../../node-random.ts';
import { requiredCapabilitiesExtension } from '../extension.ts';
import { createLeafNode } from './client-identity.ts';
import { generateKemKeyPair } from '../../kem.ts';
import { joinByWelcome } from './join-by-welcome.ts';
import { MemberGroup } from './member-group.ts';
import type { MlsDevice } from '../../../testing/mls/device.ts';
import type { Proposal } from '../proposal.ts';
import type { PreSharedKeyId } from '../psk.ts';

/** What rooms do not use of RFC 9420, and other groups may: made here, and followed by those who did not make it. */

const refused = (code: string, text = ''): unknown =>
  expect.objectContaining({ code, message: expect.stringContaining(text) });

function two(): [MlsDevice, MlsDevice] {
  const ann = foundedBy('ann');
  const [bob] = addDevices(ann, ['bob']) as [MlsDevice];
  for (const device of [ann, bob]) device.save(0, 8);
  return [ann, bob];
}

/** The device, with pre-shared keys that it knows. */
function knowing(device: MlsDevice, keys: ReadonlyMap<string, Uint8Array>): void {
  const findPsk = (id: PreSharedKeyId): Uint8Array | null =>
    id.type === 'external' ? (keys.get(new TextDecoder().decode(id.id)) ?? null) : null;
  device.group = new MemberGroup({ ...device.options, findPsk }, device.member.parts);
}

const pskProposal = (name: string): Proposal => ({
  type: 'psk',
  psk: { type: 'external', id: utf8ToBytes(name), nonce: nodeRandom(32) },
});

describe('pre-shared keys (RFC 9420 section 8.4)', () => {
  const keys = new Map(['one', 'two'].map((name) => [name, nodeRandom(32)]));

  it('let those go on who know all of them, in their order', () => {
    const [ann, bob] = two();
    for (const device of [ann, bob]) knowing(device, keys);
    const { commit } = ann.member.commit({ proposals: [pskProposal('two'), pskProposal('one')] }, STAMP);
    deliver([ann, bob], commit);
    expect(bob.member.epochAuthenticator).toEqual(ann.member.epochAuthenticator);
    const mixed = new Map([...keys].map(([name]) => [name, keys.get(name === 'one' ? 'two' : 'one')!]));
    knowing(bob, mixed);
    const next = ann.member.commit({ proposals: [pskProposal('two'), pskProposal('one')] }, STAMP).commit;
    deliver([ann], next);
    expect(() => deliver([bob], next)).toThrow(refused('bad_confirmation_tag'));
    knowing(bob, new Map());
    expect(() => deliver([bob], next)).toThrow(refused('unknown_psk'));
    knowing(bob, keys);
    deliver([bob], next);
    expect(bob.member.epochAuthenticator).toEqual(ann.member.epochAuthenticator);
  });

  it('are asked of those who join by the same commit', () => {
    const [ann, bob] = two();
    for (const device of [ann, bob]) knowing(device, keys);
    const eve = createDevice('eve');
    const own = eve.createKeyPackage();
    const proposals: Proposal[] = [{ type: 'add', keyPackage: own.keyPackage }, pskProposal('one')];
    const { commit, welcome } = ann.member.commit({ proposals }, STAMP);
    deliver([ann, bob], commit);
    const { suite, random, application } = eve.options;
    const join = (key: Uint8Array | null): Uint8Array => {
      const environment = { suite, random, validation: { suite, ...STAMP, application }, findPsk: () => key };
      const { tree } = ann.member.group;
      const epoch = joinByWelcome({ welcome: welcome!, keyPackages: [own], identity: eve.identity, tree }, environment);
      return epoch.state.secrets.epochAuthenticator;
    };
    expect(join(keys.get('one')!)).toEqual(ann.member.epochAuthenticator);
    expect(() => join(keys.get('two')!)).toThrow(refused('undecryptable', 'group info'));
    expect(() => join(null)).toThrow(refused('unknown_psk'));
  });

  it('of past epochs of the group are known to its members', () => {
    const [ann, bob] = two();
    const { groupId, epoch } = ann.member.group.context;
    deliver([ann, bob], ann.member.commit({}, STAMP).commit);
    const psk = { type: 'resumption', usage: 'application', groupId, epoch, nonce: nodeRandom(32) } as const;
    deliver([ann, bob], ann.member.commit({ proposals: [{ type: 'psk', psk }] }, STAMP).commit);
    expect(bob.member.epochAuthenticator).toEqual(ann.member.epochAuthenticator);
    const unknown = { ...psk, epoch: epoch + 9n };
    expect(() => ann.member.commit({ proposals: [{ type: 'psk', psk: unknown }] }, STAMP)).toThrow(
      refused('unknown_psk'),
    );
  });
});

describe('new extensions of a group (RFC 9420 section 12.1.7)', () => {
  it('are those of all members, with a path', () => {
    const [ann, bob] = two();
    const required = requiredCapabilitiesExtension({ extensions: [], proposals: [], credentials: [1] });
    const before = ann.member.group.tree.leafAt(0)!.encryptionKey;
    const proposals: Proposal[] = [{ type: 'group_context_extensions', extensions: [required] }];
    deliver([ann, bob], ann.member.commit({ proposals, alwaysPath: false }, STAMP).commit);
    expect(bob.member.group.context.extensions).toEqual([required]);
    expect(bob.member.epochAuthenticator).toEqual(ann.member.epochAuthenticator);
    expect(bob.member.group.tree.leafAt(0)!.encryptionKey).not.toEqual(before);
  });
});

describe('a ReInit (RFC 9420 section 12.1.5)', () => {
  it('closes the group for everybody, also after a restart', () => {
    const [ann, bob] = two();
    const reinit = { type: 'reinit', groupId: nodeRandom(8), version: 1, cipherSuite: 3, extensions: [] } as const;
    deliver([ann, bob], ann.member.commit({ proposals: [reinit] }, STAMP).commit);
    expect(bob.member.epochAuthenticator).toEqual(ann.member.epochAuthenticator);
    for (const { member } of [ann, bob]) {
      expect(() => member.commit({}, STAMP)).toThrow(refused('bad_state', 'closed'));
      expect(() => member.encrypt(new Uint8Array(1))).toThrow(refused('bad_state', 'closed'));
    }
    bob.save(0);
    bob.restart(bob.copyOfDisk());
    bob.member.caughtUp();
    expect(() => bob.member.encrypt(new Uint8Array(1))).toThrow(refused('bad_state', 'closed'));
  });
});

describe('proposals by themselves (RFC 9420 section 12.1)', () => {
  it('that stand together are committed; of those that do not, the ones that the RFC prefers', () => {
    const ann = foundedBy('ann');
    const [bob, carl] = addDevices(ann, ['bob', 'carl']) as [MlsDevice, MlsDevice];
    const everybody = [ann, bob, carl];
    const { suite } = ann.options;
    const keyPair = generateKemKeyPair(suite.kem, nodeRandom);
    const place = { groupId: ann.member.group.context.groupId, leafIndex: bob.member.ownLeaf };
    const leaf = { encryptionKey: keyPair.publicKey, source: { type: 'update' } } as const;
    const leafNode = createLeafNode(suite, bob.identity, leaf, place);
    const propose = (by: MlsDevice, proposal: Proposal, own = null as typeof keyPair | null): void => {
      const bytes = by.member.propose(proposal, STAMP, own);
      deliver(
        everybody.filter((device) => device !== by),
        bytes,
      );
    };
    propose(bob, { type: 'update', leafNode }, keyPair);
    propose(carl, { type: 'remove', removed: bob.member.ownLeaf });
    propose(carl, { type: 'remove', removed: ann.member.ownLeaf });
    propose(carl, { type: 'add', keyPackage: createDevice('dora').createKeyPackage().keyPackage });
    propose(carl, { type: 'reinit', groupId: nodeRandom(8), version: 1, cipherSuite: 3, extensions: [] });
    const { commit } = ann.member.commit({}, STAMP);
    deliver([ann, carl], commit);
    const { tree, reinit } = carl.member.group;
    const names = [...tree.leaves()].map(([, { credential }]) =>
      credential.type === 'basic' ? new TextDecoder().decode(credential.identity) : '',
    );
    expect(names.toSorted()).toEqual(['ann', 'carl', 'dora']);
    expect(reinit).toBeNull();
  });

  it('that are updates take effect when somebody else commits them, also after a restart', () => {
    const [ann, bob] = two();
    const { suite } = bob.options;
    const keyPair = generateKemKeyPair(suite.kem, nodeRandom);
    const place = { groupId: bob.member.group.context.groupId, leafIndex: bob.member.ownLeaf };
    const leaf = { encryptionKey: keyPair.publicKey, source: { type: 'update' } } as const;
    const leafNode = createLeafNode(suite, bob.identity, leaf, place);
    deliver([ann], bob.member.propose({ type: 'update', leafNode }, STAMP, keyPair));
    bob.save(0);
    bob.restart(bob.copyOfDisk());
    deliver([ann, bob], ann.member.commit({ wireFormat: 'private_message' }, STAMP).commit);
    expect(bob.member.epochAuthenticator).toEqual(ann.member.epochAuthenticator);
    expect(bob.member.parts.state.privateKeys.get(2 * bob.member.ownLeaf)).toEqual(keyPair);
    expect(ann.member.group.proposals.size).toBe(0);
  });
});
