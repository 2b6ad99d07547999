import { beforeEach, describe, expect, it } from 'vitest';
import { LIMITS } from '../protocol/limits.ts';
import { BAD_SIGNATURE, bytesFrom, ChatHarness, recordFrom } from '../testing/chat-harness.ts';
import { accountById } from './queries-accounts.ts';
import { deviceOwner, deviceRequestState, enrolledDevice, pendingDeviceRequests } from './queries-devices.ts';
import { roomDetail } from './queries-rooms.ts';
import { sessionsOf } from './queries-sessions.ts';
import type { DeviceRecord } from '../protocol/device-record.ts';
import type { Person } from '../testing/chat-harness.ts';

let chat: ChatHarness;
let alice: Person;
let bob: Person;

beforeEach(() => {
  chat = new ChatHarness();
  alice = chat.register('alice');
  bob = chat.register('bob');
});

const phone = recordFrom('phone');
const sealedUserKey = bytesFrom('sealed');
const ask = (record: DeviceRecord, who = alice) =>
  chat.run('device.request', null, {
    account: who.account,
    device: record.device,
    signingKey: record.signingKey,
    sealingKey: record.sealingKey,
  });
const approve = (record: DeviceRecord, who = alice) => chat.run('device.approve', who, { record, sealedUserKey });
const pending = () => pendingDeviceRequests(chat.view, alice.account, chat.stampMs).map(({ device }) => device);

describe('device.request', () => {
  it('shows the device to its account until the request expires', () => {
    const expiresAt = chat.stampMs + LIMITS.deviceRequestTtlMs;
    expect(ask(phone)).toEqual({ ok: true, value: { device: phone.device, expiresAt } });
    expect(chat.events.at(-1)!.event).toMatchObject({ kind: 'device-requested', account: alice.account });
    expect(pending()).toEqual([phone.device]);
    expect(deviceRequestState(chat.view, alice.account, phone.device, chat.stampMs)).toMatchObject({
      state: 'pending',
      request: { device: phone.device, expiresAt },
    });
    chat.wait(LIMITS.deviceRequestTtlMs);
    expect(pending()).toEqual([]);
    expect(deviceRequestState(chat.view, alice.account, phone.device, chat.stampMs)).toBeUndefined();
    expect(approve(phone)).toMatchObject({ code: 'no_such_request' });
  });

  it('gives the same answer again while it waits, and a new one after it expired', () => {
    const original = ask(phone);
    chat.wait(1000);
    expect(ask(phone)).toEqual(original);
    expect(pending()).toEqual([phone.device]);
    chat.wait(LIMITS.deviceRequestTtlMs);
    expect(ask(phone)).toMatchObject({ ok: true, value: { expiresAt: chat.stampMs + LIMITS.deviceRequestTtlMs } });
    expect(pending()).toEqual([phone.device]);
  });

  it('refuses an id that is not of the key, unknown accounts, known devices and swapped sealing keys', () => {
    expect(ask({ ...phone, device: recordFrom('other').device })).toMatchObject({ code: 'invalid_field' });
    const nobody = { ...alice, account: `A${'a'.repeat(26)}` as Person['account'] };
    expect(ask(phone, nobody)).toMatchObject({ code: 'no_such_user' });
    expect(ask(alice.record)).toMatchObject({ code: 'device_exists' });
    expect(ask(bob.record)).toMatchObject({ code: 'device_exists' });
    ask(phone);
    expect(ask({ ...phone, sealingKey: bytesFrom('swapped') })).toMatchObject({ code: 'device_exists' });
  });

  it('lets only so many wait for one account', () => {
    for (let i = 0; i < LIMITS.deviceRequestsPerAccountMax; i++) {
      expect(ask(recordFrom(`waiting ${i}`))).toMatchObject({ ok: true });
    }
    expect(ask(phone)).toMatchObject({ code: 'too_many' });
    expect(ask(phone, bob)).toMatchObject({ ok: true });
    chat.wait(LIMITS.deviceRequestTtlMs);
    expect(ask(phone)).toMatchObject({ ok: true });
  });

  it('refuses another device for an account that has all it may', () => {
    for (let i = 1; i < LIMITS.devicesPerAccountMax; i++) chat.enrol(alice, `d${i}`);
    expect(ask(phone)).toMatchObject({ code: 'too_many' });
  });
});

describe('device.approve', () => {
  it('enrols the device and keeps the sealed user key for it', () => {
    ask(phone);
    expect(approve(phone)).toEqual({ ok: true, value: { device: phone.device } });
    expect(pending()).toEqual([]);
    const devices = accountById(chat.view, alice.account)!.devices.map(({ device }) => device);
    expect(devices).toEqual([alice.device, phone.device]);
    const state = deviceRequestState(chat.view, alice.account, phone.device, chat.stampMs)!;
    expect(state).toMatchObject({ state: 'approved', record: { device: phone.device } });
    expect(Buffer.from((state.state === 'approved' && state.sealedUserKey) || [])).toEqual(Buffer.from(sealedUserKey));
    expect(deviceOwner(chat.view, phone.device)).toEqual({ account: alice.account, revoked: false });
    expect(chat.events.at(-1)!.event).toMatchObject({ kind: 'devices-changed', change: 'added', device: phone.device });
  });

  it('repeats its result for a retry', () => {
    ask(phone);
    const txnId = chat.txn();
    const original = chat.run('device.approve', alice, { record: phone, sealedUserKey }, txnId);
    expect(chat.run('device.approve', alice, { record: phone, sealedUserKey }, txnId)).toEqual(original);
    expect(approve(phone)).toMatchObject({ code: 'device_exists' });
  });

  it('refuses what nobody asked for, other keys than those asked with, and wrong signatures', () => {
    expect(approve(phone)).toMatchObject({ code: 'no_such_request' });
    ask(phone);
    expect(approve(phone, bob)).toMatchObject({ code: 'no_such_request' });
    expect(approve({ ...phone, sealingKey: bytesFrom('swapped') })).toMatchObject({ code: 'no_such_request' });
    expect(approve({ ...phone, signingKey: bytesFrom('swapped') })).toMatchObject({ code: 'no_such_request' });
    expect(approve({ ...phone, signature: BAD_SIGNATURE })).toMatchObject({ code: 'invalid_signature' });
    expect(chat.code('device.approve', null, { record: phone, sealedUserKey })).toBe('unauthenticated');
    expect(enrolledDevice(chat.view, alice.account, phone.device)).toBeUndefined();
    expect(pending()).toEqual([phone.device]);
  });

  it('gives a device that asked at two accounts to the first that approves', () => {
    ask(phone);
    ask(phone, bob);
    expect(approve(phone, bob)).toMatchObject({ ok: true });
    expect(approve(phone)).toMatchObject({ code: 'device_exists' });
  });

  it('refuses more devices than an account may have', () => {
    ask(phone);
    for (let i = 1; i < LIMITS.devicesPerAccountMax; i++) chat.enrol(alice, `d${i}`);
    expect(approve(phone)).toMatchObject({ code: 'too_many' });
  });
});

describe('device.revoke', () => {
  it('ends the sessions of the device; its key never comes back', () => {
    const other = chat.enrol(alice, 'phone');
    const second = chat.login(other);
    expect(chat.code('device.revoke', alice, { device: other.device })).toBe('ok');
    const kinds = chat.events.slice(-3).map(({ event }) => event.kind);
    expect(kinds).toEqual(['session-ended', 'session-ended', 'devices-changed']);
    expect(sessionsOf(chat.view, alice.account, chat.stampMs).map(({ session }) => session)).toEqual([alice.session]);
    expect(chat.code('device.revoke', second, { device: alice.device })).toBe('session_revoked');
    expect(ask(other.record)).toMatchObject({ code: 'device_exists' });
    expect(deviceOwner(chat.view, other.device)).toEqual({ account: alice.account, revoked: true });
  });

  it('lets a device revoke itself, but never the last one', () => {
    const other = chat.enrol(alice, 'phone');
    expect(chat.code('device.revoke', alice, { device: alice.device })).toBe('ok');
    expect(chat.code('device.revoke', other, { device: other.device })).toBe('forbidden');
  });

  it('refuses devices of others and unknown ones', () => {
    expect(chat.code('device.revoke', alice, { device: bob.device })).toBe('no_such_device');
    expect(chat.code('device.revoke', alice, { device: phone.device })).toBe('no_such_device');
    expect(chat.code('device.revoke', null, { device: bob.device })).toBe('unauthenticated');
  });
});

it('every change of devices makes the rosters of all rooms of the account newer, without writing to them', () => {
  const rooms = [chat.directRoom(alice, bob), chat.groupRoom(alice), chat.groupRoom(bob, alice)];
  const versions = () => rooms.map((room) => roomDetail(chat.view, alice.account, room)!.rosterVersion);
  const rows = () => rooms.map((room) => chat.view.rows.get(`r/${room}`));
  const [before, rowsBefore] = [versions(), rows()];
  const other = chat.enrol(alice, 'phone');
  expect(versions()).toEqual(before.map((version) => version + 1));
  chat.must('device.revoke', alice, { device: other.device });
  expect(versions()).toEqual(before.map((version) => version + 2));
  expect(rows()).toEqual(rowsBefore);
});
