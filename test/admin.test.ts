import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { clusterStatus } from '../scripts/chaos/final-state.ts';
import { startScratchCluster } from '../scripts/load/scratch-cluster.ts';
import { apiUrl } from '../src/cli/local-cluster/layout.ts';
import { ApiPerson, call, nextTxnId } from '../src/testing/api-person.ts';
import { scrape } from '../src/testing/scrape.ts';
import { TestSocket } from '../src/testing/test-socket.ts';
import { ParleyHome } from './parley-home.ts';
import { CHATCTL, CHATD, runProgram, until } from './support.ts';
import type { ScratchCluster } from '../scripts/load/scratch-cluster.ts';
import type { Scrape } from '../src/testing/scrape.ts';
import type { RoomDetailJson } from '../src/protocol/http/schemas.ts';
import type { AuditEntryJson } from '../src/protocol/http/audit.ts';
import type { RunOutcome } from './support.ts';

let cluster: ScratchCluster;
let urls: string[];
beforeAll(async () => {
  // People who come from this machine may say that they come from elsewhere, as a proxy on it would.
  const env = { CHATD_TRUSTED_PROXIES: '127.0.0.0/8' };
  cluster = await startScratchCluster({ nodes: 3, restart: true, say: () => {}, chatdFile: CHATD, env });
  urls = cluster.layout.nodes.map(apiUrl);
});
afterAll(() => cluster?.close());

const ctl = (url: string, ...args: string[]): Promise<RunOutcome> =>
  runProgram(CHATCTL, ['--endpoint', url, ...args], { PARLEY_DATA: cluster.layout.dataDir });
const must = async (url: string, ...args: string[]): Promise<string> => {
  const { code, stdout, stderr } = await ctl(url, ...args);
  expect([args.join(' '), code, stderr]).toEqual([args.join(' '), 0, '']);
  return stdout;
};
const linesOf = <T>(text: string): T[] => {
  const lines = text.split('\n').filter((line) => line !== '');
  return lines.map((line) => JSON.parse(line) as T);
};
/** As a node exports it. */
const audit = async (url: string, filter = ''): Promise<AuditEntryJson[]> => {
  const token = readFileSync(join(cluster.layout.nodes[0]!.dataDir, 'admin.token'), 'utf8').trim();
  const headers = { authorization: `Bearer ${token}` };
  const answer = await fetch(`${url}/v1/admin/audit/export${filter}`, { headers });
  expect(answer.status).toBe(200);
  return linesOf<AuditEntryJson>(await answer.text());
};
const actsOf = (entries: readonly AuditEntryJson[]): string[] => entries.map(({ act }) => act);

describe('the audit log of a cluster', () => {
  it('is the same on every node, whichever took the request, and outlives the leader', async () => {
    const ann = await ApiPerson.join(urls[0]!, 'ann');
    const bob = await ApiPerson.join(urls[1]!, 'bob');
    const room = await ann.createRoom('group', [bob.account]);
    const { body } = await bob.loginBody();
    const wrong = { ...body, signature: 'A'.repeat(86) };
    const refused = await fetch(`${urls[1]!}/v1/sessions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(wrong),
    });
    expect(refused.status).toBe(400);
    await until('the refusal is told', async () => (await audit(urls[2]!, '?what=session.refused')).length === 1);
    const { leader } = await clusterStatus(cluster.layout);
    const heir = cluster.layout.nodes.find(({ name }) => name !== leader)!.name;
    await must(urls[0]!, 'transfer-leader', heir);
    await until('the act is told', async () => (await audit(urls[0]!, '?what=node')).length === 1);

    const before = await audit(urls[0]!);
    // What nodes do by themselves may come at any place.
    const told = before.filter(({ act }) => act !== 'keys.rotated');
    expect(told.map(({ act, node, by }) => [act, node, by?.account ?? null])).toEqual([
      ['account.registered', 'n1', 'ann'],
      ['session.opened', 'n1', 'ann'],
      ['account.registered', 'n2', 'bob'],
      ['session.opened', 'n2', 'bob'],
      ['room.created', 'n1', 'ann'],
      ['session.refused', 'n2', null],
      ['node.made-leader', leader, null],
    ]);
    expect(told.every(({ address }) => address === '127.0.0.1')).toBe(true);
    expect(told[4]!.subject).toMatchObject({ room, accounts: [{ account: 'bob' }] });

    const now = await clusterStatus(cluster.layout);
    await cluster.supervisor.killNode(now.leader!, { withSidecar: true });
    for (const url of urls) {
      await until('all nodes tell the same', async () => {
        const told = await audit(url).catch(() => []);
        return isDeepStrictEqual(told.slice(0, before.length), before);
      });
    }
    const asked = ['audit', '--json', '--who', '@bob', '--since', '1h'];
    expect(actsOf(linesOf(await must(urls[1]!, ...asked, '--what', 'session')))).toEqual([
      'session.opened',
      'session.refused',
    ]);
    expect(actsOf(linesOf(await must(urls[1]!, ...asked, '--limit', '1')))).toEqual(['session.refused']);
    expect(await must(urls[1]!, 'audit', '--what', 'room')).toMatch(/room\.created +@ann +127\.0\.0\.1 +n1 +@bob R/);
    expect((await ctl(urls[1]!, 'audit', '--who', 'nobody')).code).toBe(6);
  });
});

/** The code of the refusal of a login. */
async function loginCode(who: ApiPerson): Promise<string> {
  const { body } = await who.loginBody();
  const answer = await call<{ code?: string }>(who.url, 'POST', '/v1/sessions', { json: body });
  return answer.body.code ?? 'ok';
}

/** A live feed on each node. */
const feeds = (who: ApiPerson): Promise<TestSocket[]> =>
  Promise.all(
    urls.map((url) => {
      const there = new ApiPerson(url, who.name, { user: who.user, device: who.device });
      there.open = who.open;
      return there.live();
    }),
  );

describe('the administration of a cluster', () => {
  it('bans on every node at once: live feeds end, and so does what was logged in; until it is lifted', async () => {
    const dan = await ApiPerson.join(urls[0]!, 'dan');
    const eve = await ApiPerson.join(urls[1]!, 'eve');
    const open = await feeds(dan);
    const watched = await eve.live();
    await must(urls[2]!, 'ban', 'add', '@dan', '--reason', 'spam', '--for', '2h');
    for (const socket of open) expect((await socket.ended()).code).toBe(4403);
    for (const url of urls) {
      await until(
        'the end is known',
        async () => (await call(url, 'GET', '/v1/rooms', { token: dan.token })).status === 401,
      );
    }
    expect(await loginCode(dan)).toBe('account_banned');
    const bans = linesOf<object>(await must(urls[1]!, 'ban', 'list', '--json'));
    expect(bans).toMatchObject([{ account: 'dan', by: null, reason: 'spam' }]);
    await must(urls[0]!, 'ban', 'remove', 'dan');
    expect(await loginCode(dan)).toBe('ok');
    expect((await ctl(urls[0]!, 'ban', 'remove', 'dan')).code).toBe(6);
    watched.send({ type: 'ping' });
    await watched.next('pong');
    watched.close();
  });

  it('bans addresses on every node at once: live feeds from there end, and nobody is served there', async () => {
    const from = (address: string) => ({ headers: { 'x-forwarded-for': address } });
    const liveFrom = (address: string): Promise<TestSocket[]> =>
      Promise.all(
        urls.map(async (url) => {
          const socket = new TestSocket(url, from(address));
          await socket.next('hello');
          return socket;
        }),
      );
    const codeFrom = async (url: string, address: string): Promise<string> =>
      (await call<{ code?: string }>(url, 'GET', '/v1/cluster', from(address))).body.code ?? 'ok';
    const banned = await liveFrom('203.0.113.7');
    const others = await liveFrom('203.0.114.7');
    await must(urls[0]!, 'ban', 'address', 'add', '203.0.113.9/24', '--reason', 'spam', '--for', '2h');
    for (const socket of banned) expect(await socket.ended()).toEqual({ code: 4403, reason: 'address_banned' });
    for (const url of urls) {
      expect(await codeFrom(url, '203.0.113.8')).toBe('address_banned');
      expect(await codeFrom(url, '203.0.114.8')).toBe('ok');
    }
    expect(others.map(({ closed }) => closed)).toEqual([null, null, null]);
    for (const socket of others) socket.close();
    const bans = linesOf<object>(await must(urls[1]!, 'ban', 'address', 'list', '--json'));
    expect(bans).toMatchObject([{ range: '203.0.113.0/24', by: null, reason: 'spam' }]);
    await must(urls[2]!, 'ban', 'address', 'remove', '203.0.113.0/24');
    for (const url of urls) await until('it is served', async () => (await codeFrom(url, '203.0.113.8')) === 'ok');
    expect(await must(urls[0]!, 'ban', 'address', 'list')).toBe('');
    expect((await ctl(urls[0]!, 'ban', 'address', 'remove', '203.0.113.0/24')).code).toBe(6);
    for (const [range, why] of [
      ['127.0.0.1', 'loopback'],
      ['0.0.0.0/0', 'too wide'],
      ['nowhere', 'an address like'],
    ] as const) {
      const { code, stderr } = await ctl(urls[0]!, 'ban', 'address', 'add', range);
      expect([code, stderr]).toEqual([2, expect.stringContaining(why)]);
    }
    const acts = linesOf<AuditEntryJson>(await must(urls[1]!, 'audit', '--json', '--what', 'address'));
    expect(acts.map(({ act, subject }) => [act, subject.value])).toEqual([
      ['address.banned', '203.0.113.0/24: spam'],
      ['address.unbanned', '203.0.113.0/24'],
    ]);
  });

  it('is for accounts too that are made admins, and by them audited under their names', async () => {
    const gus = await ApiPerson.join(urls[1]!, 'gus');
    const hal = await ApiPerson.join(urls[2]!, 'hal');
    const asGus = (method: string, path: string, json?: object) => gus.call<{ code?: string }>(method, path, json);
    expect((await asGus('GET', '/v1/admin/audit')).body.code).toBe('forbidden');
    await must(urls[0]!, 'admin', 'add', '@gus');
    await until('gus is an admin', async () => (await asGus('GET', '/v1/admin/admins')).status === 200);
    const off = { active: false, txnId: nextTxnId() };
    expect((await asGus('PATCH', '/v1/admin/accounts/hal', off)).status).toBe(200);
    expect(await loginCode(hal)).toBe('account_deactivated');
    expect((await asGus('PATCH', '/v1/admin/accounts/gus', { ...off, txnId: nextTxnId() })).body.code).toBe('is_admin');
    await must(urls[0]!, 'user', 'reactivate', 'hal');
    expect(await loginCode(hal)).toBe('ok');
    await must(urls[0]!, 'admin', 'remove', 'gus');
    expect(await must(urls[0]!, 'admin', 'list')).toContain('None');
    const acts = linesOf<AuditEntryJson>(await must(urls[0]!, 'audit', '--json', '--what', 'user', '--who', 'hal'));
    expect(acts.map(({ act, by, role }) => [act, by?.account ?? role])).toEqual([
      ['user.deactivated', 'gus'],
      ['user.reactivated', 'operator'],
    ]);
  });

  it('decides who may register, for all nodes, while they run', async () => {
    const register = async (url: string, name: string, extra: object = {}) =>
      (await new ApiPerson(url, name).register<{ code?: string }>(extra)).body.code ?? 'ok';
    await must(urls[0]!, 'admin', 'registration', 'closed');
    for (const [i, url] of urls.entries()) expect(await register(url, `late${i}`)).toBe('registration_closed');
    await must(urls[1]!, 'admin', 'registration', 'invite');
    const { invite } = JSON.parse(await must(urls[2]!, 'invite', '--json')) as { invite: string };
    expect(await register(urls[2]!, 'late')).toBe('invite_required');
    await until('the policy is known', async () => {
      const { body } = await call<{ registration: string }>(urls[0]!, 'GET', '/v1/cluster');
      return body.registration === 'invite';
    });
    expect(await register(urls[0]!, 'late', { invite })).toBe('ok');
    await must(urls[0]!, 'admin', 'registration', 'open');
    await until('everybody may', async () => (await register(urls[2]!, 'last')) === 'ok');
    expect(JSON.parse(await must(urls[1]!, 'admin', 'registration', '--json'))).toEqual({ policy: 'open', set: true });
  });

  it('deletes an account with all that it wrote, on every node', async () => {
    const ivy = await ApiPerson.join(urls[0]!, 'ivy');
    const jim = await ApiPerson.join(urls[1]!, 'jim');
    const room = await ivy.createRoom('group', [jim.account]);
    await ivy.send(await ivy.room(room), 'mine');
    await jim.send(await ivy.room(room), 'not mine');
    const open = await feeds(ivy);
    await must(urls[2]!, 'user', 'delete', 'ivy', '--messages', '--yes');
    for (const socket of open) expect((await socket.ended()).code).toBe(4403);
    expect(
      (await call<{ code: string }>(urls[0]!, 'POST', '/v1/accounts', { json: ivy.registration() })).body.code,
    ).toBe('account_deleted');
    for (const url of urls) {
      await until('it is gone', async () => {
        const there = { token: jim.token };
        const { body } = await call<{ messages: { from: string; gone?: string }[] }>(
          url,
          'GET',
          `/v1/rooms/${room}/messages`,
          there,
        );
        const shown = body.messages.map(({ from, gone }) => [from, gone ?? 'there']);
        const detail = await call<RoomDetailJson>(url, 'GET', `/v1/rooms/${room}`, there);
        const members = detail.body.members.map(({ account, role }) => `${account} ${role}`);
        return isDeepStrictEqual(
          [shown, members],
          [
            [
              ['ivy', 'deleted'],
              ['jim', 'there'],
            ],
            ['jim owner'],
          ],
        );
      });
    }
  });

  it('shows admins what a person reveals of an encrypted room, and removes it there', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'parley-admin-'));
    const [kim, lee] = ['kim', 'lee'].map((name) => new ParleyHome(join(folder, name))) as [ParleyHome, ParleyHome];
    try {
      await kim.json('--endpoint', urls[0]!, 'register', 'kim');
      await lee.json('--endpoint', urls[1]!, 'register', 'lee');
      await lee.json('profile', 'set', '--name', 'Lee');
      const [sent] = await lee.json<{ room: string }>('send', '@kim', 'rude words');
      const room = sent!.room;
      await kim.json('report', '@lee', '1', '--reason', 'rude', '--reveal');
      const [told] = linesOf<{ revealed: object[] }>(await must(urls[2]!, 'report', 'list', '--json'));
      expect(told).toMatchObject({ report: 1, by: 'kim', from: 'lee', room, seq: 1, reason: 'rude' });
      expect(told!.revealed).toMatchObject([{ seq: 1, from: 'lee', text: 'rude words' }]);

      await must(urls[0]!, 'report', 'resolve', '1', 'removed');
      expect(await must(urls[1]!, 'report', 'list')).toBe('');
      await must(urls[1]!, 'purge', 'room', room, '--yes');
      await until('it is gone', async () => (await kim.json<{ gone?: string }>('read', '@lee'))[0]?.gone === 'purged');
      await kim.json('block', '@lee');
      expect((await lee.run('send', '@kim', 'more')).stderr).toContain('room_archived');
    } finally {
      for (const home of [kim, lee]) home.close();
      rmSync(folder, { recursive: true, force: true });
    }
  });
});

describe('chatctl', () => {
  it('takes the home of an admin of the server in place of an admin token', async () => {
    const dir = mkdtempSync(join(tmpdir(), 'parley-admin-home-'));
    const homes = [new ParleyHome(join(dir, 'olga')), new ParleyHome(join(dir, 'pim'))] as const;
    for (const [i, home] of homes.entries()) await home.json('--endpoint', urls[i]!, 'register', ['olga', 'pim'][i]!);
    await must(urls[0]!, 'admin', 'add', '@olga');
    // Without a place where admin tokens could be found.
    const as = (home: ParleyHome, ...args: string[]): Promise<RunOutcome> =>
      runProgram(CHATCTL, ['--endpoint', urls[2]!, '--home', home.dir, ...args], { PARLEY_DATA: dir });
    await until('she is an admin everywhere', async () => (await as(homes[0], 'admin', 'list')).code === 0);
    expect((await as(homes[0], 'ban', 'add', '@pim', '--reason', 'spam')).code).toBe(0);
    expect((await as(homes[0], 'ban', 'remove', '@pim')).code).toBe(0);
    const acts = linesOf<AuditEntryJson>(
      (await as(homes[0], 'audit', '--json', '--who', '@pim', '--what', 'user')).stdout,
    );
    expect(acts.map(({ act, by }) => [act, by?.account])).toEqual([
      ['user.banned', 'olga'],
      ['user.unbanned', 'olga'],
    ]);
    const refused = await as(homes[1], 'admin', 'list');
    expect([refused.code, refused.stderr]).toEqual([5, expect.stringContaining('for admins of the server')]);
    for (const home of homes) home.close();
    rmSync(dir, { recursive: true, force: true });
  });
});

describe('people of a cluster', () => {
  it('show themselves, find and block each other, through any node', async () => {
    const max = await ApiPerson.join(urls[0]!, 'max');
    const noa = await ApiPerson.join(urls[1]!, 'noa');
    const change = { displayName: 'Maximilian Ende', status: 'reading', txnId: nextTxnId() };
    expect((await max.call('PATCH', '/v1/profile', change)).status).toBe(200);
    await until('noa finds max', async () => {
      const { body } = await noa.call<{ people: { account: string }[] }>('GET', '/v1/people?query=ende');
      return body.people[0]?.account === 'max';
    });
    const direct = await noa.directRoom(max);
    const roster = await noa.room(direct);
    expect((await noa.send(roster, 'hello')).status).toBe(200);
    expect((await max.call('PUT', '/v1/blocks/noa', { txnId: nextTxnId() })).status).toBe(200);
    expect((await noa.send<{ code: string }>(roster, 'still there?')).body.code).toBe('blocked');
    const trap = { kind: 'group', members: [max.account], txnId: nextTxnId() };
    expect((await noa.call<{ code: string }>('POST', '/v1/rooms', trap)).body.code).toBe('blocked');
    expect((await max.call<{ blocks: object[] }>('GET', '/v1/blocks')).body.blocks).toMatchObject([{ account: 'noa' }]);
    await max.call('DELETE', `/v1/blocks/noa?txnId=${nextTxnId()}`);
    expect((await noa.send(roster, 'and now?')).status).toBe(200);
  });

  it('end sessions of their own from anywhere, with the live feeds of those on every node', async () => {
    const oda = await ApiPerson.join(urls[0]!, 'oda');
    const open = await feeds(oda);
    const elsewhere = new ApiPerson(urls[1]!, 'oda', { user: oda.user, device: oda.device });
    await elsewhere.login();
    const path = `/v1/sessions/${oda.open!.session}?txnId=${nextTxnId()}`;
    expect((await elsewhere.call('DELETE', path)).status).toBe(200);
    for (const socket of open) expect((await socket.ended()).code).toBe(4403);
    const { body } = await elsewhere.call<{ sessions: { session: string; current: boolean }[] }>('GET', '/v1/sessions');
    expect(body.sessions).toMatchObject([{ session: elsewhere.open!.session, current: true }]);
  });
});

describe('the metrics of a cluster', () => {
  it('tell of Raft, disk, transport and requests, node by node', async () => {
    const token = readFileSync(join(cluster.layout.nodes[1]!.dataDir, 'admin.token'), 'utf8').trim();
    const scrapeAll = (): Promise<Scrape[]> => Promise.all(urls.map((url) => scrape(url, token)));
    const leads = (seen: Scrape): boolean => seen.value('parley_raft_role{role="leader"}') === 1;
    const caughtUp = (all: readonly Scrape[]): boolean =>
      all.filter(leads).length === 1 &&
      new Set(all.map((seen) => seen.value('parley_raft_applied_index'))).size === 1 &&
      all.every((seen) => seen.sum('parley_raft_follower_lag_entries') === 0);
    let before: Scrape[] = [];
    await until('one leader and nothing left to apply', async () => caughtUp((before = await scrapeAll())));
    await ApiPerson.join(urls[0]!, 'meg');
    let after: Scrape[] = [];
    await until('it is applied everywhere', async () => caughtUp((after = await scrapeAll())));

    for (const [i, seen] of after.entries()) {
      const grown = (series: string): number => seen.value(series)! - before[i]!.value(series)!;
      expect(grown('parley_raft_applied_index')).toBeGreaterThanOrEqual(2);
      expect(grown('parley_log_write_duration_seconds_count')).toBeGreaterThan(0);
      expect(grown('parley_transport_frames_total{direction="sent"}')).toBeGreaterThan(0);
      expect(grown('parley_transport_bytes_total{direction="received"}')).toBeGreaterThan(0);
      expect(seen.value('parley_transport_connected')).toBe(1);
      expect(seen.value('parley_transport_rejected_total{reason="forged"}')).toBe(0);
      expect(seen.value('parley_raft_voters')).toBe(3);
      for (const name of ['parley_log_size_bytes', 'parley_state_size_bytes', 'parley_disk_free_bytes']) {
        expect([name, seen.value(name)! > 0]).toEqual([name, true]);
      }
      expect(seen.value('parley_store_damaged')).toBe(0);
      expect([...seen.types.keys()]).toEqual([...before[0]!.types.keys()]);
    }
    const [first, ...others] = after as [Scrape, ...Scrape[]];
    const registered = 'parley_http_requests_total{method="POST",route="/v1/accounts",status="200"}';
    expect(first.value(registered)! - (before[0]!.value(registered) ?? 0)).toBe(1);
    const proposed = (seen: Scrape): number => seen.value('parley_raft_proposals_total{outcome="applied"}')!;
    expect(proposed(first) - proposed(before[0]!)).toBeGreaterThanOrEqual(2);
    expect(others.map((seen, i) => (seen.value(registered) ?? 0) - (before[i + 1]!.value(registered) ?? 0))).toEqual([
      0, 0,
    ]);
    expect(after.find(leads)!.sum('parley_raft_elections_total')).toBeGreaterThan(0);
  });
});
