import { utf8ToBytes } from '@noble/hashes/utils.js';
import { describe, expect, it } from 'vitest';
import { STAMP } from '../../../testing/mls/device.ts';
import { addDevices, createDevice, foundedBy } from '../../../testing/mls/small-group.ts';
import { nodeRandom } from '../../node-random.ts';
import { readMlsMessage } from '../mls-message.ts';
import { decode } from '../tls-reader.ts';
import { withProposal } from '../public-group.ts';
import { buildCommit } from './commit-builder.ts';
import { createGroupInfo } from './group-info-builder.ts';
import { joinByWelcome } from './join-by-welcome.ts';
import { pskSecret } from './psk-secret.ts';
import { createWelcome } from './welcome-builder.ts';
import { protectPrivate, signFramedContent } from './message-protection.ts';
import type { MlsDevice } from '../../../testing/mls/device.ts';
import type { Content, FramedContent } from '../framed-content.ts';
import type { KeyPackage } from '../key-package.ts';
import type { MlsMessage } from '../mls-message.ts';
import type { BuiltCommit } from './commit-builder.ts';
import type { MemberEnvironment } from './environment.ts';
import type { EpochState } from './epoch-state.ts';

/** What a member can make who has the secrets of the epoch, but not the signing key of the one it speaks for. */

const refused = (code: string, text: string): unknown =>
  expect.objectContaining({ code, message: expect.stringContaining(text) });
const text = { type: 'application', data: utf8ToBytes('hello') } as const;

function two(): [MlsDevice, MlsDevice] {
  const ann = foundedBy('ann');
  const [bob] = addDevices(ann, ['bob']) as [MlsDevice];
  for (const device of [ann, bob]) device.save(0, 4);
  return [ann, bob];
}

/** A private message in the name of `victim`, signed and encrypted with what `by` has. */
function inTheNameOf(victim: MlsDevice, by: MlsDevice, generation: number, content: Content = text): MlsMessage {
  const { suite } = by.options;
  const { parts } = by.member;
  const { context } = parts.state.group;
  const framed: FramedContent = {
    groupId: context.groupId,
    epoch: context.epoch,
    sender: { type: 'member', leafIndex: victim.member.ownLeaf },
    authenticatedData: new Uint8Array(0),
    content,
  };
  const { secretKey } = by.identity.signingKey;
  const signature = signFramedContent(suite, secretKey, { wireFormat: 'private_message', content: framed, context });
  const type = content.type === 'application' ? 'application' : 'handshake';
  const { messageKey } = parts.current.input.secretTree.keyOf(victim.member.ownLeaf, type, generation);
  const { senderDataSecret } = parts.state.secrets;
  const protection = { senderDataSecret, messageKey, generation, reuseGuard: nodeRandom(4), paddingBytes: 0 };
  const auth = { signature, confirmationTag: content.type === 'commit' ? new Uint8Array(32) : null };
  return { format: 'private_message', message: protectPrivate(suite, { content: framed, auth }, protection) };
}

interface Invitation {
  readonly made?: BuiltCommit;
  readonly state?: EpochState;
}

/** A commit that adds somebody, before anything is made of it. */
function addBy({ member, identity }: MlsDevice, keyPackage: KeyPackage, environment: MemberEnvironment): BuiltCommit {
  const { group, secrets, privateKeys } = member.parts.state;
  const proposal = { type: 'add', keyPackage } as const;
  const sender = { type: 'member', leafIndex: member.ownLeaf } as const;
  return buildCommit(
    {
      group,
      identity,
      sender,
      sourced: [{ proposal, sender }],
      proposals: [{ type: 'proposal', proposal }],
      alwaysPath: true,
      authenticatedData: new Uint8Array(0),
      wireFormat: 'public_message',
      initSecret: secrets.initSecret,
      privateKeys,
    },
    environment,
  );
}

describe('a committer', () => {
  const [ann] = two();
  const carl = createDevice('carl');
  const own = carl.createKeyPackage();
  const { suite, random, application } = ann.options;
  const key = random(32);
  const environment = { suite, random, validation: { suite, ...STAMP, application }, findPsk: () => key };
  const built = addBy(ann, own.keyPackage, environment);
  const { tree } = built.applied.group.after;

  /** What an honest joiner makes of an invitation. */
  function invite({ made = built, state = built.next.state }: Invitation): void {
    const welcome = createWelcome(suite, made, createGroupInfo(suite, state, {}), random)!;
    joinByWelcome({ welcome, keyPackages: [own], identity: carl.identity, tree }, environment);
  }

  it('cannot invite somebody and withhold the keys above them, or give others', () => {
    expect(() => invite({})).not.toThrow();
    expect(() => invite({ made: { ...built, path: null } })).toThrow(refused('bad_welcome', 'withholds the key'));
    const secrets = built.path!.secrets.map((step) => ({ ...step, pathSecret: random(32) }));
    expect(() => invite({ made: { ...built, path: { ...built.path!, secrets } } })).toThrow(
      refused('bad_path', 'does not give the key'),
    );
  });

  it('cannot invite somebody into an epoch that the others are not in', () => {
    const { state } = built.next;
    const confirmationTag = random(32);
    expect(() => invite({ state: { ...state, group: { ...state.group, confirmationTag } } })).toThrow(
      refused('bad_confirmation_tag', 'not valid'),
    );
    const { signingKey } = createDevice('eve').identity;
    expect(() => invite({ state: { ...state, identity: { ...state.identity, signingKey } } })).toThrow(
      refused('bad_group_info', 'signature'),
    );
  });

  it('cannot pass a later epoch off as the beginning of a group that continues another one', () => {
    const continuing = (count: number): void => {
      const psks = Array.from({ length: count }, () => {
        return { type: 'resumption', usage: 'reinit', groupId: random(8), epoch: 1n, nonce: random(32) } as const;
      });
      const secret = pskSecret(
        suite,
        psks.map((id) => ({ id, secret: key })),
      );
      const joiner = { ...built.joiner, pskSecret: secret };
      invite({ made: { ...built, joiner, applied: { ...built.applied, psks } } });
    };
    expect(() => continuing(1)).toThrow(refused('bad_welcome', 'in its first epoch'));
    expect(() => continuing(2)).toThrow(refused('bad_welcome', 'more than one group'));
  });

  it('cannot make others keep proposals without end', () => {
    let { group } = ann.member;
    const sender = { type: 'member', leafIndex: 0 } as const;
    const waiting = { proposal: { type: 'remove', removed: 1 }, sender } as const;
    const reference = (i: number): Uint8Array => Uint8Array.of(i >> 8, i & 255);
    for (let i = 0; i < 1_024; i++) group = withProposal(group, reference(i), waiting);
    expect(() => withProposal(group, reference(1_024), waiting)).toThrow(refused('forbidden', 'wait for a commit'));
    expect(withProposal(group, reference(3), waiting).proposals.size).toBe(1_024);
  });
});

describe('a member who speaks for another', () => {
  it('is not believed by the others', () => {
    const [ann, bob] = two();
    expect(() => bob.member.process(inTheNameOf(ann, bob, 0), STAMP)).toThrow(refused('bad_signature', 'message'));
  });

  it('cannot make them throw their state away', () => {
    const [ann, bob] = two();
    expect(() => ann.member.process(inTheNameOf(ann, bob, 3), STAMP)).toThrow(refused('bad_signature', 'message'));
    const { message } = inTheNameOf(ann, bob, 3) as Extract<MlsMessage, { format: 'private_message' }>;
    const garbled = { ...message, authenticatedData: utf8ToBytes('other') };
    expect(() => ann.member.process({ format: 'private_message', message: garbled }, STAMP)).toThrow(
      refused('undecryptable', 'message'),
    );
    const commit = { type: 'commit', commit: { proposals: [], path: null } } as const;
    expect(() => ann.member.process(inTheNameOf(ann, bob, 0, commit), STAMP)).toThrow(
      refused('bad_signature', 'message'),
    );
    expect(ann.member.parts.isDiscarded).toBe(false);
    ann.member.commit({ wireFormat: 'private_message' }, STAMP);
    const used = inTheNameOf(ann, bob, 0, commit);
    expect(() => ann.member.process(used, STAMP)).toThrow(refused('undecryptable', 'not the staged one'));
    expect(ann.member.parts.isDiscarded).toBe(false);
    const sent = decode(readMlsMessage, ann.member.encrypt(text.data));
    expect(bob.member.process(sent, STAMP)).toMatchObject({ kind: 'application', data: text.data });
  });
});
