import { describe, expect, it } from 'vitest';
import { nodeRandom } from '../../crypto/node-random.ts';
import { testIdentity } from '../../testing/test-identity.ts';
import { answerHandshake, beginHandshake, type HandshakeEnv, type RemoteParty } from './pair-handshake.ts';
import type { NodeName } from '../../protocol/ids.ts';

const TAG = new Uint8Array(8).fill(1);

const envOf = (name: string, boot: number, clusterTag = TAG): HandshakeEnv => ({
  self: { name: name as NodeName, boot },
  ...{ identity: testIdentity(name), clusterTag, random: nodeRandom },
});
const remote = (name: string, boot: number, keysOf = name): RemoteParty => ({
  ...{ name: name as NodeName, boot, identity: testIdentity(keysOf).public },
});

describe('a handshake of two processes', () => {
  const begun = beginHandshake(envOf('n1', 1), remote('n2', 2))!;

  it('gives both the same keys, and each its own to send with', () => {
    const answer = answerHandshake(envOf('n2', 2), remote('n1', 1), begun.message)!;
    const keys = begun.finish(answer.reply)!;
    expect(keys.sendStream).toEqual(answer.stream);
    expect(answer.keys.sendStream).toEqual(begun.stream);
    expect(keys.tagSendKey).toEqual(answer.keys.tagReceiveKey);
    expect(keys.tagReceiveKey).toEqual(answer.keys.tagSendKey);
    expect(keys.tagSendKey).not.toEqual(keys.tagReceiveKey);
  });

  it.each<[string, HandshakeEnv, RemoteParty]>([
    ['another process of the node it is for', envOf('n2', 3), remote('n1', 1)],
    ['another process of the node it is from', envOf('n2', 2), remote('n1', 4)],
    [
      'another node with the name of the one it is for',
      { ...envOf('n2', 2), identity: testIdentity('n3') },
      remote('n1', 1),
    ],
    ['another node with the name of the one it is from', envOf('n2', 2), remote('n1', 1, 'n3')],
    ['the same keys under another name', { ...envOf('n3', 2), identity: testIdentity('n2') }, remote('n1', 1)],
    ['another cluster', envOf('n2', 2, new Uint8Array(8).fill(2)), remote('n1', 1)],
  ])('is none with %s', (_, env, from) => {
    expect(answerHandshake(env, from, begun.message)).toBeNull();
  });

  it('is not finished by a reply that was changed, or is another one’s', () => {
    const fresh = beginHandshake(envOf('n1', 1), remote('n2', 2))!;
    const answer = answerHandshake(envOf('n2', 2), remote('n1', 1), begun.message)!;
    expect(fresh.finish(answer.reply)).toBeNull();
  });
});
