import { utf8ToBytes } from '@noble/hashes/utils.js';
import { describe, expect, it } from 'vitest';
import { STAMP } from '../../../testing/mls/device.ts';
import { addDevices, foundedBy } from '../../../testing/mls/small-group.ts';
import { nodeRandom } from '../../node-random.ts';
import { readMlsMessage } from '../mls-message.ts';
import { decode } from '../tls-reader.ts';
import { protectPrivate, signFramedContent } from './message-protection.ts';
import type { MlsDevice } from '../../../testing/mls/device.ts';
import type { Content, FramedContent } from '../framed-content.ts';
import type { MlsMessage } from '../mls-message.ts';

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
