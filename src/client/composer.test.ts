import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { serveForTest } from '../api/test-server.ts';
import { createInterimConversation } from '../crypto/conversation-interim.ts';
import { nodeRandom } from '../crypto/node-random.ts';
import { fromBase64Url, toBase64Url } from '../protocol/base64url.ts';
import { encodeContent } from '../protocol/content.ts';
import { ApiPerson, nextTxnId } from '../testing/api-person.ts';
import { TestClient } from '../testing/client/test-client.ts';
import { LocalChatNode } from '../testing/local-chat-node.ts';
import { messagesOf, OddAnswer } from './answers.ts';
import type { TestServer } from '../api/test-server.ts';
import type { Content } from '../protocol/content.ts';
import type { Relation } from '../protocol/envelope-extensions.ts';
import type { DeviceId, Seq } from '../protocol/ids.ts';

const MS_MAX = 10_000;
const SEND = { timeoutMs: MS_MAX };

describe('what people do to messages', () => {
  let server: TestServer;
  let endpoints: string[];
  let round = 0;
  let [annName, bobName] = ['', ''];
  let ann: TestClient;
  let bob: TestClient;

  beforeAll(async () => {
    server = await serveForTest(new LocalChatNode());
    endpoints = [server.url];
  });
  afterAll(() => server.close(1_000));
  beforeEach(async () => {
    round += 1;
    [annName, bobName] = [`ann${round}`, `bob${round}`];
    ann = await TestClient.registered(annName, { endpoints });
    bob = await TestClient.registered(bobName, { endpoints });
    await ann.say(`@${bobName}`, 'one');
  });
  const read = async () => (await bob.lines(`@${annName}`)).map(({ seq, text }) => [seq, text]);

  it('answers, threads, mentions', async () => {
    await bob.say(`@${annName}`, 'two');
    await ann.client.send(`@${bobName}`, `hear, @${bobName} and @nobody-${round}`, { ...SEND, replyTo: 2, thread: 1 });
    const line = (await bob.lines(`@${annName}`, 2))[0]!;
    expect(line).toMatchObject({ seq: 3, replyTo: 2, thread: 1, mentions: [bobName] });
  });

  it('edits, reacts, and takes that back', async () => {
    await ann.client.messages.edit(`@${bobName}`, 1, 'One', SEND);
    await bob.client.messages.react(`@${annName}`, 1, '👍', SEND);
    const [, edit, reaction] = await ann.lines(`@${bobName}`);
    expect(edit).toMatchObject({ seq: 2, text: 'One', edits: 1, from: annName });
    expect(reaction).toMatchObject({ seq: 3, text: null, reaction: '👍', reactsTo: 1, from: bobName });
    await expect(bob.client.messages.edit(`@${annName}`, 1, 'mine', SEND)).rejects.toMatchObject({ code: 'forbidden' });
    await expect(ann.client.unreact(`@${bobName}`, 1, '👍', MS_MAX)).rejects.toMatchObject({ code: 'no_such_message' });
    expect(await bob.client.unreact(`@${annName}`, 1, '👍', MS_MAX)).toEqual([3]);
    expect((await ann.lines(`@${bobName}`)).at(-1)).toMatchObject({ seq: 3, text: null, gone: 'deleted' });
  });

  it('deletes, with what hangs on it, and nothing blocks the outbox for it', async () => {
    await ann.client.messages.edit(`@${bobName}`, 1, 'One', SEND);
    expect(await ann.client.messages.delete(`@${bobName}`, 1, MS_MAX)).toMatchObject({ seqs: [1, 2] });
    await expect(ann.client.messages.react(`@${bobName}`, 1, '👎', SEND)).rejects.toMatchObject({
      code: 'no_such_message',
    });
    await ann.say(`@${bobName}`, 'after');
    expect(await read()).toEqual([
      [1, null],
      [2, null],
      [3, 'after'],
    ]);
  });

  it('believes a content only when it does what the header tells the nodes', async () => {
    const carl = await ApiPerson.join(server.url, `carl${round}`);
    const { account } = await bob.client.rooms.person(bobName, MS_MAX);
    const room = await carl.createRoom('direct', [account]);
    const forge = async (content: Content, relation?: Relation) => {
      const roster = await carl.room(room);
      const txnId = nextTxnId();
      const envelope = createInterimConversation({ random: nodeRandom }).seal({
        purpose: 'message',
        cluster: carl.cluster!,
        room,
        rosterVersion: roster.rosterVersion,
        sender: { device: carl.deviceId, signingSecret: carl.device.signing.secretKey },
        txnId,
        recipients: roster.members.flatMap(({ devices }) =>
          devices.map((it) => ({ device: it.device as DeviceId, sealingKey: fromBase64Url(it.sealingKey) })),
        ),
        content: encodeContent(content),
        extensions: relation === undefined ? {} : { relation },
        r: nodeRandom(32),
        senderCounter: 1,
      });
      const body = { envelope: toBase64Url(envelope) };
      expect((await carl.call('PUT', `/v1/rooms/${room}/messages/${txnId}`, body)).status).toBe(200);
    };
    await forge({ type: 'text', text: 'one' });
    await forge({ type: 'edit', text: 'an edit of nothing' });
    await forge({ type: 'text', text: 'a message that counts as none' }, { type: 'reaction', seq: 1 as Seq });
    await forge({ type: 'reaction', reaction: 'x' }, { type: 'edit', seq: 1 as Seq });
    expect(await bob.texts(`@carl${round}`)).toEqual(['one', '(malformed)', '(malformed)', '(malformed)']);
  });

  it('is shown either with its envelope, or as gone', async () => {
    const { room } = await ann.client.rooms.resolve(`@${bobName}`, MS_MAX);
    const { fromId, device } = { fromId: `A${'a'.repeat(26)}`, device: `D${'a'.repeat(26)}` };
    const message = {
      room,
      seq: 1,
      id: `x-${device}`,
      from: annName,
      fromId,
      device,
      sentAt: new Date(0).toISOString(),
    };
    const page = (more: object) =>
      messagesOf(room, { limit: 1 })({ messages: [{ ...message, ...more }], lastSeq: 1, cursor: 'c' });
    for (const shown of [{ envelope: 'AAAA' }, { gone: 'deleted' }]) expect(() => page(shown)).not.toThrow();
    for (const odd of [{}, { envelope: 'AAAA', gone: 'deleted' }, { gone: 'lost' }])
      expect(() => page(odd)).toThrow(OddAnswer);
  });
});
