import { beforeEach, describe, expect, it } from 'vitest';
import { createDeviceKeys, createUserKey, publicDeviceKeys, signDeviceRecord } from '../crypto/identity.ts';
import { accountIdOf } from '../protocol/derive-ids.ts';
import { BAD_SIGNATURE, bytesFrom, ChatHarness, recordFrom, TEST_CLUSTER } from '../testing/chat-harness.ts';
import { MapStateView } from '../testing/map-state-view.ts';
import { createApplyContext } from './apply-context.ts';
import { applyBatch } from './apply.ts';
import { accountById, accountByName, accountName, listAccounts } from './queries-accounts.ts';
import { LIMITS } from '../protocol/limits.ts';
import { encodeCommand } from '../protocol/command-codec.ts';
import type { CommandBodies } from '../protocol/commands.ts';
import type { AccountName, StampMs } from '../protocol/ids.ts';

type Registration = CommandBodies['account.register'];
const registration = (name: string, changes: Partial<Registration> = {}): Registration => ({
  name: name as AccountName,
  userKey: bytesFrom(`user ${name}`),
  device: recordFrom(name),
  ...changes,
});

describe('account.register', () => {
  let chat: ChatHarness;
  const register = (body: Registration) => chat.run('account.register', null, body);

  beforeEach(() => {
    chat = new ChatHarness();
  });

  it('enrols the first device; id, name and keys can be looked up', () => {
    const body = registration('alice');
    const account = accountIdOf(body.userKey);
    expect(register(body)).toEqual({ ok: true, value: { account, name: 'alice', device: body.device.device } });
    const info = accountByName(chat.view, 'alice')!;
    expect(info).toMatchObject({ account, name: 'alice', createdAt: chat.stampMs });
    expect(info.devices.map(({ device }) => device)).toEqual([body.device.device]);
    expect(accountById(chat.view, account)).toEqual(info);
    expect(accountName(chat.view, account)).toBe('alice');
    expect(accountByName(chat.view, 'bob')).toBeUndefined();
    expect(accountByName(chat.view, 'No Name')).toBeUndefined();
  });

  it('gives the original result for the same name and key at any time, whatever the device', () => {
    const original = register(registration('alice'));
    chat.wait(365 * 24 * 3_600_000);
    const before = chat.view.dump();
    expect(register(registration('alice', { device: recordFrom('other') }))).toEqual(original);
    expect(chat.view.dump()).toBe(before);
  });

  it('refuses a taken name, a registered key and an enrolled device', () => {
    register(registration('alice'));
    expect(register(registration('alice', { userKey: bytesFrom('other') }))).toMatchObject({ code: 'login_exists' });
    const sameKey = registration('bob', { userKey: bytesFrom('user alice') });
    expect(register(sameKey)).toMatchObject({ code: 'already_registered', data: { account: 'alice' } });
    expect(register(registration('bob', { device: recordFrom('alice') }))).toMatchObject({ code: 'device_exists' });
  });

  it('refuses a device that the user key did not sign', () => {
    const device = { ...recordFrom('alice'), signature: BAD_SIGNATURE };
    expect(register(registration('alice', { device }))).toMatchObject({ code: 'invalid_signature' });
    expect(accountByName(chat.view, 'alice')).toBeUndefined();
  });

  it('verifies real signatures by default', () => {
    let next = 0;
    const random = (length: number) => bytesFrom(`random ${next++}`).subarray(0, length);
    const user = createUserKey(random);
    const record = signDeviceRecord(user, publicDeviceKeys(createDeviceKeys(random)));
    const forged = { ...record, sealingKey: bytesFrom('swapped by a node') };
    const view = new MapStateView();
    const name = 'alice' as AccountName;
    const commands = [forged, record].map((device) =>
      encodeCommand({
        kind: 'account.register',
        actor: null,
        txnId: chat.txn(),
        body: { name, userKey: user.signing.publicKey, device },
      }),
    );
    const context = createApplyContext(TEST_CLUSTER);
    const { results } = applyBatch(view, { index: 1, stampMs: 1 as StampMs, commands }, context);
    expect(results).toMatchObject([{ code: 'invalid_signature' }, { ok: true, value: { account: user.account } }]);
  });

  it('spends an invitation once, and refuses unknown, spent and expired ones', () => {
    const invite = (code: string) => chat.must('invite.create', null, { inviteHash: bytesFrom(code), ttlMs: 1_000 });
    invite('one');
    const by = (name: string, code: string) => register(registration(name, { inviteHash: bytesFrom(code) }));
    expect(by('alice', 'guess')).toMatchObject({ code: 'invite_required' });
    expect(by('alice', 'one')).toMatchObject({ ok: true });
    expect(by('alice', 'one')).toMatchObject({ ok: true });
    expect(by('bob', 'one')).toMatchObject({ code: 'invite_required' });
    invite('two');
    chat.wait(1000);
    expect(by('bob', 'two')).toMatchObject({ code: 'invite_required' });
  });

  it('keeps an invitation when the registration is refused for another reason', () => {
    const inviteHash = bytesFrom('one');
    chat.must('invite.create', null, { inviteHash, ttlMs: 1_000 });
    const device = { ...recordFrom('alice'), signature: BAD_SIGNATURE };
    expect(register(registration('alice', { inviteHash, device }))).toMatchObject({ code: 'invalid_signature' });
    expect(register(registration('alice', { inviteHash }))).toMatchObject({ ok: true });
  });
});

describe('invite.create', () => {
  it('is for the cluster itself, with an end within 30 days, and once per code', () => {
    const chat = new ChatHarness();
    const alice = chat.register('alice');
    const body = (ttlMs: number) => ({ inviteHash: bytesFrom('code'), ttlMs });
    expect(chat.code('invite.create', alice, body(1000))).toBe('forbidden');
    expect(chat.code('invite.create', null, body(0))).toBe('bad_request');
    expect(chat.code('invite.create', null, body(LIMITS.inviteTtlMsMax + 1))).toBe('bad_request');
    const txnId = chat.txn();
    expect(chat.run('invite.create', null, body(1000), txnId)).toMatchObject({ ok: true });
    expect(chat.run('invite.create', null, body(1000), txnId)).toMatchObject({ ok: true });
    expect(chat.code('invite.create', null, body(1000))).toBe('invalid_field');
    expect(chat.code('invite.create', null, body(2000), txnId)).toBe('txn_reused');
  });
});

describe('listAccounts', () => {
  it('pages through the names with a prefix, in order', async () => {
    const chat = new ChatHarness();
    for (const name of ['bob', 'al', 'alice', 'alan', 'al.z', 'bo']) chat.register(name);
    const list = async (page: { prefix?: string; after?: string; limit: number }) => {
      const { accounts, next } = await listAccounts(chat.view, page);
      return [accounts.map(({ name }) => String(name)), next];
    };
    expect(await list({ limit: 10 })).toEqual([['al', 'al.z', 'alan', 'alice', 'bo', 'bob'], null]);
    expect(await list({ prefix: 'al', limit: 2 })).toEqual([['al', 'al.z'], 'al.z']);
    expect(await list({ prefix: 'al', after: 'al.z', limit: 2 })).toEqual([['alan', 'alice'], null]);
    expect(await list({ prefix: 'x', limit: 2 })).toEqual([[], null]);
    expect(await list({ prefix: 'b', after: 'a', limit: 2 })).toEqual([['bo', 'bob'], null]);
  });
});
