import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { serveForTest } from '../api/test-server.ts';
import { createInterimConversation } from '../crypto/conversation-interim.ts';
import { createUserKey } from '../crypto/identity.ts';
import { nodeRandom } from '../crypto/node-random.ts';
import { fromBase64Url, toBase64Url } from '../protocol/base64url.ts';
import { encodeContent } from '../protocol/content.ts';
import { ApiPerson, nextTxnId } from '../testing/api-person.ts';
import { TestClient } from '../testing/client/test-client.ts';
import { problemOf } from '../testing/client/test-network.ts';
import { LocalChatNode } from '../testing/local-chat-node.ts';
import type { TestServer } from '../api/test-server.ts';
import type { AccountJsonT, MessageJsonT } from '../protocol/http/schemas.ts';
import type { DeviceId, RoomId } from '../protocol/ids.ts';

const MS_MAX = 10_000;
const PAGE = /\/messages\?/;

interface PageJson {
  messages: MessageJsonT[];
  lastSeq: number;
  cursor: string;
}

describe('what is read', () => {
  let server: TestServer;
  let second: TestServer;
  let endpoints: string[];
  let round = 0;
  let ann: TestClient;
  let bob: TestClient;
  let room: RoomId;
  /** What bob calls ann. */
  let annName: string;

  beforeAll(async () => {
    const node = new LocalChatNode();
    server = await serveForTest(node);
    second = await serveForTest(node);
    endpoints = [server.url];
  });
  afterAll(() => Promise.all([server.close(1_000), second.close(1_000)]));
  beforeEach(async () => {
    round += 1;
    annName = `ann${round}`;
    ann = await TestClient.registered(annName, { endpoints });
    bob = await TestClient.registered(`bob${round}`, { endpoints });
    await ann.say(`@bob${round}`, 'one');
    await ann.say(`@bob${round}`, 'two');
    ({ room } = await bob.client.rooms.resolve(`@${annName}`, MS_MAX));
  });

  const lie = (change: (messages: MessageJsonT[]) => MessageJsonT[]): (() => void) =>
    bob.network.lie<PageJson>('GET', PAGE, (page) => {
      const messages = change(page.messages);
      return { ...page, messages, lastSeq: messages.at(-1)?.seq ?? 0 };
    });
  /** Of two nodes the first says what `change` makes of its page. */
  const readThroughLiar = async (change: (page: PageJson) => unknown): Promise<string[]> => {
    const reader = await TestClient.open({ endpoints: [server.url, second.url], store: bob.store });
    let lies = 0;
    reader.network.interpose((request) => {
      if (request.origin !== server.url || !PAGE.test(request.path)) return undefined;
      lies += 1;
      return request.deliver().then(async (response) => {
        const lie = change((await response.json()) as PageJson);
        return lie instanceof ReadableStream ? new Response(lie) : Response.json(lie);
      });
    });
    const texts = await reader.texts(`@${annName}`);
    expect(lies).toBe(1);
    return texts;
  };
  const readBack = (): Promise<string[]> => bob.texts(`@${annName}`);

  it('is what was written, in order, as often as it is read', async () => {
    expect(await readBack()).toEqual(['one', 'two']);
    expect(await readBack()).toEqual(['one', 'two']);
    const [line] = await bob.lines(`@${annName}`, 1);
    expect(line).toMatchObject({ room, seq: 2, from: annName, account: annName, text: 'two' });
    expect(line!.id).toMatch(/^[0-9A-Z]{26}-D[a-z2-7]{26}$/);
    expect(line!.sentAt).toMatch(/^\d{4}-.*Z$/);
    expect(line).not.toHaveProperty('unreadable');
    expect(await ann.texts(`@bob${round}`)).toEqual(['one', 'two']);
  });

  it('is read in pages, from the end or behind a place', async () => {
    for (let i = 3; i <= 7; i++) await ann.say(`@bob${round}`, String(i));
    const seqs = async (options: { after?: number; limit?: number }): Promise<number[]> => {
      const found: number[] = [];
      for await (const { lines } of bob.client.read(`@${annName}`, options)) found.push(...lines.map(({ seq }) => seq));
      return found;
    };
    expect(await seqs({ limit: 3 })).toEqual([5, 6, 7]);
    expect(await seqs({ after: 2 })).toEqual([3, 4, 5, 6, 7]);
    expect(await seqs({ after: 2, limit: 2 })).toEqual([3, 4]);
    expect(await seqs({ after: 7 })).toEqual([]);
    expect(await seqs({ after: 700 })).toEqual([]);
  });

  it('fits together from many pages', async () => {
    const own = await TestClient.registered(`many${round}`, { endpoints });
    const crowd = await own.client.rooms.createGroup('crowd', [], MS_MAX);
    for (let i = 1; i <= 210; i++) await own.say(`room:${crowd}`, String(i));
    const expected = Array.from({ length: 210 }, (_, i) => i + 1);
    expect((await own.lines('crowd', 0)).map(({ seq }) => seq)).toEqual(expected);
    const last: number[] = [];
    for await (const { lines } of own.client.read('crowd', { limit: 1_000 })) last.push(...lines.map(({ seq }) => seq));
    expect(last).toEqual(expected);
  });

  it('is what was written since one joined', async () => {
    const carl = await TestClient.registered(`carl${round}`, { endpoints });
    const group = await ann.client.rooms.createGroup('garden', [], MS_MAX);
    for (let i = 1; i <= 3; i++) await ann.say('garden', String(i));
    await ann.client.rooms.add(group, `carl${round}`, MS_MAX);
    expect(await carl.texts('garden')).toEqual([]);
    await ann.say('garden', '4');
    expect(await carl.texts('garden')).toEqual(['4']);
    expect((await carl.lines('garden', 0)).map(({ seq }) => seq)).toEqual([4]);
  });

  it('is not what was sent before this device was enrolled', async () => {
    const second = await TestClient.open({ endpoints });
    const { code } = await second.client.enrolment.request(`bob${round}`);
    await bob.client.enrolment.approve(code);
    await second.client.enrolment.awaitApproval(MS_MAX);
    await ann.say(`@bob${round}`, 'three');
    expect(await second.texts(`@${annName}`)).toEqual(['(before_device)', '(before_device)', 'three']);
    const [line] = await second.lines(`@${annName}`, 0);
    expect(line).toMatchObject({ seq: 1, from: annName, text: null, unreadable: 'before_device' });
  });

  it('counts once: the same envelope at another place is a duplicate', async () => {
    const stop = lie((messages) => [...messages, { ...messages[0]!, seq: 3 }]);
    expect(await readBack()).toEqual(['one', 'two', '(duplicate)']);
    stop();
    expect(await readBack()).toEqual(['one', 'two']);
    lie(([first, second]) =>
      [
        { ...first!, seq: 2 },
        { ...second!, seq: 1 },
      ].toSorted((a, b) => a.seq - b.seq),
    );
    expect(await readBack()).toEqual(['(duplicate)', '(duplicate)']);
  });

  it('says so when the messages of one sender stand in another order than they were written in', async () => {
    await ann.say(`@bob${round}`, 'three');
    const flags = async (): Promise<unknown[]> =>
      (await bob.lines(`@${annName}`, 0)).map(({ text, unreadable, outOfOrder }) => [text ?? unreadable, outOfOrder]);
    const stop = lie(([first, second, third]) => [first!, { ...third!, seq: 2 }, { ...second!, seq: 3 }]);
    expect(await flags()).toEqual([
      ['one', undefined],
      ['three', undefined],
      ['two', true],
    ]);
    stop();
    const carl = await TestClient.open({ endpoints, store: bob.store });
    expect((await carl.lines(`@${annName}`, 0)).map(({ text, unreadable }) => text ?? unreadable)).toEqual([
      'one',
      'duplicate',
      'duplicate',
    ]);
  });

  it('says so of what a device writes that went on from an old copy of its store', async () => {
    const carl = await ApiPerson.join(server.url, `carl${round}`);
    const { account } = await bob.client.rooms.person(`bob${round}`, MS_MAX);
    const direct = await carl.createRoom('direct', [account]);
    for (const [text, senderCounter] of [
      ['one', 1],
      ['two', 2],
      ['again one', 1],
      ['three', 3],
      ['again three', 3],
    ] as const) {
      await writeAs(carl, direct, encodeContent({ type: 'text', text }), senderCounter);
    }
    expect((await bob.lines(`@carl${round}`, 0)).map(({ text, outOfOrder }) => [text, outOfOrder ?? false])).toEqual([
      ['one', false],
      ['two', false],
      ['again one', true],
      ['three', false],
      ['again three', true],
    ]);
  });

  it('is not what was written in another room', async () => {
    const group = await ann.client.rooms.createGroup('garden', [`bob${round}`], MS_MAX);
    await ann.say(`room:${group}`, 'for the garden');
    const [moved] = ((await (await fetchPage(bob, group)).json()) as PageJson).messages;
    lie((messages) => [...messages, { ...moved!, room, seq: 3 }]);
    expect(await readBack()).toEqual(['one', 'two', '(wrong_room)']);
  });

  it('is not what goes by the id of another message', async () => {
    lie((messages) => messages.map((message) => ({ ...message, id: `${nextTxnId()}-${message.device}` })));
    expect(await readBack()).toEqual(['(wrong_id)', '(wrong_id)']);
  });

  it('is by whom it says', async () => {
    const carl = await TestClient.registered(`carl${round}`, { endpoints });
    await bob.client.rooms.person(`carl${round}`, MS_MAX);
    const { account: carlId } = await carl.client.rooms.person(`carl${round}`, MS_MAX);
    await readBack();
    for (const change of [{ from: `carl${round}` }, { fromId: carlId }, { from: `carl${round}`, fromId: carlId }]) {
      const stop = lie((messages) => messages.map((message) => ({ ...message, ...change })));
      expect(await readBack()).toEqual(['(wrong_id)', '(wrong_id)']);
      stop();
    }
    const { device } = await carl.client.whoAmI();
    lie((messages) =>
      messages.map((message) => {
        const id = message.id.replace(message.device, device);
        return { ...message, from: `carl${round}`, fromId: carlId, device, id };
      }),
    );
    expect(await readBack()).toEqual(['(wrong_sender)', '(wrong_sender)']);
  });

  it('is not by a device that nobody vouches for', async () => {
    const evil = await ApiPerson.join(server.url, `evil${round}`);
    lie((messages) =>
      messages.map((message) => {
        const device = evil.deviceId;
        return { ...message, device, id: message.id.replace(message.device, device) };
      }),
    );
    expect(await readBack()).toEqual(['(unknown_device)', '(unknown_device)']);
    expect(bob.network.count('GET', /^\/v1\/accounts\/ann/)).toBe(2);
  });

  it('is not by somebody whose key has changed', async () => {
    const third = await TestClient.open({ endpoints });
    const { code } = await third.client.enrolment.request(annName);
    await ann.client.enrolment.approve(code);
    await third.client.enrolment.awaitApproval(MS_MAX);
    await third.say(`@bob${round}`, 'three');
    await bob.client.rooms.person(annName, MS_MAX);
    const fresh = await TestClient.open({ endpoints, store: bob.store.copy() });
    await fresh.store.transaction(async (tx) => {
      for (const [key] of await tx.list('device/')) tx.delete(key);
    });
    const other = createUserKey(nodeRandom);
    fresh.network.lie<AccountJsonT>('GET', /^\/v1\/accounts\//, (told) => ({
      ...told,
      accountId: other.account,
      userKey: toBase64Url(other.signing.publicKey),
    }));
    expect(await fresh.texts(`@${annName}`)).toEqual(Array.from({ length: 3 }, () => '(user_key_changed)'));
  });

  it('is not what somebody has tampered with', async () => {
    lie((messages) =>
      messages.map((message) => {
        const bytes = Uint8Array.from(fromBase64Url(message.envelope!));
        bytes[bytes.length - 1]! ^= 1;
        return { ...message, envelope: toBase64Url(bytes) };
      }),
    );
    expect(await readBack()).toEqual(['(bad_signature)', '(bad_signature)']);
  });

  it('is not what is no envelope', async () => {
    lie((messages) => messages.map((message) => ({ ...message, envelope: 'AAAA' })));
    expect(await readBack()).toEqual(['(malformed)', '(malformed)']);
  });

  it('may be of a newer program, of another purpose, or of no form at all', async () => {
    const carl = await ApiPerson.join(server.url, `carl${round}`);
    const { account } = await bob.client.rooms.person(`bob${round}`, MS_MAX);
    const direct = await carl.createRoom('direct', [account]);
    const contents = [
      Uint8Array.of(0x93, 2, 0xa4, ...Buffer.from('text'), 0x80), // version 2 of the format
      encodeContent({ type: 'room-meta', name: 'garden' }),
      Uint8Array.of(0xc1),
      encodeContent({ type: 'text', text: 'hello' }),
    ];
    for (const [i, content] of contents.entries()) await writeAs(carl, direct, content, i + 1);
    expect(await bob.texts(`@carl${round}`)).toEqual(['(unsupported)', '(unsupported)', '(malformed)', 'hello']);
  });

  it.each<[string, (page: PageJson) => unknown]>([
    ['in the wrong order', (page) => ({ ...page, messages: page.messages.toReversed() })],
    [
      'with a hole',
      ({ messages, ...page }) => ({ ...page, messages: [messages[0], { ...messages[1], seq: 3 }], lastSeq: 3 }),
    ],
    ['with a number that is none', (page) => ({ ...page, messages: page.messages.map((m) => ({ ...m, seq: '1' })) })],
    ['ending before its last message', (page) => ({ ...page, lastSeq: 1 })],
    ['with an id of another device', (page) => ({ ...page, messages: page.messages.map((m) => ({ ...m, id: 'x' })) })],
    [
      'with an envelope that is no text',
      (page) => ({ ...page, messages: page.messages.map((m) => ({ ...m, envelope: 7 })) }),
    ],
    [
      'with an envelope of no base64url',
      (page) => ({ ...page, messages: page.messages.map((m) => ({ ...m, envelope: 'AB' })) }),
    ],
    [
      'with a time that is none',
      (page) => ({ ...page, messages: page.messages.map((m) => ({ ...m, sentAt: '\u001B[2J' })) }),
    ],
    ['by a name that is none', (page) => ({ ...page, messages: page.messages.map((m) => ({ ...m, from: 'a/../b' })) })],
    ['that is a list', ({ messages }) => messages],
    ['that is null', () => null],
  ])('comes from another node instead of a page %s', async (_what, change) => {
    const page = await readThroughLiar(change);
    expect(page).toEqual(['one', 'two']);
  });

  it('comes from another node instead of a page of another room', async () => {
    const group = await ann.client.rooms.createGroup('garden', [`bob${round}`], MS_MAX);
    await ann.say(`room:${group}`, 'for the garden');
    const other = (await (await fetchPage(bob, group)).json()) as PageJson;
    expect(await readThroughLiar(() => other)).toEqual(['one', 'two']);
  });

  it('comes from another node instead of an endless answer', async () => {
    let pulled = 0;
    const endless = new ReadableStream({
      pull: (controller) => {
        pulled += 1;
        controller.enqueue(new Uint8Array(1024 * 1024));
      },
    });
    expect(await readThroughLiar(() => endless)).toEqual(['one', 'two']);
    expect(pulled).toBeGreaterThan(1);
    expect(pulled).toBeLessThan(30);
  });

  it('says so when a node that is needed to tell who wrote it does not answer', async () => {
    await bob.store.transaction(async (tx) => {
      for (const [key] of await tx.list('device/')) tx.delete(key);
    });
    bob.network.answer('GET', /^\/v1\/accounts\/ann/, () => problemOf('unauthenticated', 401));
    await expect(readBack()).rejects.toMatchObject({ code: 'unauthenticated' });
  });
});

async function fetchPage(person: TestClient, room: RoomId): Promise<Response> {
  const { endpoints } = await person.client.whoAmI();
  await person.client.account.devices();
  const headers = { authorization: person.network.lastAuthorization };
  return fetch(`${endpoints[0]!}/v1/rooms/${room}/messages`, { headers });
}

/** Sends a content of any form, under any count. */
async function writeAs(person: ApiPerson, room: RoomId, content: Uint8Array, senderCounter: number): Promise<void> {
  const roster = await person.room(room);
  const recipients = roster.members.flatMap(({ devices }) =>
    devices.map(({ device, sealingKey }) => ({ device: device as DeviceId, sealingKey: fromBase64Url(sealingKey) })),
  );
  const txnId = nextTxnId();
  const envelope = createInterimConversation({ random: nodeRandom }).seal({
    purpose: 'message',
    cluster: person.cluster!,
    room,
    rosterVersion: roster.rosterVersion,
    sender: { device: person.deviceId, signingSecret: person.device.signing.secretKey },
    txnId,
    recipients,
    content,
    r: nodeRandom(32),
    senderCounter,
  });
  const answer = await person.call('PUT', `/v1/rooms/${room}/messages/${txnId}`, { envelope: toBase64Url(envelope) });
  expect(answer.status).toBe(200);
}
