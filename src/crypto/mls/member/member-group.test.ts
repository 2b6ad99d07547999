import { utf8ToBytes } from '@noble/hashes/utils.js';
import { describe, expect, it } from 'vitest';
import { LIFETIME, STAMP } from '../../../testing/mls/device.ts';
import { addDevices, createDevice, deliver, foundedBy } from '../../../testing/mls/small-group.ts';
import { nodeRandom } from '../../node-random.ts';
import { readMlsMessage } from '../mls-message.ts';
import { decode } from '../tls-reader.ts';
import { ANY_APPLICATION } from '../validation-context.ts';
import { FORWARD_RATCHET_MAX } from './hash-ratchet.ts';
import { joinByWelcome } from './join-by-welcome.ts';
import { MemberGroup } from './member-group.ts';
import { openSenderData, protectPrivate, signFramedContent } from './message-protection.ts';
import type { MlsDevice } from '../../../testing/mls/device.ts';
import type { AuthenticatedContent } from '../authenticated-content.ts';
import type { FramedContent } from '../framed-content.ts';
import type { MlsMessage } from '../mls-message.ts';
import type { PrivateMessage } from '../private-message.ts';
import type { WelcomeInput } from './join-by-welcome.ts';

function three(): [MlsDevice, MlsDevice, MlsDevice] {
  const ann = foundedBy('ann');
  const [bob, carl] = addDevices(ann, ['bob', 'carl']) as [MlsDevice, MlsDevice];
  for (const device of [ann, bob, carl]) device.save(0, 8);
  return [ann, bob, carl];
}
const refused = (code: string, text = ''): unknown =>
  expect.objectContaining({ code, message: expect.stringContaining(text) });
const read = (bytes: Uint8Array): MlsMessage => decode(readMlsMessage, bytes);
const take = (device: MlsDevice, bytes: Uint8Array): unknown => device.member.process(read(bytes), STAMP);

function privateOf(bytes: Uint8Array): PrivateMessage {
  const { format, message } = read(bytes);
  if (format !== 'private_message') throw new Error(format);
  return message;
}

/** An application message of the first leaf. */
function contentOf({ member }: MlsDevice): FramedContent {
  const { groupId, epoch } = member.group.context;
  const content = { type: 'application', data: utf8ToBytes('text') } as const;
  return { groupId, epoch, sender: { type: 'member', leafIndex: 0 }, authenticatedData: new Uint8Array(0), content };
}

describe('application messages (RFC 9420 sections 6.3, 9)', () => {
  const text = utf8ToBytes('hello');

  it('are read by the others, once, in any order', () => {
    const [ann, bob, carl] = three();
    const sent = [1, 2, 3].map((n) =>
      ann.member.encrypt(utf8ToBytes(`${n}`), { authenticatedData: utf8ToBytes('ad') }),
    );
    for (const n of [2, 0, 1]) {
      const event = { kind: 'application', sender: 0, generation: n, data: utf8ToBytes(`${n + 1}`) };
      expect(take(bob, sent[n]!)).toMatchObject({ ...event, authenticatedData: utf8ToBytes('ad') });
      expect(take(carl, sent[n]!)).toMatchObject(event);
    }
    expect(() => take(bob, sent[1]!)).toThrow(refused('bad_generation', 'read before'));
    expect(take(ann, sent[0]!)).toEqual({ kind: 'own', generation: 0 });
  });

  it('have a reuse guard of fresh random bytes, which the nonce depends on (section 6.3.1)', () => {
    const [ann] = three();
    const { suite } = ann.options;
    const guards: Uint8Array[] = [];
    const nonces: string[] = [];
    const aead = {
      ...suite.aead,
      seal: (...args: Parameters<typeof suite.aead.seal>) => {
        nonces.push(args[1].join());
        return suite.aead.seal(...args);
      },
    };
    const random = (length: number): Uint8Array => {
      const bytes = nodeRandom(length);
      if (length === 4) guards.push(bytes);
      return bytes;
    };
    const { parts } = ann.member;
    const { secretTree, senderDataSecret } = parts.current.input;
    const member = new MemberGroup({ ...ann.options, random }, parts);
    const message = privateOf(member.encrypt(text));
    const { reuseGuard } = openSenderData(suite, message, senderDataSecret);
    expect(guards).toEqual([reuseGuard]);
    const { messageKey } = secretTree.keyOf(1, 'application', 0);
    const framed = { content: contentOf(ann), auth: { signature: nodeRandom(64), confirmationTag: null } };
    const protection = { senderDataSecret, messageKey, generation: 0, paddingBytes: 0 };
    for (const guard of [Uint8Array.of(0, 0, 0, 0), Uint8Array.of(1, 2, 3, 4)]) {
      protectPrivate({ ...suite, aead }, framed, { ...protection, reuseGuard: guard });
    }
    expect(nonces[0]).toBe(messageKey.nonce.join());
    expect(nonces[2]).toBe(messageKey.nonce.map((byte, i) => byte ^ (i < 4 ? i + 1 : 0)).join());
  });

  it('take only generations that are durable', () => {
    const [ann] = three();
    for (let i = 0; i < 8; i++) ann.member.encrypt(text);
    expect(() => ann.member.encrypt(text)).toThrow(refused('generation_not_reserved'));
    ann.save(0, 1);
    expect(ann.member.parts.current.input.own.application).toMatchObject({ next: 8, reserved: 9 });
    ann.member.encrypt(text);
    expect(() => ann.member.encrypt(text)).toThrow(refused('generation_not_reserved'));
  });

  it('go on behind what was reserved after a restart, used or not', () => {
    const [ann, bob] = three();
    ann.save(0, 4); // reserved before: eight
    const sent = [1, 2, 3].map(() => ann.member.encrypt(text));
    ann.restart(ann.copyOfDisk());
    for (const bytes of sent) take(ann, bytes);
    ann.member.caughtUp();
    expect(() => ann.member.encrypt(text)).toThrow(refused('generation_not_reserved'));
    ann.save(0, 1);
    const next = ann.member.encrypt(text);
    for (const bytes of [next, ...sent]) expect(take(bob, bytes)).toMatchObject({ kind: 'application', sender: 0 });
    expect(take(ann, next)).toEqual({ kind: 'own', generation: 8 });
  });

  it('of another copy of the state end this one for good', () => {
    const [ann] = three();
    const copy = ann.copyOfDisk();
    ann.save(0, 12);
    const sent = Array.from({ length: 9 }, () => ann.member.encrypt(text));
    ann.restart(copy);
    for (const bytes of sent.slice(0, 8)) expect(take(ann, bytes)).toMatchObject({ kind: 'own' });
    expect(() => take(ann, sent[8]!)).toThrow(refused('restored_state', 'message 8'));
    for (const use of [() => ann.member.caughtUp(), () => ann.member.encrypt(text), () => take(ann, sent[0]!)]) {
      expect(use).toThrow(refused('bad_state', 'join again'));
    }
  });

  it('are read again after one that did not verify', () => {
    const [ann, bob] = three();
    const message = privateOf(ann.member.encrypt(text));
    const ciphertext = Uint8Array.from(message.ciphertext, (byte, i) => (i === 40 ? byte ^ 1 : byte));
    const process = (changed: PrivateMessage): unknown =>
      bob.member.process({ format: 'private_message', message: changed }, STAMP);
    expect(() => process({ ...message, ciphertext })).toThrow(refused('undecryptable', 'message'));
    expect(() => process({ ...message, authenticatedData: text })).toThrow(refused('undecryptable', 'message'));
    const encryptedSenderData = nodeRandom(message.encryptedSenderData.length);
    expect(() => process({ ...message, encryptedSenderData })).toThrow(refused('undecryptable', 'sender data'));
    expect(() => process({ ...message, groupId: nodeRandom(4) })).toThrow(refused('wrong_group'));
    expect(() => process({ ...message, epoch: message.epoch + 1n })).toThrow(refused('future_epoch'));
    expect(() => process({ ...message, epoch: 0n })).toThrow(refused('stale_epoch'));
    expect(process(message)).toMatchObject({ kind: 'application', data: text });
  });

  it('are refused when signed by nobody, with padding that says something, or from outside', () => {
    const [ann, bob] = three();
    const { options, member, identity } = ann;
    const { suite } = options;
    const { context } = member.group;
    const content = {
      groupId: context.groupId,
      epoch: context.epoch,
      sender: { type: 'member', leafIndex: 0 } as const,
      authenticatedData: new Uint8Array(0),
      content: { type: 'application', data: text } as const,
    };
    const { senderDataSecret } = member.parts.state.secrets;
    const forge = (generation: number, leafIndex: number, signature: Uint8Array): MlsMessage => {
      const { messageKey } = member.parts.current.input.secretTree.keyOf(0, 'application', generation);
      const protection = { senderDataSecret, messageKey, generation, reuseGuard: nodeRandom(4), paddingBytes: 3 };
      const sender = { type: 'member', leafIndex } as const;
      const framed = { content: { ...content, sender }, auth: { signature, confirmationTag: null } };
      return { format: 'private_message', message: protectPrivate(suite, framed, protection) };
    };
    const wireFormat = 'private_message';
    const good = signFramedContent(suite, identity.signingKey.secretKey, { wireFormat, content, context });
    expect(() => bob.member.process(forge(0, 0, nodeRandom(64)), STAMP)).toThrow(refused('bad_signature'));
    expect(() => bob.member.process(forge(0, 3, good), STAMP)).toThrow(refused('bad_sender', 'no member'));
    expect(() => bob.member.process(forge(FORWARD_RATCHET_MAX + 1, 0, good), STAMP)).toThrow(
      refused('bad_generation', 'too far'),
    );
    expect(bob.member.process(forge(FORWARD_RATCHET_MAX, 0, good), STAMP)).toMatchObject({ kind: 'application' });
    const padded = { content, auth: { signature: good, confirmationTag: null } } satisfies Pick<
      AuthenticatedContent,
      'content' | 'auth'
    >;
    const { messageKey } = member.parts.current.input.secretTree.keyOf(0, 'application', 0);
    const aead = { ...suite.aead, seal: sealWithPadding };
    function sealWithPadding(...[key, nonce, aad, plaintext]: Parameters<typeof suite.aead.seal>): Uint8Array {
      const spoilt = Uint8Array.from(plaintext);
      if (plaintext.length > 60) spoilt[spoilt.length - 1] = 1;
      return suite.aead.seal(key, nonce, aad, spoilt);
    }
    const protection = { senderDataSecret, messageKey, generation: 0, reuseGuard: nodeRandom(4), paddingBytes: 3 };
    const message = protectPrivate({ ...suite, aead }, padded, protection);
    expect(openSenderData(suite, message, senderDataSecret).generation).toBe(0);
    expect(() => bob.member.process({ format: 'private_message', message }, STAMP)).toThrow(
      refused('malformed', 'padding'),
    );
  });

  it('wait until proposals are committed', () => {
    const [ann, bob, carl] = three();
    const proposal = bob.member.propose({ type: 'remove', removed: carl.member.ownLeaf }, STAMP);
    deliver([ann, carl], proposal);
    expect(() => ann.member.encrypt(text)).toThrow(refused('bad_state', 'committed before'));
    const { commit } = ann.member.commit({}, STAMP);
    expect(take(carl, commit)).toMatchObject({ kind: 'removed' });
    expect(() => carl.member.encrypt(text)).toThrow(refused('bad_state', 'join again'));
    deliver([ann, bob], commit);
    ann.save(0, 1);
    expect(take(bob, ann.member.encrypt(text))).toMatchObject({ data: text });
  });
});

describe('commits', () => {
  it('count when the log echoes them; the one that came first wins', () => {
    const [ann, bob, carl] = three();
    const lost = ann.member.commit({}, STAMP).commit;
    const won = bob.member.commit({}, STAMP).commit;
    const before = ann.member.epoch;
    expect(ann.member.epoch).toBe(before);
    deliver([ann, bob, carl], won);
    expect([ann, bob, carl].map(({ member }) => member.epoch)).toEqual([before + 1n, before + 1n, before + 1n]);
    for (const device of [ann, bob, carl]) expect(() => take(device, lost)).toThrow(refused('stale_epoch'));
    expect(ann.member.parts.staged).toBeNull();
  });

  it('may be private messages, and are known again all the same', () => {
    const [ann, bob, carl] = three();
    const { commit } = ann.member.commit({ wireFormat: 'private_message' }, STAMP);
    expect(read(commit).format).toBe('private_message');
    deliver([ann, bob, carl], commit);
    expect(ann.member.epochAuthenticator).toEqual(carl.member.epochAuthenticator);
    expect(ann.member.epochAuthenticator).toEqual(bob.member.epochAuthenticator);
  });

  it('with a false tag or path pass in public and fail here, and change nothing', () => {
    const [ann, bob] = three();
    const { format, message } = read(ann.member.commit({}, STAMP).commit);
    if (format !== 'public_message') throw new Error(format);
    const before = bob.member.parts;
    const membershipTag = nodeRandom(32);
    expect(() => bob.member.process({ format, message: { ...message, membershipTag } }, STAMP)).toThrow(
      refused('bad_membership_tag'),
    );
    const auth = { ...message.auth, confirmationTag: nodeRandom(32) };
    expect(() => bob.member.process({ format, message: { ...message, auth } }, STAMP)).toThrow(
      refused('bad_membership_tag'),
    );
    expect(bob.member.parts).toBe(before);
  });

  it('are judged by the stamp of the log when they come back, for their maker as for everybody', () => {
    const [ann, bob] = three();
    const { keyPackage } = createDevice('eve').createKeyPackage();
    const { commit } = ann.member.commit({ proposals: [{ type: 'add', keyPackage }] }, STAMP);
    const late = { ...STAMP, nowSeconds: LIFETIME.notAfter + 1n };
    for (const { member } of [ann, bob]) {
      const before = member.epoch;
      expect(() => member.process(read(commit), late)).toThrow(refused('bad_key_package', 'lifetime'));
      expect(member.epoch).toBe(before);
    }
    deliver([ann, bob], commit);
    expect(bob.member.epochAuthenticator).toEqual(ann.member.epochAuthenticator);
  });

  it('of an own copy make the state useless', () => {
    const [ann, bob, carl] = three();
    const copy = ann.copyOfDisk();
    const { commit } = ann.member.commit({}, STAMP);
    deliver([ann, bob, carl], commit);
    ann.restart(copy);
    expect(() => take(ann, commit)).toThrow(refused('restored_state'));
    expect(() => ann.member.caughtUp()).toThrow(refused('bad_state'));
    ann.save(0);
    ann.restart(ann.copyOfDisk());
    expect(() => ann.member.caughtUp()).toThrow(refused('bad_state'));
  });

  it('add members by pre-shared keys that all of them have', () => {
    const ann = foundedBy('ann');
    const eve = createDevice('eve');
    const own = eve.createKeyPackage();
    const psk = { type: 'external', id: utf8ToBytes('psk'), nonce: nodeRandom(32) } as const;
    const proposals = [
      { type: 'add', keyPackage: own.keyPackage },
      { type: 'psk', psk },
    ] as const;
    expect(() => ann.member.commit({ proposals }, STAMP)).toThrow(refused('unknown_psk'));
    const resumption = { type: 'resumption', usage: 'application', epoch: 0n, nonce: nodeRandom(32) } as const;
    const { groupId } = ann.member.group.context;
    const { welcome, commit } = ann.member.commit(
      { proposals: [proposals[0], { type: 'psk', psk: { ...resumption, groupId } }] },
      STAMP,
    );
    deliver([ann], commit);
    expect(() => eve.join(welcome!, own, ann.member.group.tree, 0)).toThrow(refused('unknown_psk'));
  });
});

describe('joining by a welcome (RFC 9420 section 12.4.3.1)', () => {
  const ann = foundedBy('ann');
  const eve = createDevice('eve');
  const own = eve.createKeyPackage();
  const { commit, welcome } = ann.member.commit({ proposals: [{ type: 'add', keyPackage: own.keyPackage }] }, STAMP);
  deliver([ann], commit);
  const { tree } = ann.member.group;
  const { suite, random } = eve.options;
  const environment = {
    suite,
    random,
    validation: { suite, ...STAMP, application: ANY_APPLICATION },
    findPsk: () => null,
  };
  const input: WelcomeInput = { welcome: welcome!, keyPackages: [own], identity: eve.identity, tree };
  const join = (change: Partial<WelcomeInput>): unknown => joinByWelcome({ ...input, ...change }, environment);

  it('works with the own key package and the tree', () => {
    expect(() => join({})).not.toThrow();
  });

  it('is refused when anything does not fit', () => {
    expect(() => join({ keyPackages: [eve.createKeyPackage()] })).toThrow(refused('bad_welcome', 'none of the key'));
    expect(() => join({ welcome: { ...welcome!, cipherSuite: 1 } })).toThrow(refused('bad_welcome', 'cipher suite'));
    expect(() => join({ tree: null })).toThrow(refused('bad_group_info', 'tree is missing'));
    expect(() => join({ isKnownGroup: () => true })).toThrow(refused('bad_welcome', 'with this id already'));
    const encryptedGroupInfo = nodeRandom(welcome!.encryptedGroupInfo.length);
    expect(() => join({ welcome: { ...welcome!, encryptedGroupInfo } })).toThrow(refused('undecryptable'));
    const { initKeyPair, encryptionKeyPair } = eve.createKeyPackage();
    expect(() => join({ keyPackages: [{ ...own, initKeyPair }] })).toThrow(refused('undecryptable', 'group secrets'));
    expect(() => join({ keyPackages: [{ ...own, encryptionKeyPair }] })).toThrow(
      refused('bad_welcome', 'another private key'),
    );
    const other = foundedBy('other').member.group.tree;
    expect(() => join({ tree: other })).toThrow(refused('bad_group_info', 'signature'));
    const later = tree.clone();
    later.remove(1);
    later.truncate();
    expect(() => join({ tree: later })).toThrow(refused('bad_tree', 'not the one of the group context'));
  });
});
