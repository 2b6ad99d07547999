import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { serveForTest } from '../api/test-server.ts';
import { ApiPerson } from '../testing/api-person.ts';
import { TestClient } from '../testing/client/test-client.ts';
import { laggingBehind } from '../testing/lagging-node.ts';
import { LocalChatNode } from '../testing/local-chat-node.ts';
import type { TestServer } from '../api/test-server.ts';
import type { AccountJsonT, RoomDetailJson, RoomSummaryJson } from '../protocol/http/schemas.ts';

const MS_MAX = 10_000;
const ROOM = /^\/v1\/rooms\/R[^/]*$/;
const ROOM_LIST = /^\/v1\/rooms\?/;

describe('rooms', () => {
  let node: LocalChatNode;
  let server: TestServer;
  let endpoints: string[];
  let round = 0;
  let ann: TestClient;
  let bob: TestClient;
  let bobName: string;
  const accountOf = async (person: TestClient, name: string): Promise<string> =>
    (await person.client.rooms.person(name, MS_MAX)).account;

  beforeAll(async () => {
    node = new LocalChatNode();
    server = await serveForTest(node);
    endpoints = [server.url];
  });
  afterAll(() => server.close(1_000));
  beforeEach(async () => {
    round += 1;
    bobName = `bob${round}`;
    ann = await TestClient.registered(`ann${round}`, { endpoints });
    bob = await TestClient.registered(bobName, { endpoints });
  });

  it('have names that only members read, sealed on the way', async () => {
    const room = await ann.client.rooms.createGroup('Geheimer Garten', [`@${bobName}`], MS_MAX);
    expect(await bob.client.rooms.list(MS_MAX)).toEqual([{ room, kind: 'group', name: 'Geheimer Garten', lastSeq: 0 }]);
    const sent = JSON.stringify(ann.network.bodies('POST', /rooms/));
    expect(sent).not.toContain('Garten');
    expect(sent).not.toContain(Buffer.from('Geheimer Garten').toString('base64url').slice(1, -1));
  });

  it('of two are named after the other', async () => {
    await ann.say(`@${bobName}`, 'hello');
    expect(await ann.client.rooms.list(MS_MAX)).toMatchObject([{ kind: 'direct', name: bobName, lastSeq: 1 }]);
    expect(await bob.client.rooms.list(MS_MAX)).toMatchObject([{ kind: 'direct', name: `ann${round}`, lastSeq: 1 }]);
  });

  it('are opened by the first message, by whom ever it is', async () => {
    const other = `@ann${round}`;
    expect(await ann.texts(`@${bobName}`)).toEqual([]);
    expect(ann.network.count('POST', /rooms/)).toBe(0);
    expect((await Promise.all([ann.say(`@${bobName}`, 'one'), bob.say(other, 'two')])).toSorted()).toEqual([1, 2]);
    expect((await ann.texts(`@${bobName}`)).toSorted()).toEqual(['one', 'two']);
    expect(await bob.texts(other)).toEqual(await ann.texts(`@${bobName}`));
  });

  it('are found by name, person or id', async () => {
    const room = await ann.client.rooms.createGroup('garden', [bobName], MS_MAX);
    expect(await bob.client.rooms.resolve('garden', MS_MAX)).toEqual({ room, peer: null });
    expect(await bob.client.rooms.resolve(`room:${room}`, MS_MAX)).toEqual({ room, peer: null });
    const direct = await ann.client.rooms.resolve(`@${bobName.toUpperCase()}`, MS_MAX);
    expect(direct.peer).toBe(await accountOf(bob, bobName));
    expect(await ann.client.rooms.resolve(`room:${direct.room}`, MS_MAX)).toEqual(direct);
  });

  it.each<[string, string, number]>([
    ['nowhere', 'no_such_room', 6],
    ['@nobody-there', 'no_such_user', 6],
    ['@not a name', 'no_such_user', 6],
    ['@../../admin/status', 'no_such_user', 6],
    ['room:Rabc', 'usage', 2],
    ['room:../sessions', 'usage', 2],
  ])('are not found as %s', async (target, code, exitCode) => {
    await ann.client.rooms.createGroup('garden', [], MS_MAX);
    await expect(ann.client.rooms.resolve(target, MS_MAX)).rejects.toMatchObject({ code, exitCode });
  });

  it('are not of one', async () => {
    await expect(ann.client.rooms.resolve(`@ann${round}`, MS_MAX)).rejects.toMatchObject({ code: 'usage' });
  });

  it('with the same name have to be told apart by id', async () => {
    const rooms = [
      await ann.client.rooms.createGroup('garden', [bobName], MS_MAX),
      await bob.client.rooms.createGroup('garden', [`ann${round}`], MS_MAX),
    ];
    await expect(bob.client.rooms.resolve('garden', MS_MAX)).rejects.toMatchObject({
      code: 'ambiguous',
      exitCode: 7,
      data: { rooms: rooms.toSorted() },
    });
  });

  it('cannot be given a name that would be read as something else', async () => {
    for (const name of ['@bob', `room:${'R'.padEnd(27, 'a')}`]) {
      await expect(ann.client.rooms.createGroup(name, [], MS_MAX)).rejects.toMatchObject({ code: 'usage' });
    }
    for (const name of ['', 'x'.repeat(257)]) {
      const making = ann.client.rooms.createGroup(name, [], MS_MAX);
      await expect(making).rejects.toMatchObject({ retryable: false, exitCode: expect.any(Number) });
    }
    expect(await ann.client.rooms.list(MS_MAX)).toEqual([]);
  });

  it('are found as they were remembered when no node can be asked', async () => {
    const room = await ann.client.rooms.createGroup('garden', [bobName], MS_MAX);
    await ann.client.rooms.person(bobName, MS_MAX);
    const offline = await TestClient.open({ endpoints, store: ann.store.kill() });
    offline.network.cut();
    expect(await offline.client.rooms.resolve('garden', 200)).toEqual({ room, peer: null });
    expect((await offline.client.rooms.resolve(`@${bobName}`, 200)).peer).toBe(await accountOf(bob, bobName));
    await expect(offline.client.rooms.resolve('@somebody', 200)).rejects.toMatchObject({ code: 'cannot_connect' });
    await expect(offline.client.rooms.resolve('elsewhere', 200)).rejects.toMatchObject({ code: 'no_such_room' });
    const nothing = await TestClient.open({ endpoints, store: bob.store.kill() });
    nothing.network.cut();
    await expect(nothing.client.rooms.resolve('garden', 200)).rejects.toMatchObject({ exitCode: 3 });
  });

  it('are no longer remembered once one has left', async () => {
    const room = await ann.client.rooms.createGroup('garden', [bobName], MS_MAX);
    await bob.client.rooms.list(MS_MAX);
    await bob.call('DELETE', `/v1/rooms/${room}/members/${bobName}?txnId=${bob.newTxnId()}`);
    await bob.client.rooms.list(MS_MAX);
    bob.network.cut();
    await expect(bob.client.rooms.resolve('garden', 200)).rejects.toMatchObject({ exitCode: 3 });
  });

  it('take in members who read the name and what follows', async () => {
    const room = await ann.client.rooms.createGroup('garden', [], MS_MAX);
    await ann.say('garden', 'before');
    await ann.client.rooms.add(room, bobName, MS_MAX);
    await ann.say('garden', 'after');
    expect(await bob.client.rooms.list(MS_MAX)).toMatchObject([{ name: 'garden', lastSeq: 2 }]);
    expect(await bob.texts('garden')).toEqual(['after']);
    await expect(ann.client.rooms.add(room, bobName, MS_MAX)).rejects.toMatchObject({ code: 'already_member' });
    await expect(ann.client.rooms.add(room, 'nobody-there', MS_MAX)).rejects.toMatchObject({ code: 'no_such_user' });
    await expect(bob.client.rooms.add(room, `ann${round}`, MS_MAX)).rejects.toMatchObject({ retryable: false });
  });

  it('are created once, however often the answer gets lost', async () => {
    ann.network.loseAnswer('POST', /^\/v1\/rooms$/);
    const room = await ann.client.rooms.createGroup('garden', [bobName], MS_MAX);
    ann.network.loseAnswer('PUT', /members/);
    const carl = await TestClient.registered(`carl${round}`, { endpoints });
    await ann.client.rooms.add(room, `carl${round}`, MS_MAX);
    expect(await carl.client.rooms.list(MS_MAX)).toHaveLength(1);
    expect(await ann.client.rooms.list(MS_MAX)).toHaveLength(1);
  });

  it('are listed to the end, however many there are', async () => {
    for (let i = 0; i < 105; i++) await ann.client.rooms.createGroup(`room ${i}`, [], MS_MAX);
    const names = (await ann.client.rooms.list(MS_MAX)).map(({ name }) => name);
    expect(new Set(names).size).toBe(105);
    expect(ann.network.count('GET', ROOM_LIST)).toBe(2);
  });

  it('show on a node that lags behind what this client has caused', async () => {
    const lagging = laggingBehind(node);
    const slow = await serveForTest(lagging.node);
    const first = await TestClient.open({ endpoints: [server.url], store: ann.store });
    const then = await TestClient.open({ endpoints: [slow.url], store: ann.store });
    await then.client.rooms.list(MS_MAX);
    lagging.fallBehind();
    await first.client.rooms.createGroup('garden', [], MS_MAX);
    expect(await then.client.rooms.list(MS_MAX)).toMatchObject([{ name: 'garden' }]);
    await slow.close(0);
  });

  it('do not depend on a cursor that a node has made up', async () => {
    await ann.client.rooms.createGroup('garden', [], MS_MAX);
    const [first] = await ann.store.transaction((tx) => tx.list('cursor'));
    const far = Buffer.from(Buffer.from(first![1]).subarray(-34).toString(), 'base64url');
    far.writeBigUInt64BE(2n ** 40n, 13);
    ann.network.lie<object>('POST', /^\/v1\/rooms$/, (answer) => ({ ...answer, cursor: far.toString('base64url') }));
    const limits = { requestDeadlineMs: 100 };
    const hasty = await serveForTest(node, { limits });
    const moved = await TestClient.open({ endpoints: [hasty.url], store: ann.store });
    await ann.client.rooms.createGroup('yard', [], MS_MAX);
    expect(await moved.client.rooms.list(2_000)).toHaveLength(2);
    const asked = moved.network.made.length;
    expect(moved.network.made.at(-1)!.path).toContain('consistency=linearizable');
    expect(await moved.client.rooms.list(2_000)).toHaveLength(2);
    expect(moved.network.made.length).toBe(asked + 1);
    await hasty.close(0);
  });

  describe('as a lying node shows them', () => {
    const mallory = (): Promise<ApiPerson> => ApiPerson.join(server.url, `mallory${round}`);
    const told = async (person: ApiPerson): Promise<AccountJsonT> =>
      (await person.call<AccountJsonT>('GET', `/v1/accounts/${person.name}`)).body;
    const memberOf = async (person: ApiPerson): Promise<RoomDetailJson['members'][number]> => ({
      ...(await told(person)),
      role: 'member',
      joinedSeq: 1,
      mutedUntil: null,
    });

    it('slip nobody into a conversation of two', async () => {
      await ann.say(`@${bobName}`, 'hello');
      const { room } = await ann.client.rooms.resolve(`@${bobName}`, MS_MAX);
      const evil = await memberOf(await mallory());
      const lies: ((detail: RoomDetailJson) => unknown)[] = [
        (detail) => ({ ...detail, members: [...detail.members, evil] }),
        (detail) => ({ ...detail, peer: undefined, kind: 'group', members: [...detail.members, evil] }),
        (detail) => ({ ...detail, peer: undefined, kind: 'group', members: [detail.members[0]!, evil] }),
        (detail) => ({ ...detail, members: [detail.members[0]!, evil] }),
        (detail) => ({ ...detail, members: [detail.members[0]!] }),
      ];
      for (const lie of lies) {
        for (const target of [`@${bobName}`, `room:${room}`]) {
          const cautious = await TestClient.open({ endpoints, store: ann.store.copy() });
          cautious.network.lie('GET', ROOM, lie);
          const { result } = await cautious.client.send(target, 'secret', { timeoutMs: 100 });
          expect(result.state).toBe('queued');
          expect(cautious.network.count('PUT', /messages/)).toBe(0);
        }
      }
    });

    it.each<[string, (members: RoomDetailJson['members']) => RoomDetailJson['members']]>([
      ['a device', (members) => members.map((one) => ({ ...one, devices: [...one.devices, ...one.devices] }))],
      ['a member', (members) => [...members, members.at(-1)!]],
    ])('never put %s twice into an envelope', async (_what, doubled) => {
      await ann.client.rooms.createGroup('garden', [bobName], MS_MAX);
      ann.network.lie<RoomDetailJson>('GET', ROOM, (detail) => ({ ...detail, members: doubled(detail.members) }));
      const { result } = await ann.client.send('garden', 'hello', { timeoutMs: 300 });
      expect(result).toMatchObject({ state: 'queued', reason: { code: 'cannot_connect' } });
    });

    it('are not named after somebody else', async () => {
      const eve = await mallory();
      const direct = await eve.directRoom(
        Object.assign(Object.create(eve) as ApiPerson, {}, { user: { account: await accountOf(bob, bobName) } }),
      );
      const annAccount = await accountOf(ann, `ann${round}`);
      const name = async (peer: object): Promise<string | null> => {
        const person = await TestClient.open({ endpoints, store: bob.store.copy() });
        await person.client.rooms.person(`ann${round}`, MS_MAX);
        person.network.lie<{ rooms: RoomSummaryJson[] }>('GET', ROOM_LIST, (page) => ({
          ...page,
          rooms: page.rooms.map((summary) => ({ ...summary, peer })),
        }));
        const [line] = await person.client.rooms.list(MS_MAX);
        expect(line!.room).toBe(direct);
        return line!.name;
      };
      expect(await name({ account: eve.name, accountId: eve.account })).toBe(eve.name);
      expect(await name({ account: `ann${round}`, accountId: eve.account })).toBeNull();
      expect(await name({ account: `ann${round}`, accountId: annAccount })).toBeNull();
    });

    it('stay usable when one of them has a member whose key changed', async () => {
      await ann.client.rooms.createGroup('garden', [bobName], MS_MAX);
      const room = await bob.client.rooms.createGroup('yard', [`ann${round}`], MS_MAX);
      const evil = await memberOf(await mallory());
      const fresh = await TestClient.open({ endpoints, store: ann.store.copy() });
      // This one has never seen who named the yard, and now the node shows him with another key.
      await fresh.store.transaction(async (tx) => {
        for (const [key] of await tx.list('device/')) tx.delete(key);
      });
      fresh.network.lie<RoomDetailJson>('GET', ROOM, (detail) => ({
        ...detail,
        members: detail.members.map((member) => (member.account === bobName ? { ...evil, account: bobName } : member)),
      }));
      const listed = await fresh.client.rooms.list(MS_MAX);
      expect(listed.find((line) => line.room === room)!.name).toBeNull();
      await expect(fresh.say(`room:${room}`, 'secret')).rejects.toMatchObject({ code: 'user_key_changed' });
    });

    it.each<[string, (page: { rooms: RoomSummaryJson[]; next: unknown }) => unknown]>([
      ['without an end', (page) => ({ ...page, next: 'Raaaaaaaaaaaaaaaaaaaaaaaaaa' })],
      ['with a path for an id', ({ rooms, next }) => ({ rooms: rooms.map((r) => ({ ...r, room: '../x' })), next })],
      ['with a path to go on from', (page) => ({ ...page, next: '&x=../../sessions' })],
      ['twice the same', ({ rooms, next }) => ({ rooms: [...rooms, ...rooms], next })],
      ['of no kind', ({ rooms, next }) => ({ rooms: rooms.map((r) => ({ ...r, kind: 'open' })), next })],
      [
        'of two without the other',
        ({ rooms, next }) => ({ rooms: rooms.map((r) => ({ ...r, kind: 'direct' })), next }),
      ],
      ['as no list', () => ({ rooms: 7, next: null })],
      ['as nothing', () => null],
      [
        'with a name that is no base64url',
        ({ rooms, next }) => ({ rooms: rooms.map((r) => ({ ...r, sealedMeta: 'A' })), next }),
      ],
    ])('%s count as no answer, and the next node is asked', async (_what, lie) => {
      await ann.client.rooms.createGroup('garden', [], MS_MAX);
      const second = await serveForTest(node);
      const person = await TestClient.open({ endpoints: [server.url, second.url], store: ann.store });
      person.network.interpose((request) => {
        if (request.origin !== server.url || !ROOM_LIST.test(request.path)) return undefined;
        return request
          .deliver()
          .then(async (response) => Response.json(lie((await response.json()) as Parameters<typeof lie>[0])));
      });
      expect(await person.client.rooms.list(MS_MAX)).toMatchObject([{ name: 'garden' }]);
      await second.close(0);
    });

    it('are not confused with others when one is made', async () => {
      ann.network.lie<object>('POST', /^\/v1\/rooms$/, (answer) => ({ ...answer, room: 'R'.padEnd(27, 'a') }));
      const making = ann.client.rooms.createGroup('garden', [], 300);
      await expect(making).rejects.toMatchObject({ code: 'cannot_connect' });
    });

    it('say nothing that a person could be answered with for another', async () => {
      const eve = await told(await mallory());
      ann.network.lie('GET', /accounts\/bob/, () => eve);
      await expect(ann.client.rooms.person(bobName, 5_000)).rejects.toMatchObject({ code: 'cannot_connect' });
    });
  });
});
